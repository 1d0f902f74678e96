import type { Tone } from './rows'

/** Something that explains why traffic is as it is. */
export interface Happening {
  key: string
  time: number // Unix seconds
  kind: 'health' | 'order' | 'revision'
  tone: Tone
  title: string
  text: string
  target?: string
  revision?: number
}
