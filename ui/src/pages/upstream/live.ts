import { computed, onScopeDispose, ref, shallowRef, triggerRef, watch, type Ref } from 'vue'
import { get } from '@/api/client'
import { at, listAll, type Entity } from '@/api/entities'
import { follow, type FeedState } from '@/api/events'
import { useScrolling } from '@/components/scrolling'
import { pastOfTargets, pastRevisions } from './past'
import { addressesOf, inState, rowOf, turned, withChecks, type Check, type Row, type TargetHealth, type Traffic } from './rows'
import { addSample, noSamples } from './samples'
import { happeningOfRevision, happeningOfTurn, joined, type Happening, type Revision, type Turn } from './timeline'

// Milliseconds between two looks at everything. The stream tells what changes; of a target
// with several addresses, it tells of the best one only.
const whileLive = 30_000
const whileBroken = 2000
const whileBrokenLarge = 5000 // with more targets than large
const large = 100

interface TrafficEvent {
  time: number
  full?: boolean
  targets: Traffic[]
  removed?: string[]
}

/**
 * An UpstreamLive is what one upstream does, kept up to date. Its maps are by the id of the target; nothing in
 * them changes, and what took a new place is announced once for all that came together.
 */
export function useUpstreamLive(id: Ref<string>) {
  const rows = shallowRef(new Map<string, Row>())
  const traffic = shallowRef(new Map<string, Traffic>())
  const checks = shallowRef(new Map<string, Check[]>())
  const upstream = shallowRef<Entity>()
  const error = shallowRef<unknown>()
  const feed = ref<FeedState>('connecting')
  const happenings = shallowRef<Happening[]>([])
  const samples = shallowRef(noSamples())
  const ready = ref(false)
  let refreshing = false
  let wanted = false
  let ended = false
  let refreshTimer: number | undefined
  let refreshed = 0 // when, of performance.now()

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
        await fetchAll()
      } while (wanted)
      error.value = undefined
      ready.value = true
    } catch (e) {
      error.value = e
    } finally {
      refreshing = false
      refreshed = performance.now()
      refreshAfter(feed.value === 'live' && !error.value ? whileLive : unhurried())
    }
  }
  const unhurried = () => (rows.value.size > large ? whileBrokenLarge : whileBroken)
  function refreshAfter(time: number) {
    window.clearTimeout(refreshTimer)
    if (!ended) refreshTimer = window.setTimeout(() => void (document.hidden || refresh()), time)
  }
  /** Soon, but not more often than without a stream. */
  function refreshSoon() {
    if (!refreshing) refreshAfter(Math.max(0, refreshed + unhurried() - performance.now()))
  }

  async function fetchAll() {
    const [entity, page] = await Promise.all([get<Entity>(path.value), listAll<TargetHealth>(`${path.value}/health`, { details: true })])
    upstream.value = entity
    rows.value = new Map(page.data.map((t) => [t.id, rowOf(t)]))
    for (const t of page.data) checked(t.id, addressesOf(t).flatMap((a) => a.last_probe ?? []))
    for (const key of checks.value.keys()) if (!rows.value.has(key)) checks.value.delete(key)
    triggerRef(checks)
    if (feed.value !== 'live') await pollTraffic(page.data)
  }
  function checked(key: string, more: Check[]) {
    const known = checks.value.get(key) ?? []
    const all = withChecks(known, more)
    if (all !== known) checks.value.set(key, all)
  }

  /** What the stream would tell, while it is broken. */
  async function pollTraffic(health: TargetHealth[]) {
    const { data } = await get<{ data: { to: number; targets: (Traffic & { failed: number; status_4xx: number; status_5xx: number })[] }[] }>(`${path.value}/traffic`)
    const seconds = data[0]
    if (!seconds) return
    const totals = new Map(health.map((t) => [t.id, addressesOf(t).reduce((n, a) => n + (a.totals?.requests ?? 0), 0)]))
    const targets = seconds.targets.map(({ failed, status_4xx, status_5xx, ...t }) => ({ ...t, state: '', circuit: '', failures: 0, requests: totals.get(t.id) ?? 0, status_4xx_per_second: status_4xx / 10, status_5xx_per_second: status_5xx / 10, failed_per_second: failed / 10 }))
    moved({ time: seconds.to, full: true, targets })
  }

  function moved(e: TrafficEvent) {
    if (e.full) traffic.value = new Map()
    let stale = false
    for (const t of e.targets) {
      traffic.value.set(t.id, t)
      if (t.last_probe) checked(t.id, [t.last_probe])
      const row = rows.value.get(t.id)
      stale ||= !row || (t.state !== '' && !inState(row, t.state))
    }
    for (const gone of e.removed ?? []) traffic.value.delete(gone)
    addSample(samples.value, Math.floor(e.time), traffic.value)
    announce()
    if (stale) refreshSoon()
  }

  // Numbers stand still while the page is scrolled.
  const scrolling = useScrolling()
  let held = false
  function announce() {
    held = scrolling.value
    if (!held) for (const map of [traffic, checks, samples]) triggerRef(map)
  }
  watch(scrolling, () => held && announce())

  const happened = (...more: Happening[]) => void (happenings.value = joined(happenings.value, more))

  function on(event: string, data: unknown) {
    switch (event) {
      case 'traffic':
        return moved(data as TrafficEvent)
      case 'health': {
        const e = data as Turn
        happened(happeningOfTurn(e))
        for (const [key, row] of rows.value) if (row.target === e.target) rows.value.set(key, turned(row, e))
        return triggerRef(rows)
      }
      case 'order': {
        const e = data as { time: number; target: string; order: string; actor: string }
        happened({ key: `order ${e.time} ${e.target}`, time: e.time, kind: 'order', tone: 'info', title: `${e.target}: ${e.order} by order`, text: e.actor, target: e.target })
        return void refresh()
      }
      case 'revision': {
        const e = data as Revision & { changes: { kind: string; id: string }[] }
        const ours = e.changes.some((c) => c.id === upstream.value?.id || rows.value.has(c.id) || c.kind === 'targets')
        if (ours) happened(happeningOfRevision(e))
        return void refresh()
      }
      case 'reset':
      case 'reload':
        return void refresh()
    }
  }

  /** What happened before the page was opened. */
  async function fetchPast() {
    const all = [...rows.value.values()]
    const opened = id.value
    try {
      await Promise.all([
        pastOfTargets(path.value, all, (row, more, turns) => {
          if (id.value !== opened) return
          checked(row.id, more)
          triggerRef(checks)
          happened(...turns)
        }),
        pastRevisions([String(upstream.value?.name), ...all.map((r) => r.target)]).then((past) => id.value === opened && happened(...past)),
      ])
    } catch {
      // The past is a comfort; what is now is shown without it.
    }
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
      rows.value = new Map()
      traffic.value = new Map()
      checks.value = new Map()
      happenings.value = []
      samples.value = noSamples()
      ready.value = false
      await refresh()
      if (ended || error.value) return
      stop = follow({ topics: ['health', 'orders', 'revisions', 'traffic'], upstream: id.value, on, state: fed })
      void fetchPast()
    },
    { immediate: true },
  )
  function fed(s: FeedState) {
    feed.value = s
    if (s === 'broken') refreshSoon()
  }
  onScopeDispose(() => {
    ended = true
    stop()
    window.clearTimeout(refreshTimer)
    document.removeEventListener('visibilitychange', looked)
  })

  return { upstream, rows, traffic, checks, error, ready, feed, happenings, samples, refresh, path }
}

export type UpstreamLive = ReturnType<typeof useUpstreamLive>
