import type { Crumb } from '@/components/UiPage.vue'
import type { Entity } from '@/api/entities'
import { kindOf, kinds } from './kinds'
import type { Kind } from './layout'

/** Breadcrumbs to the list of its parent, for a kind that is in no list of the sidebar: credentials of a consumer. */
export function ownerCrumbs(kind: Kind, e: Entity | undefined): Crumb[] {
  if (kinds.includes(kind)) return [{ text: kind.title, to: `/default/${kind.path}` }]
  const consumers = kindOf('consumers')!
  const id = (e?.consumer as { id?: string } | null | undefined)?.id
  return [{ text: consumers.title, to: `/default/${consumers.path}` }, ...(id ? [{ text: kind.title, to: `/default/${consumers.path}/${id}/${kind.path}` }] : [])]
}
