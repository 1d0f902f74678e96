/** A Revision is one accepted write. */
export interface Revision {
  number: number
  time: number
  actor: string
  summary: string
  /** Only of one that is read alone. */
  changes?: Change[]
}

export interface Change {
  kind: string
  id: string
  name?: string
  action: 'created' | 'changed' | 'removed'
  before: Record<string, unknown> | null
  after: Record<string, unknown> | null
  diff: { field: string; before: unknown; after: unknown }[] | null
}
