import type { IconName } from '@/components/UiIcon.vue'
import { kinds } from '@/schema/kinds'

export interface Place {
  title: string
  path: string
  icon: IconName
}

/** The groups of the sidebar. */
export const groups: { title?: string; places: Place[] }[] = [
  { title: 'API Gateway', places: kinds.map((k) => ({ title: k.title, path: `/default/${k.path}`, icon: k.path as IconName })) },
]
