import type { Field } from './types'

/**
 * The value that a text stands for in a field. What is no number stays a text, and the
 * server says what is wrong with it.
 */
export function parseScalar(field: Field, text: string): unknown {
  if (text === '') return null
  if (field.type === 'integer' || field.type === 'number') {
    const n = Number(text)
    return text.trim() !== '' && Number.isFinite(n) ? n : text
  }
  if (field.type === 'boolean') return text === 'true'
  return text
}

/** The text of a value in an input. */
export function scalarText(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** "10–65536" and the like, for the empty input. */
export function rangeOf(field: Field): string {
  if (field.between) return `${field.between[0]}–${field.between[1]}`
  if (field.gt !== undefined) return `more than ${field.gt}`
  return ''
}
