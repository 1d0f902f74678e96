import type { FieldError, FieldErrors } from '@/api/errors'
import { fieldsOf, type Field, type NamedField } from './types'

export type Values = Record<string, unknown>

/** A copy that shares nothing with the value, which is what JSON can say. */
export function clone<T>(value: T): T {
  return value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T)
}

/** Whether two values are the same JSON; the order of members makes no difference. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return (a ?? null) === (b ?? null)
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const x = a as Values
  const y = b as Values
  const names = new Set([...Object.keys(x), ...Object.keys(y)])
  return [...names].every((n) => same(x[n] ?? null, y[n] ?? null))
}

/** What a field holds in a form that nobody has touched. */
export function blankField(field: Field): unknown {
  if (field.type === 'record' && !field.abstract) {
    if (field.required || field.default != null) {
      return { ...blank(field.fields ?? []), ...(clone(field.default) as Values | null | undefined) }
    }
    return null
  }
  return field.default === undefined ? null : clone(field.default)
}

/** The values of a form for something new. */
export function blank(fields: NamedField[]): Values {
  const values: Values = {}
  for (const [name, field] of fieldsOf({ fields })) {
    if (!field.auto) values[name] = blankField(field)
  }
  return values
}

/** The values of a form for what there is; fields that an answer leaves out have their default. */
export function filled(fields: NamedField[], from: Values): Values {
  const values: Values = {}
  for (const [name, field] of fieldsOf({ fields })) {
    if (field.auto) continue
    const there = from[name]
    if (there === undefined) {
      values[name] = blankField(field)
    } else if (field.type === 'record' && !field.abstract && there !== null && typeof there === 'object') {
      values[name] = filled(field.fields ?? [], there as Values)
    } else {
      values[name] = clone(there)
    }
  }
  return values
}

/**
 * The body that makes `before` into `after`: of records the members that differ, of
 * everything else the whole value. The API merges records, but not their null.
 */
export function difference(fields: NamedField[], before: Values, after: Values): Values {
  const body: Values = {}
  for (const [name, field] of fieldsOf({ fields })) {
    const old = before[name] ?? null
    const now = after[name] ?? null
    if (same(old, now)) continue
    if (field.type === 'record' && !field.abstract && old && now) {
      body[name] = difference(field.fields ?? [], old as Values, now as Values)
    } else {
      body[name] = clone(now)
    }
  }
  return body
}

/** The error of the field at a path ("config.redis.port"), and those of what it holds. */
export function errorAt(errors: FieldErrors, path: string): FieldError {
  let at: unknown = errors
  for (const name of path.split('.')) {
    if (typeof at !== 'object' || at === null) return null
    at = (at as Values)[name]
  }
  return (at ?? null) as FieldError
}

/** All texts in an error, those of members with the path before them. */
export function textsOf(error: FieldError | undefined, prefix = ''): string[] {
  if (error === null || error === undefined) return []
  if (typeof error === 'string') return [prefix ? `${prefix}: ${error}` : error]
  const inner = Array.isArray(error) ? error.map((e, i) => [String(i + 1), e] as const) : Object.entries(error)
  return inner.flatMap(([name, e]) => ofWhole(name, e, prefix) ?? textsOf(e, prefix ? `${prefix}.${name}` : name))
}

/** What is said of a record as a whole has a name like "@entity", and is a list of texts. */
function ofWhole(name: string, error: FieldError, prefix: string): string[] | undefined {
  if (!name.startsWith('@')) return undefined
  return Array.isArray(error) ? error.flatMap((e) => textsOf(e, prefix)) : textsOf(error, prefix)
}

/** Texts of those errors that stand beside no field of a form: of the entity as a whole, or of unknown fields. */
export function elsewhere(errors: FieldErrors, shown: string[]): string[] {
  return Object.entries(errors).flatMap(([name, e]) => (shown.includes(name) ? [] : (ofWhole(name, e, '') ?? textsOf(e, name))))
}
