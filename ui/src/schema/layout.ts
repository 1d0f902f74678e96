import type { RouteLocationRaw } from 'vue-router'
import type { Entity } from '@/api/entities'
import type { Field } from './types'

/**
 * A Layout is what a schema does not say of a kind: order, groups and words. Fields
 * that it does not name come in a last, closed group, so that no field is ever missing.
 */
export interface Layout {
  columns: Column[]
  groups: Group[]
  /** Fields by path ("healthchecks.active.type"). */
  hints?: Record<string, Hint>
  /** Fields that are secrets, though the schema does not say so. */
  secrets?: string[]
  /** Fields that the form does not show. */
  hidden?: string[]
}

export interface Column {
  field: string
  title?: string
  /** Not shown unless the user wants it. */
  extra?: boolean
  /** What to show of an entity; by default the value of the field. */
  text?: (e: Entity) => string
}

export interface Group {
  title: string
  help?: string
  fields: string[]
  /** Closed until it is opened, or holds an error or a value of its own. */
  advanced?: boolean
  /** What the values of the group come to, in a sentence that is kept up to date. */
  says?: (values: Record<string, unknown>) => string
}

export interface Hint {
  label?: string
  help?: string
  placeholder?: string
  /** A text of several lines, such as a certificate. */
  multiline?: boolean
  /** Whether the field makes sense with the other values of the form. */
  when?: (values: Record<string, unknown>) => boolean
  /** A record that is all there is in its group, so it needs neither label nor frame. */
  bare?: boolean
  /** Schema of a field that the server does not describe. */
  field?: Field
}

export interface Kind {
  /** Its collection in the Admin API and in our own addresses: "key-sets". */
  path: string
  /** Its name in the schemas: "key_sets". */
  schema: string
  /** "Key Sets" and "Key Set". */
  title: string
  one: string
  /** What it is for, in a sentence; shown where there is none yet. */
  purpose: string
  /** What people call one of them. */
  nameOf: (e: Entity) => string
  layout: Layout
  /** What belongs to one of them, each a list on its page. */
  children?: Child[]
  /** What names one of them in another way than by belonging to it. */
  mentions?: Mention[]
  /** What can be done next with a new one; without it, it is shown at once. */
  next?: (e: Entity) => { text: string; to: RouteLocationRaw }[]
}

/** What becomes of those that refer to an entity when it is deleted. */
export type Fate = 'refused' | 'removed' | 'broken'

/** A Child is a kind whose entities refer to another one: the routes of a service. */
export interface Child {
  /** Path of the kind: "routes". */
  kind: string
  /** Its collection below the parent, when it is called otherwise than the kind: "key-auth". */
  below?: string
  /** The field that refers to the parent. */
  field: string
  fate: Fate
}

/** A Mention is a field of another kind that holds the name or id of an entity. */
export interface Mention {
  kind: string
  field: string
  /** The field that is meant; by default the id. */
  of?: string
  fate: Fate
}

const idOf = (e: Entity) => e.id.slice(0, 8)

/** The value of the first of some fields that is a text, or the beginning of the id. */
export function named(...fields: string[]): (e: Entity) => string {
  return (e) => {
    for (const f of fields) {
      const v = e[f]
      if (typeof v === 'string' && v !== '') return v
    }
    return idOf(e)
  }
}

const acronyms: Record<string, string> = {
  id: 'ID', sni: 'SNI', snis: 'SNIs', http: 'HTTP', https: 'HTTPS', tls: 'TLS', ssl: 'SSL', ip: 'IP', ips: 'IPs', url: 'URL', uri: 'URI', tcp: 'TCP', udp: 'UDP',
  ca: 'CA', jwt: 'JWT', jwk: 'JWK', acl: 'ACL', kid: 'Key ID', srv: 'SRV', dns: 'DNS', ttl: 'TTL', rsa: 'RSA', cors: 'CORS', pem: 'PEM', cert: 'Certificate', api: 'API', json: 'JSON', xml: 'XML', html: 'HTML',
}

/** "https_redirect_status_code" → "HTTPS redirect status code". */
export function labelOf(field: string): string {
  const words = field.split(/[_-]/).map((w) => acronyms[w] ?? w)
  const first = words[0] ?? ''
  words[0] = first.charAt(0).toUpperCase() + first.slice(1)
  return words.join(' ')
}
