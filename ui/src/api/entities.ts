import { get, query, segment } from './client'

/** An entity as the Admin API shows it. */
export interface Entity {
  id: string
  tags?: string[] | null
  [field: string]: unknown
}

export interface Page<T = Entity> {
  data: T[]
  next: string | null
  offset?: string
}

export interface ListOptions {
  size?: number
  offset?: string
  tags?: string[]
  /** Also what Gibbon knows beside what others do. */
  details?: boolean
  signal?: AbortSignal
}

/** One page of a collection, such as "/services" or "/services/{id}/routes". */
export function list<T = Entity>(path: string, o: ListOptions = {}): Promise<Page<T>> {
  const q = query({ size: o.size, offset: o.offset, tags: o.tags?.join(','), details: o.details ? 1 : undefined })
  return get<Page<T>>(path + q, { signal: o.signal })
}

/** All of a collection, up to a limit; `more` tells that there is still more. */
export async function listAll<T = Entity>(path: string, o: ListOptions & { limit?: number } = {}): Promise<{ data: T[]; more: boolean }> {
  const data: T[] = []
  let offset: string | undefined
  do {
    const page = await list<T>(path, { ...o, size: 1000, offset })
    data.push(...page.data)
    offset = page.offset
  } while (offset && data.length < (o.limit ?? 20_000))
  return { data, more: Boolean(offset) }
}

/** The path of one entity in its collection. */
export const at = (collection: string, key: string) => `${collection}/${segment(key)}`
