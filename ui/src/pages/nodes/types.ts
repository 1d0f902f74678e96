/** What GET /nodes tells of one gateway. */
export interface Node {
  node_id: string
  hostname: string
  version: string
  /** The newest that it has in force; null while it reads everything anew. */
  revision: number | null
  state: 'following' | 'behind' | 'away'
  /** When it last told of itself, in Unix seconds. */
  seen: number
}

/** The answer of GET /nodes. */
export interface Nodes {
  data: Node[]
  /** The newest. */
  revision: number
  /** Of the node that answered. */
  node_id: string
}
