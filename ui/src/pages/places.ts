import type { IconName } from '@/components/UiIcon.vue'
import { kinds } from '@/schema/kinds'

export interface Place {
  title: string
  path: string
  icon: IconName
}

/** The groups of the sidebar. */
export const groups: { title?: string; places: Place[] }[] = [
  {
    places: [
      { title: 'Overview', path: '/default/overview', icon: 'overview' },
      { title: 'Explain', path: '/default/explain', icon: 'explain' },
    ],
  },
  { title: 'API Gateway', places: kinds.map((k) => ({ title: k.title, path: `/default/${k.path}`, icon: k.path as IconName })) },
  {
    title: 'Gateway',
    places: [
      { title: 'Revisions', path: '/default/revisions', icon: 'revisions' },
      { title: 'Nodes', path: '/default/nodes', icon: 'nodes' },
    ],
  },
]
