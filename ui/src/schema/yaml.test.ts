import { describe, expect, it } from 'vitest'
import { yamlOf } from './yaml'

describe('yamlOf', () => {
  it('writes what the gateway reads', () => {
    const value = { services: [{ name: 'a', port: 80, tags: ['x', 'yes', '1'], path: null, tls: false, config: {}, list: [], inner: { 'a: b': [[1, 2], { c: '#d' }] } }] }
    expect(yamlOf(value)).toBe(
      'services:\n  - name: a\n    port: 80\n    tags:\n      - x\n      - "yes"\n      - "1"\n    path: null\n    tls: false\n    config: {}\n    list: []\n    inner:\n      "a: b":\n        - - 1\n          - 2\n        - c: "#d"\n',
    )
  })
  it('writes certificates in blocks, and keeps their last line break', () => {
    expect(yamlOf({ cert: 'A\nB\n', key: 'A\nB' })).toBe('cert: |\n  A\n  B\nkey: |-\n  A\n  B\n')
  })
  it('quotes what a block cannot hold', () => {
    for (const text of [' a\nb', 'a \nb', 'a\nb\n\n', 'a\n\u0007']) expect(yamlOf({ v: text })).toBe(`v: ${JSON.stringify(text)}\n`)
  })
})
