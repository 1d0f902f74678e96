import { describe, expect, it } from 'vitest'
import { samplesOf } from './metrics'

describe('samplesOf', () => {
  it('reads labels and values of one name only', () => {
    const text = '# TYPE a counter\na{x="1",y="q\\"}\\n"} 5\na 7\nab{x="2"} 6\na_total 1\n'
    expect(samplesOf(text, 'a')).toEqual([
      { labels: { x: '1', y: 'q"}\n' }, value: 5 },
      { labels: {}, value: 7 },
    ])
  })
})
