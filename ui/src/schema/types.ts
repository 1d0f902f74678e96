/** A Schema is what GET /schemas/{kind} answers. */
export interface Schema {
  fields: NamedField[]
  shorthand_fields?: NamedField[]
  entity_checks?: Record<string, unknown>[]
}

/** Fields come as objects with one key each, their name. */
export type NamedField = Record<string, Field>

export type FieldType = 'string' | 'integer' | 'number' | 'boolean' | 'set' | 'array' | 'map' | 'record' | 'foreign' | 'json' | 'any'

export interface Field {
  type: FieldType
  description?: string
  default?: unknown
  required?: boolean
  unique?: boolean
  auto?: boolean
  one_of?: (string | number)[]
  between?: [number, number]
  gt?: number
  len_min?: number
  len_max?: number
  match?: string
  starts_with?: string
  referenceable?: boolean
  encrypted?: boolean
  abstract?: boolean
  uuid?: boolean
  timestamp?: boolean
  reference?: string // of a foreign key: the kind
  elements?: Field // of sets and arrays
  keys?: Field // of maps
  values?: Field
  fields?: NamedField[] // of records
  deprecation?: { message: string }
}

/** Fields by name, in their order. */
export function fieldsOf(s: { fields?: NamedField[] }): [string, Field][] {
  return (s.fields ?? []).flatMap((named) => Object.entries(named))
}
