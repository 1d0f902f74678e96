import type { Entity } from '@/api/entities'
import type { Turn } from './timeline'

/** One target: what is configured, and how it fares. A change of it is another object. */
export interface Row {
  id: string
  target: string
  weight: number
  /** What the operator wants of it: active, draining, maintenance, disabled. */
  wanted: string
  tags: string[] | null
  health: string
  dns: string
  addresses: Address[]
}

export interface Address {
  ip: string
  port: number
  weight: number
  health: string
  state?: string
  reason?: { code: string; text: string; actor?: string }
  since?: number | null
  circuit?: string
  effective_weight?: number
  in_flight?: number
  totals?: { requests: number }
  last_probe?: Check | null
}

export interface Check {
  time: number
  result: string
  duration: number
  status?: number
  error?: string
}

/** A target in an event of the topic traffic. */
export interface Traffic {
  id: string
  target: string
  state: string
  circuit: string
  weight: number
  in_flight: number
  requests: number
  failures: number
  requests_per_second: number
  status_4xx_per_second: number
  status_5xx_per_second: number
  failed_per_second: number
  p50: number | null
  p90: number | null
  p99: number | null
  last_probe?: Check
}

/** What GET /upstreams/{u}/health?details=1 shows of a target. */
export interface TargetHealth extends Entity {
  target: string
  weight: number
  state?: string
  health?: string
  data?: { dns?: string; addresses?: Address[] | Record<string, never> }
}

export const checksKept = 16

/** What an answer about its health tells of a target. */
export function rowOf(t: TargetHealth): Row {
  return { id: t.id, target: t.target, weight: t.weight, wanted: t.state ?? 'active', tags: t.tags ?? null, health: t.health ?? '', dns: t.data?.dns ?? '', addresses: addressesOf(t) }
}
export const addressesOf = (t: TargetHealth) => (Array.isArray(t.data?.addresses) ? t.data.addresses : [])

/** Whether one of its addresses is in a state; without any, it has none but that. */
export function inState(row: Row, state: string): boolean {
  return row.addresses.length ? row.addresses.some((a) => a.state === state) : state === 'dns_error'
}

/** A row after one of its addresses has turned to another state. */
export function turned(row: Row, e: Turn): Row {
  const addresses = row.addresses.map((a) => {
    if (`${a.ip.includes(':') && !a.ip.startsWith('[') ? `[${a.ip}]` : a.ip}:${a.port}` !== e.address) return a
    const health = a.health === 'HEALTHCHECKS_OFF' ? a.health : e.circuit === 'open' ? 'UNHEALTHY' : 'HEALTHY'
    return { ...a, health, state: e.to, circuit: e.circuit, reason: e.reason, since: e.flipped ? e.time : a.since }
  })
  return { ...row, addresses }
}

/** Adds checks that are not known yet, the newest last. */
export function withChecks(known: Check[], more: Check[]): Check[] {
  const fresh = more.filter((c) => !known.some((k) => k.time === c.time && k.result === c.result))
  if (!fresh.length) return known
  return [...known, ...fresh].sort((a, b) => a.time - b.time).slice(-checksKept)
}

export type Tone = 'good' | 'bad' | 'warn' | 'info' | 'still'

export interface Standing {
  text: string
  tone: Tone
  /** Why, and since when (Unix seconds). */
  cause: string
  since: number | null
}

const standings: Record<string, [string, Tone]> = {
  new: ['New', 'still'],
  warming: ['Warming up', 'info'],
  healthy: ['Healthy', 'good'],
  degraded: ['Degraded', 'warn'],
  ejected: ['Unhealthy', 'bad'],
  probing: ['On trial', 'warn'],
  recovering: ['Recovering', 'info'],
  draining: ['Draining', 'still'],
  maintenance: ['Maintenance', 'still'],
}

// The worse of two addresses tells what to look at.
const order: Tone[] = ['bad', 'warn', 'info', 'still', 'good']

/** How an address stands. */
export function standingOf(a: Address): Standing {
  const [text, tone] = standings[a.state ?? ''] ?? [a.health.charAt(0) + a.health.slice(1).toLowerCase(), a.health === 'UNHEALTHY' ? 'bad' : 'good']
  const unchecked = a.health === 'HEALTHCHECKS_OFF' && (a.state === 'new' || a.state === 'healthy')
  const blank = unchecked ? 'no health checks' : a.state === 'healthy' ? '' : a.reason?.text
  const cause = a.reason?.code === 'new' ? blank : a.reason?.text
  return { text: unchecked ? 'Unchecked' : text, tone: unchecked ? 'still' : tone, cause: cause ?? '', since: a.since ?? null }
}

const known = new WeakMap<Row, Standing>() // rows do not change

/** How a target stands: as the worst of its addresses. */
export function targetStanding(row: Row): Standing {
  let standing = known.get(row)
  if (!standing) known.set(row, (standing = judge(row)))
  return standing
}
function judge(row: Row): Standing {
  if (row.wanted === 'disabled') return { text: 'Disabled', tone: 'still', cause: 'by order', since: null }
  if (!row.addresses.length) {
    if (row.health === 'DNS_ERROR' || row.dns.includes('error')) return { text: 'DNS error', tone: 'bad', cause: row.dns, since: null }
    return { text: 'Unknown', tone: 'still', cause: 'no address yet', since: null }
  }
  const all = row.addresses.map(standingOf)
  const worst = all.reduce((w, s) => (order.indexOf(s.tone) < order.indexOf(w.tone) ? s : w))
  const up = all.filter((s) => s.tone !== 'bad').length
  return all.length > 1 && worst.tone === 'bad' && up > 0 ? { ...worst, text: `${up} of ${all.length} up`, tone: 'warn' } : worst
}

/** Whether something is wrong with a target that somebody should look at. */
export function hasFailed(row: Row): boolean {
  const tone = targetStanding(row).tone
  return tone === 'bad' || tone === 'warn'
}

/** Each target's share of a sum; 0 when there is no sum. */
export function shares(values: number[]): number[] {
  const sum = values.reduce((a, b) => a + b, 0)
  return values.map((v) => (sum > 0 ? v / sum : 0))
}

/** The weight with which a target takes part now: 0 while it is down or by order gets nothing. */
export function weightInForce(row: Row, weight = row.weight): number {
  if (row.wanted !== 'active' || !row.addresses.length) return 0
  return row.addresses.some((a) => a.circuit !== 'open') ? weight : 0
}

/** Shares that the targets would have with some weights changed. */
export function predictedShares(rows: Row[], weights: Map<string, number>): Map<string, number> {
  const parts = shares(rows.map((r) => weightInForce(r, weights.get(r.id) ?? r.weight)))
  return new Map(rows.map((r, i) => [r.id, parts[i] ?? 0]))
}
