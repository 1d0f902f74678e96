// What is wrong: with the store, other nodes, the configuration, targets, certificates and requests.
import { computed } from 'vue'
import { get } from '@/api/client'
import { listAll, type Entity } from '@/api/entities'
import { count, rate } from '@/components/numbers'
import { ageOf, momentOf, useNow } from '@/components/time'
import { useLoad } from '@/components/useLoad'
import { useTick } from '@/components/useTick'
import { caCertificates } from '@/schema/kinds/ca_certificates'
import { certificates } from '@/schema/kinds/certificates'
import { endOfCertificate } from '@/schema/pem'
import type { Nodes } from '../nodes/types'
import { useTroubles, type Trouble } from './health'
import { harmless, reasonText } from './reasons'
import type { useTraffic } from './traffic'

export interface Problem {
  key: string
  tone: 'bad' | 'warn'
  state: string
  title: string
  text: string
  to?: string
  beside?: string
}
const mostOfOne = 5 // targets of one upstream that are told of one by one
const day = 86_400 // seconds
const soon = 30 * day

/** All problems, the worst kinds first. They are looked for anew all the time. */
export function useProblems(traffic: ReturnType<typeof useTraffic>) {
  const now = useNow()
  const health = useTroubles()
  const certs = useLoad(async (signal) => {
    const [own, ca] = await Promise.all([listAll('/certificates', { signal }), listAll('/ca_certificates', { signal })])
    const ends = (kind: typeof certificates) => (e: Entity) => ({ kind, e, end: endOfCertificate(e.cert) ?? Infinity })
    return [...own.data.map(ends(certificates)), ...ca.data.map(ends(caCertificates))].sort((a, b) => a.end - b.end)
  })

  const nodes = useLoad((signal) => get<Nodes>('/nodes', { signal }))
  useTick(() => void nodes.load(), 10_000) // as often as they tell of themselves

  /** Many targets of one upstream as one problem. */
  function summed(troubles: Trouble[]): Problem {
    const { id, name } = troubles[0]!.upstream
    const causes = new Map<string, number>()
    for (const t of troubles) causes.set(t.cause, (causes.get(t.cause) ?? 0) + 1)
    const [most, ...others] = [...causes.keys()].sort((a, b) => causes.get(b)! - causes.get(a)!)
    const text = `${most}${others.length ? `, and ${count(others.length)} other ${others.length === 1 ? 'cause' : 'causes'}` : ''}`
    const since = Math.max(...troubles.map((t) => t.since ?? 0))
    return { key: id, tone: 'bad', state: 'Unhealthy', title: `${count(new Set(troubles.map((t) => t.target)).size)} targets of ${name}`, text, to: `/default/upstreams/${id}`, beside: since ? ageOf(since, now.value) : undefined }
  }
  const problems = computed((): Problem[] => {
    const all: Problem[] = []
    if (traffic.last.value?.status.database?.reachable === false)
      all.push({ key: 'database', tone: 'bad', state: 'Away', title: 'The database does not answer', text: 'Traffic goes on with the configuration that is known; changes are refused.', to: '/default/nodes' })
    for (const n of nodes.value.value?.data ?? [])
      if (n.state === 'away')
        all.push({ key: `node ${n.node_id}`, tone: 'bad', state: 'Away', title: `Node ${n.hostname || n.node_id}`, text: 'It was stopped by force, or cannot reach the database.', to: '/default/nodes', beside: ageOf(n.seen, now.value) })
    const rejected = traffic.last.value?.status.rejected_configuration
    if (rejected)
      all.push({
        key: 'rejected',
        tone: 'bad',
        state: 'Rejected',
        title: `Configuration is not in force${rejected.kind ? `: revision ${rejected.revision}, ${rejected.kind} ${rejected.id}` : ''}${rejected.count > 1 ? `, and ${count(rejected.count - 1)} more` : ''}`,
        text: `${rejected.cause}${rejected.actor ? ` (given by ${rejected.actor})` : ''}`,
        to: rejected.revision ? `/default/revisions/${rejected.revision}` : undefined,
        beside: ageOf(rejected.time, now.value),
      })
    for (const together of health.troubles.values()) {
      if (together.length > mostOfOne) all.push(summed(together))
      else
        for (const t of together)
          all.push({ key: `${t.upstream.id} ${t.target} ${t.address}`, tone: 'bad', state: t.address ? 'Unhealthy' : 'No address', title: `${t.target} of ${t.upstream.name}`, text: t.cause, to: `/default/upstreams/${t.upstream.id}`, beside: t.since ? ageOf(t.since, now.value) : undefined })
    }
    for (const c of certs.value.value ?? []) {
      const left = c.end - now.value / 1000
      if (left > soon) continue
      all.push({
        key: `certificate ${c.e.id}`,
        tone: left <= 7 * day ? 'bad' : 'warn',
        state: left <= 0 ? 'Expired' : 'Expires',
        title: `${c.kind.one} ${c.kind.nameOf(c.e)}`,
        text: left <= 0 ? `It ended on ${momentOf(c.end)}.` : `It ends in ${left < 2 * day ? `${Math.floor(left / 3600)} hours` : `${Math.floor(left / day)} days`}, on ${momentOf(c.end)}.`,
        to: `/default/${c.kind.path}/${c.e.id}`,
      })
    }
    for (const e of traffic.errors.value)
      if (e.perSecond > 0 && !harmless(e.reason)) all.push({ key: `error ${e.reason}`, tone: 'warn', state: 'Errors', title: e.reason, text: reasonText(e.reason), beside: `${rate(e.perSecond)}/s` })
    return all
  })
  /** Whether all was looked at. What is wrong with the nodes is not worth waiting for. */
  const checked = computed(() => health.upstreams.value !== undefined && certs.value.value !== undefined && (nodes.value.value !== undefined || nodes.error.value !== undefined) && traffic.last.value !== undefined)

  return { problems, checked, more: health.more }
}
