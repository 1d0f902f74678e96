import { at, list, listAll, type Entity } from '@/api/entities'
import { kindOf } from './kinds'
import type { Fate, Kind } from './layout'

/** A Use is a kind of entities that refer to another one, and a few of them by name. */
export interface Use {
  kind: Kind
  fate: Fate
  /** Names and addresses of the first ones. */
  shown: { text: string; to: string }[]
  /** Whether there are more than are shown. */
  more: boolean
}

const most = 5

/** Who uses an entity: what belongs to it, and what mentions it. */
export async function usesOf(kind: Kind, e: Entity): Promise<Use[]> {
  const use = (path: string, fate: Fate, found: Entity[], more: boolean): Use[] => {
    const k = kindOf(path)
    if (!k || !found.length) return []
    const to = (f: Entity) => (k.path === 'targets' ? `/default/upstreams/${e.id}` : `/default/${k.path}/${f.id}`)
    return [{ kind: k, fate, shown: found.slice(0, most).map((f) => ({ text: k.nameOf(f), to: to(f) })), more: more || found.length > most }]
  }
  const children = (kind.children ?? []).map(async (c) => {
    const page = await list(`${at(`/${kind.path}`, e.id)}/${c.below ?? c.kind}`, { size: most })
    return use(c.kind, c.fate, page.data, Boolean(page.offset))
  })
  const mentions = (kind.mentions ?? []).map(async (m) => {
    const { data } = await listAll(`/${m.kind}`)
    const wanted = e[m.of ?? 'id']
    const names = (v: unknown): boolean => v === wanted || (Array.isArray(v) ? v.some(names) : (v as { id?: string } | null)?.id === e.id)
    return use(m.kind, m.fate, data.filter((f) => names(f[m.field])), false)
  })
  return (await Promise.all([...children, ...mentions])).flat()
}
