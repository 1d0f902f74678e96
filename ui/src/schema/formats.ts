import { fieldsOf, type Field, type NamedField } from './types'
import type { Kind } from './layout'
import type { Values } from './model'
import { yamlOf } from './yaml'

/** What stands for a secret that shall not be seen. */
const mask = '******'

/** A copy of an entity in which every field that the schema calls a secret is masked. */
export function masked(fields: NamedField[], from: Values): Values {
  const known = new Map<string, Field>(fieldsOf({ fields }))
  return Object.fromEntries(Object.entries(from).map(([name, v]) => [name, maskedField(known.get(name), v)]))
}

function maskedField(field: Field | undefined, v: unknown): unknown {
  if (!field || v === null || v === undefined) return v
  if (field.encrypted) return mask
  if (field.type === 'record') return masked(field.fields ?? [], v as Values)
  if (Array.isArray(v)) return v.map((item) => maskedField(field.elements, item))
  if (field.type === 'map') return Object.fromEntries(Object.entries(v as Values).map(([n, item]) => [n, maskedField(field.values, item)]))
  return v
}

/** Whether masking changes anything. */
export function hasSecrets(fields: NamedField[], from: Values): boolean {
  return JSON.stringify(masked(fields, from)) !== JSON.stringify(from)
}

const own = (e: Values): Values => Object.fromEntries(Object.entries(e).filter(([n]) => !['created_at', 'updated_at'].includes(n)))
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

export type Format = 'JSON' | 'YAML' | 'curl'

/** An entity as the Admin API answers it, as a configuration file has it, or as the command that makes it. */
export function textIn(format: Format, kind: Kind, e: Values, admin: string): string {
  switch (format) {
    case 'JSON':
      return `${JSON.stringify(e, null, 2)}\n`
    case 'YAML':
      return yamlOf({ _format_version: '3.0', [kind.schema]: [own(e)] })
    case 'curl': {
      const { id, ...body } = own(e)
      return `curl -X PUT ${quoted(`${admin}/${kind.path}/${String(id)}`)} \\\n  -H 'Content-Type: application/json' \\\n  -d ${quoted(JSON.stringify(body, null, 2))}\n`
    }
  }
}
