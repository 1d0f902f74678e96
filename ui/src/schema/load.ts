import { get, segment } from '@/api/client'
import type { Kind } from './layout'
import { fieldsOf, type Schema } from './types'

const known = new Map<string, Promise<Schema>>()

/** The schema of a kind ("services") or of a plugin ("plugins/key-auth"), asked for once. */
export function loadSchema(name: string): Promise<Schema> {
  let schema = known.get(name)
  if (!schema) {
    schema = get<Schema>(`/schemas/${name.split('/').map(segment).join('/')}?extensions=1`)
    known.set(name, schema)
    schema.catch(() => known.delete(name))
  }
  return schema
}

/** Kinds of which each has a name that decides about its other fields. */
export const hasVariants = (kind: Kind) => kind.schema === 'plugins' || kind.schema === 'vaults'

/**
 * The schema of one entity: of a plugin or vault with the fields that come with its name,
 * which take the places of those of all.
 */
export async function schemaOf(kind: Kind, variant?: string): Promise<Schema> {
  const base = adapted(kind, await loadSchema(kind.schema))
  if (!hasVariants(kind) || !variant) return base
  const own = new Map(fieldsOf(await loadSchema(`${kind.schema}/${variant}`)))
  const fields = fieldsOf(base).map(([name, field]) => ({ [name]: own.get(name) ?? field }))
  const added = [...own].filter(([name]) => !fieldsOf(base).some(([b]) => b === name)).map(([name, field]) => ({ [name]: field }))
  return { ...base, fields: [...fields, ...added] }
}

/** A schema with what a layout knows better: fields that people may fill in although the gateway can, and secrets. */
function adapted(kind: Kind, schema: Schema): Schema {
  const shown = new Set(kind.layout.groups.flatMap((g) => g.fields))
  const fields = fieldsOf(schema).map(([name, field]) => ({
    [name]: { ...field, auto: field.auto && !shown.has(name), encrypted: field.encrypted || kind.layout.secrets?.includes(name) },
  }))
  return { ...schema, fields }
}
