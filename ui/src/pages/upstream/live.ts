import { computed, onScopeDispose, ref, shallowReactive, shallowRef, triggerRef, watch, type Ref } from 'vue'
import { get } from '@/api/client'
import { at, list, listAll, type Entity } from '@/api/entities'
import { follow, type FeedState } from '@/api/events'
import { withChecks, withHealth, type Check, type Row, type TargetHealth, type Traffic } from './rows'
import type { Happening } from './timeline'

const refreshEvery = 2000 // milliseconds, for what the stream does not tell: checks, and everything when it is broken
const refreshLargeEvery = 5000 // likewise, with more targets than large
const large = 100
const historyOf = 50 // targets whose past is asked for when the page is opened
const samplesKept = 300 // one a second

interface TrafficEvent {
  time: number
  full?: boolean
  gone?: boolean
  targets: Traffic[]
  removed?: string[]
}

interface HealthEvent {
  time: number
  target: string
  address: string
  from: string
  to: string
  circuit: string
  flipped: boolean
  reason: { code: string; text: string }
}

/** Requests per second of each target, second by second. */
export interface Samples {
  times: number[]
  rates: Map<string, number[]>
}

/** An UpstreamLive is what one upstream does, kept up to date. */
export function useUpstreamLive(id: Ref<string>) {
  const rows = shallowReactive(new Map<string, Row>())
  const upstream = shallowRef<Entity>()
  const error = shallowRef<unknown>()
  const feed = ref<FeedState>('connecting')
  const happenings = shallowRef<Happening[]>([])
  const samples = shallowRef<Samples>({ times: [], rates: new Map() })
  const ready = ref(false)
  let last = new Map<string, Traffic>()
  let refreshing = false
  let wanted = false
  let ended = false
  let refreshTimer: number | undefined

  const path = computed(() => at('/upstreams', id.value))

  async function refresh(): Promise<void> {
    if (refreshing) {
      wanted = true
      return
    }
    refreshing = true
    window.clearTimeout(refreshTimer)
    try {
      do {
        wanted = false
        await fetchHealth()
      } while (wanted)
      error.value = undefined
      ready.value = true
    } catch (e) {
      error.value = e
    } finally {
      refreshing = false
      if (!ended) refreshTimer = window.setTimeout(() => void (document.hidden || refresh()), rows.size > large ? refreshLargeEvery : refreshEvery)
    }
  }

  async function fetchHealth() {
    const [entity, page] = await Promise.all([get<Entity>(path.value), listAll<TargetHealth>(`${path.value}/health`, { details: true })])
    upstream.value = entity
    const seen = new Set<string>()
    for (const t of page.data) {
      seen.add(t.id)
      const old = rows.get(t.id)
      rows.set(t.id, { ...withHealth(old, t), traffic: last.get(t.id) ?? old?.traffic ?? null })
    }
    for (const key of rows.keys()) if (!seen.has(key)) rows.delete(key)
    if (feed.value !== 'live') await pollTraffic()
  }

  /** What the stream would tell, while it is broken. */
  async function pollTraffic() {
    const { data } = await get<{ data: { to: number; targets: (Omit<Traffic, 'state' | 'circuit' | 'failures'> & { failed: number; status_4xx: number; status_5xx: number; from?: number })[] }[] }>(`${path.value}/traffic`)
    const window_ = data[0]
    if (!window_) return
    for (const t of window_.targets) {
      const before = last.get(t.id)
      last.set(t.id, { ...blankTraffic, ...before, id: t.id, target: t.target, weight: t.weight, in_flight: t.in_flight, requests_per_second: t.requests_per_second, p50: t.p50, p90: t.p90, p99: t.p99, status_5xx_per_second: t.status_5xx / 10, status_4xx_per_second: t.status_4xx / 10, failed_per_second: t.failed / 10, requests: totalOf(rows.get(t.id)) ?? before?.requests ?? 0 })
    }
    applyTraffic(window_.to)
  }

  function applyTraffic(time: number) {
    for (const [key, row] of rows) {
      const t = last.get(key) ?? null
      if (t !== row.traffic) rows.set(key, { ...row, traffic: t })
    }
    const s = samples.value
    const second = Math.floor(time)
    if (s.times.at(-1) === second) return
    s.times.push(second)
    for (const key of last.keys()) if (!s.rates.has(key)) s.rates.set(key, new Array(s.times.length - 1).fill(0))
    for (const [key, list_] of s.rates) list_.push(last.get(key)?.requests_per_second ?? 0)
    if (s.times.length > samplesKept) {
      s.times.shift()
      for (const list_ of s.rates.values()) list_.shift()
    }
    triggerRef(samples)
  }

  function happened(h: Happening) {
    if (happenings.value.some((o) => o.key === h.key)) return
    happenings.value = [h, ...happenings.value].sort((a, b) => b.time - a.time).slice(0, 200)
  }

  function on(event: string, data: unknown) {
    switch (event) {
      case 'traffic': {
        const e = data as TrafficEvent
        if (e.full) last = new Map()
        for (const t of e.targets) last.set(t.id, t)
        for (const gone of e.removed ?? []) last.delete(gone)
        return applyTraffic(e.time)
      }
      case 'health': {
        const e = data as HealthEvent
        turned(e)
        happened({ key: `health ${e.time} ${e.address}`, time: e.time, kind: 'health', tone: toneOfTurn(e), title: `${e.target} ${wordOf(e.to)}`, text: e.reason.text, target: e.target })
        return void refresh()
      }
      case 'order': {
        const e = data as { time: number; target: string; address?: string; order: string; actor: string }
        happened({ key: `order ${e.time} ${e.target}`, time: e.time, kind: 'order', tone: 'info', title: `${e.target}: ${e.order} by order`, text: e.actor, target: e.target })
        return void refresh()
      }
      case 'revision': {
        const e = data as { number: number; time: number; actor: string; summary: string; changes: { kind: string; id: string }[] }
        const ours = e.changes.some((c) => c.id === upstream.value?.id || rows.has(c.id) || c.kind === 'targets')
        if (ours) happened(revisionHappening(e))
        return void refresh()
      }
      case 'reset':
      case 'reload':
        return void refresh()
    }
  }

  /** Shows a turn at once; the refresh that follows has the rest. */
  function turned(e: HealthEvent) {
    for (const [key, row] of rows) {
      if (row.target !== e.target) continue
      const addresses = row.addresses.map((a) => (`${a.ip.includes(':') ? `[${a.ip}]` : a.ip}:${a.port}` === e.address ? { ...a, state: e.to, circuit: e.circuit, reason: e.reason, since: e.flipped ? e.time : a.since } : a))
      rows.set(key, { ...row, addresses })
    }
  }

  /** What happened before the page was opened. */
  async function fetchPast() {
    try {
      const some = [...rows.values()].slice(0, historyOf)
      await Promise.all([pastOfTargets(some), pastRevisions()])
    } catch {
      // The past is a comfort; what is now is shown without it.
    }
  }
  async function pastOfTargets(some: Row[]) {
    const queue = [...some]
    const worker = async () => {
      for (let row = queue.shift(); row; row = queue.shift()) {
        const { data } = await get<{ data: { address: string; transitions: (HealthEvent & { time: number })[]; checks: Check[] }[] }>(`${path.value}/targets/${row.id}/history`)
        for (const a of data) {
          const now = rows.get(row.id)
          if (now) rows.set(row.id, { ...now, checks: withChecks(now.checks, a.checks) })
          for (const t of a.transitions) happened({ key: `health ${t.time} ${a.address}`, time: t.time, kind: 'health', tone: toneOfTurn(t), title: `${row.target} ${wordOf(t.to)}`, text: t.reason.text, target: row.target })
        }
      }
    }
    await Promise.all(Array.from({ length: 4 }, worker))
  }
  async function pastRevisions() {
    const names = [String(upstream.value?.name), ...[...rows.values()].map((r) => r.target)]
    const page = await list<{ number: number; time: number; actor: string; summary: string }>('/revisions', { size: 100 })
    for (const r of page.data) if (names.some((n) => r.summary.includes(n))) happened(revisionHappening(r))
  }

  let stop = () => {}
  function looked() {
    if (!document.hidden) void refresh()
  }
  document.addEventListener('visibilitychange', looked)
  watch(
    id,
    async () => {
      stop()
      rows.clear()
      last = new Map()
      happenings.value = []
      samples.value = { times: [], rates: new Map() }
      ready.value = false
      await refresh()
      if (ended || error.value) return
      stop = follow({ topics: ['health', 'orders', 'revisions', 'traffic'], upstream: id.value, on, state: (s) => (feed.value = s) })
      void fetchPast()
    },
    { immediate: true },
  )
  onScopeDispose(() => {
    ended = true
    stop()
    window.clearTimeout(refreshTimer)
    document.removeEventListener('visibilitychange', looked)
  })

  return { upstream, rows, error, ready, feed, happenings, samples, refresh, path }
}

export type UpstreamLive = ReturnType<typeof useUpstreamLive>

const blankTraffic = { state: '', circuit: '', failures: 0, requests: 0 }

function totalOf(row: Row | undefined): number | undefined {
  if (!row) return undefined
  return row.addresses.reduce((n, a) => n + ((a as { totals?: { requests: number } }).totals?.requests ?? 0), 0)
}

const words: Record<string, string> = { ejected: 'turned unhealthy', healthy: 'is healthy', probing: 'is on trial', recovering: 'recovers', degraded: 'is degraded', new: 'is new', warming: 'warms up', draining: 'is draining', maintenance: 'is in maintenance' }
const wordOf = (state: string) => words[state] ?? state

function toneOfTurn(e: { to: string; flipped?: boolean }): Happening['tone'] {
  return e.to === 'ejected' ? 'bad' : e.to === 'healthy' || e.to === 'recovering' ? 'good' : 'warn'
}

function revisionHappening(r: { number: number; time: number; actor: string; summary: string }): Happening {
  return { key: `revision ${r.number}`, time: r.time, kind: 'revision', tone: 'still', title: r.summary, text: r.actor, revision: r.number }
}
