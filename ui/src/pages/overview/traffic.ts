import { computed, onScopeDispose, shallowRef } from 'vue'
import { get, send } from '@/api/client'
import { samplesOf } from '@/api/metrics'
import { useTick } from '@/components/useTick'

interface Status {
  server: { total_requests: number; connections_active: number }
  database?: { reachable: boolean }
  rejected_configuration?: { time: number; actor?: string; cause: string; revision?: number; kind?: string; id?: string; count: number }
}

interface Reading {
  time: number // milliseconds
  status: Status
  /** Answers that the gateway made itself, since its start. */
  errors: Map<string, number>
}

export interface ErrorRow {
  reason: string
  perSecond: number
  total: number
}

const every = 2000 // milliseconds
const window_ = 15 // readings that rates are of

/** What passes through this node, from two readings of its counters. */
export function useTraffic() {
  const readings = shallowRef<Reading[]>([])
  const error = shallowRef<unknown>()
  const aborted = new AbortController()
  onScopeDispose(() => aborted.abort())

  async function read() {
    try {
      const [status, metrics] = await Promise.all([get<Status>('/status', { signal: aborted.signal }), send('GET', '/metrics', undefined, { signal: aborted.signal, headers: { Accept: 'text/plain' } }).then((a) => a.text())])
      const errors = new Map(samplesOf(metrics, 'gibbon_errors_total').map((s) => [s.labels.reason ?? '', s.value]))
      const before = readings.value.at(-1)
      const restarted = before && before.status.server.total_requests > status.server.total_requests
      readings.value = [...(restarted ? [] : readings.value.slice(1 - window_)), { time: Date.now(), status, errors }]
      error.value = undefined
    } catch (e) {
      if (!aborted.signal.aborted) error.value = e
    }
  }
  useTick(() => void read(), every)

  const last = computed(() => readings.value.at(-1))
  const first = computed(() => readings.value[0])
  const perSecond = (f: (r: Reading) => number) => {
    if (!last.value || !first.value || last.value === first.value) return null
    return (Math.max(0, f(last.value) - f(first.value)) * 1000) / (last.value.time - first.value.time)
  }
  const requests = computed(() => perSecond((r) => r.status.server.total_requests))
  const errors = computed((): ErrorRow[] =>
    [...(last.value?.errors ?? [])]
      .filter(([, total]) => total > 0)
      .map(([reason, total]) => ({ reason, total, perSecond: perSecond((r) => r.errors.get(reason) ?? 0) ?? 0 }))
      .sort((a, b) => b.perSecond - a.perSecond || b.total - a.total),
  )
  return { last, requests, errors, error }
}
