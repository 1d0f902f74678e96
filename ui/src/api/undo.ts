import { messageOf } from './errors'
import { post } from './client'
import { toast } from '@/components/toasts'

/** Takes back what one revision did, and says so. Calls `after` when that has been done. */
export async function undo(revision: number, after?: () => void): Promise<void> {
  try {
    await post(`/revisions/${revision}/undo`)
    toast({ kind: 'good', text: `Revision ${revision} is taken back` })
    after?.()
  } catch (e) {
    toast({ kind: 'bad', text: messageOf(e) })
  }
}
