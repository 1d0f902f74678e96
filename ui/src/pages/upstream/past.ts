// What happened to an upstream before its page was opened.
import { get } from '@/api/client'
import { list } from '@/api/entities'
import { happeningOfRevision, happeningOfTurn, type Happening, type Revision, type Turn } from './timeline'
import { hasFailed, type Check, type Row } from './rows'

const most = 50 // targets that are asked about
const atOnce = 4

/** Asks what became of targets, those that have failed first, and tells of each when it is known. */
export async function pastOfTargets(path: string, rows: Row[], tell: (row: Row, checks: Check[], turns: Happening[]) => void) {
  const queue = [...rows.filter(hasFailed), ...rows.filter((r) => !hasFailed(r))].slice(0, most)
  const worker = async () => {
    for (let row = queue.shift(); row; row = queue.shift()) {
      const { data } = await get<{ data: { address: string; transitions: Turn[]; checks: Check[] }[] }>(`${path}/targets/${row.id}/history`)
      const turns = data.flatMap((a) => a.transitions.map((t) => happeningOfTurn({ ...t, target: row.target, address: a.address })))
      tell(row, data.flatMap((a) => a.checks), turns)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

/** The revisions that speak of one of these names. */
export async function pastRevisions(names: string[]): Promise<Happening[]> {
  const page = await list<Revision & { id: string }>('/revisions', { size: 100 })
  return page.data.filter((r) => names.some((n) => r.summary.includes(n))).map(happeningOfRevision)
}
