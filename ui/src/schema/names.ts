import { get } from '@/api/client'
import { at, type Entity } from '@/api/entities'
import type { Kind } from './layout'

const known = new Map<string, { at: number; name: Promise<string> }>()
const keptFor = 10_000 // milliseconds

/** What people call the entity with an id; the beginning of the id when it cannot be found. */
export function nameOfEntity(kind: Kind, id: string): Promise<string> {
  const key = `${kind.path}/${id}`
  const had = known.get(key)
  if (had && Date.now() - had.at < keptFor) return had.name
  const name = get<Entity>(at(`/${kind.path}`, id)).then(kind.nameOf, () => id.slice(0, 8))
  known.set(key, { at: Date.now(), name })
  return name
}
