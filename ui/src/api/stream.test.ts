import { describe, expect, it } from 'vitest'
import { parseEvents } from './stream'

describe('parseEvents', () => {
  it('keeps what is not complete', () => {
    const first = parseEvents('retry: 2000\n\nid: a-0\nevent: hello\ndata: {"x":1}\n\n: alive\n\nevent: tra')
    expect(first).toEqual({ events: [{ event: 'hello', data: '{"x":1}', id: 'a-0' }], rest: 'event: tra' })
    expect(parseEvents(`${first.rest}ffic\ndata: {}\n\n`).events).toEqual([{ event: 'traffic', data: '{}', id: '' }])
  })
})
