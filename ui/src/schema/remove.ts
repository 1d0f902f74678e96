import { at, type Entity } from '@/api/entities'
import { messageOf } from '@/api/errors'
import { undo } from '@/api/undo'
import { revised } from '@/api/writes'
import { confirm, type Consequence } from '@/components/confirm'
import { toast } from '@/components/toasts'
import type { Fate, Kind } from './layout'
import { usesOf, type Use } from './uses'

const words: Record<Fate, string> = {
  refused: 'It cannot be deleted while these use it',
  removed: 'These are deleted with it',
  broken: 'These name it, and no longer find it',
}

const consequence = (u: Use): Consequence => ({ title: `${words[u.fate]}: ${u.kind.title}`, items: u.shown, more: u.more })

/**
 * Deletes an entity when the user agrees, who is shown first who uses it, and can take it back.
 * Returns whether it is gone; `back` is called when that has been undone.
 */
export async function removeEntity(kind: Kind, e: Entity, back: () => void): Promise<boolean> {
  const name = kind.nameOf(e)
  try {
    const uses = await usesOf(kind, e)
    const agreed = await confirm({
      title: `Delete ${name}?`,
      text: uses.length ? undefined : `Nothing uses this ${kind.one.toLowerCase()}. It is removed at once.`,
      consequences: uses.map(consequence),
      action: 'Delete',
      danger: true,
    })
    if (!agreed) return false
    const { revision } = await revised('DELETE', at(`/${kind.path}`, e.id))
    toast({ kind: 'good', text: `${kind.one} ${name} is deleted`, next: { text: 'Undo', run: () => void undo(revision, back) } })
    return true
  } catch (error) {
    toast({ kind: 'bad', text: messageOf(error) })
    return false
  }
}
