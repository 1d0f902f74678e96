import { describe, expect, it } from 'vitest'
import { parseScalar, scalarText } from './scalar'

describe('parseScalar', () => {
  it('makes numbers of numbers, and leaves to the server what is none', () => {
    expect(parseScalar({ type: 'integer' }, '42')).toBe(42)
    expect(parseScalar({ type: 'number' }, '0.5')).toBe(0.5)
    expect(parseScalar({ type: 'integer' }, '4x')).toBe('4x')
    expect(parseScalar({ type: 'integer' }, ' ')).toBe(' ')
  })
  it('makes null of nothing', () => {
    expect(parseScalar({ type: 'string' }, '')).toBeNull()
    expect(parseScalar({ type: 'integer' }, '')).toBeNull()
  })
  it('leaves texts alone', () => {
    expect(parseScalar({ type: 'string' }, '42')).toBe('42')
    expect(scalarText(null)).toBe('')
    expect(scalarText(0)).toBe('0')
  })
})
