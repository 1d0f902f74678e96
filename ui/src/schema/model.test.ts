import { describe, expect, it } from 'vitest'
import { blank, difference, elsewhere, errorAt, filled, same, textsOf } from './model'
import type { NamedField } from './types'

const fields: NamedField[] = [
  { id: { type: 'string', auto: true } },
  { name: { type: 'string' } },
  { retries: { type: 'integer', default: 5 } },
  { tags: { type: 'set', elements: { type: 'string' } } },
  {
    checks: {
      type: 'record',
      required: true,
      fields: [{ path: { type: 'string', default: '/' } }, { statuses: { type: 'set', default: [200, 302], elements: { type: 'integer' } } }],
    },
  },
  { outlier: { type: 'record', fields: [{ interval: { type: 'number', default: 10 } }] } },
]

describe('blank', () => {
  it('has the defaults, those of required records within, and nothing that the server makes', () => {
    expect(blank(fields)).toEqual({ name: null, retries: 5, tags: null, checks: { path: '/', statuses: [200, 302] }, outlier: null })
  })
  it('shares nothing with the schema', () => {
    const a = blank(fields) as { checks: { statuses: number[] } }
    a.checks.statuses.push(500)
    expect(blank(fields)).toMatchObject({ checks: { statuses: [200, 302] } })
  })
})

describe('filled', () => {
  it('takes what is there and the default of what an answer leaves out', () => {
    expect(filled(fields, { id: 'x', name: 'a', retries: 0, tags: null, checks: { path: '/up' } })).toEqual({
      name: 'a',
      retries: 0,
      tags: null,
      checks: { path: '/up', statuses: [200, 302] },
      outlier: null,
    })
  })
})

describe('difference', () => {
  const before = blank(fields)
  it('is empty when nothing was changed', () => {
    expect(difference(fields, before, blank(fields))).toEqual({})
  })
  it('has of records only the members that differ', () => {
    expect(difference(fields, before, { ...blank(fields), checks: { path: '/up', statuses: [200, 302] } })).toEqual({ checks: { path: '/up' } })
  })
  it('has null for what was emptied, and the whole of what was absent', () => {
    expect(difference(fields, { ...before, name: 'a' }, { ...before, outlier: { interval: 10 } })).toEqual({ name: null, outlier: { interval: 10 } })
  })
  it('has whole sets', () => {
    expect(difference(fields, { ...before, tags: ['a'] }, { ...before, tags: ['a', 'b'] })).toEqual({ tags: ['a', 'b'] })
  })
})

describe('same', () => {
  it('takes null and absent for the same, and no notice of the order of members', () => {
    expect(same({ a: 1, b: null }, { b: undefined, a: 1 })).toBe(true)
    expect(same({ a: 1 }, { a: '1' })).toBe(false)
    expect(same([1, 2], [2, 1])).toBe(false)
    expect(same([], {})).toBe(false)
  })
})

describe('errors', () => {
  const errors = { name: 'too long', config: { redis: { port: 'expected an integer' } }, paths: [null, 'bad'], '@entity': ['one is needed'], stranger: 'unknown field' }
  it('are found by path', () => {
    expect(errorAt(errors as never, 'config.redis.port')).toBe('expected an integer')
    expect(errorAt(errors as never, 'config.redis.host')).toBeNull()
    expect(errorAt(errors as never, 'name.more')).toBeNull()
  })
  it('are told with the path within the field', () => {
    expect(textsOf(errors.paths)).toEqual(['2: bad'])
    expect(textsOf(errors.config)).toEqual(['redis.port: expected an integer'])
  })
  it('that belong to no field stand above the form', () => {
    expect(elsewhere(errors as never, ['name', 'config', 'paths'])).toEqual(['one is needed', 'stranger: unknown field'])
  })
})
