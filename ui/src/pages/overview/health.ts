import { onScopeDispose, shallowReactive, shallowRef } from 'vue'
import { listAll, type Entity } from '@/api/entities'
import { follow } from '@/api/events'

/** A Trouble is an address, or a name without addresses, that gets no requests though nobody wants that. */
export interface Trouble {
  upstream: { id: string; name: string }
  target: string
  address: string
  cause: string
  since: number | null
}

interface Address {
  ip: string
  port: number
  health: string
  state: string
  since: number | null
  reason: { text: string }
}
interface TargetHealth {
  id: string
  target: string
  health: string
  weight: number
  state?: string
  data?: { dns: string; addresses: Address[] | Record<string, never> }
}

const atOnce = 6
/** More upstreams than this are not asked one by one. */
export const mostUpstreams = 500

export function troublesOf(upstream: Entity, targets: TargetHealth[]): Trouble[] {
  const at = { id: upstream.id, name: String(upstream.name) }
  return targets.flatMap((t): Trouble[] => {
    if (t.state === 'disabled' || t.state === 'maintenance' || t.state === 'draining') return []
    if (t.health === 'DNS_ERROR') return [{ upstream: at, target: t.target, address: '', cause: `its name has no address: ${t.data?.dns ?? ''}`, since: null }]
    const addresses = Array.isArray(t.data?.addresses) ? t.data.addresses : []
    return addresses
      .filter((a) => a.health === 'UNHEALTHY' || a.state === 'ejected')
      .map((a) => ({ upstream: at, target: t.target, address: `${a.ip.includes(':') ? `[${a.ip}]` : a.ip}:${a.port}`, cause: a.reason.text, since: a.since }))
  })
}

/** Unhealthy targets of all upstreams, kept up to date by events. */
export function useTroubles() {
  const troubles = shallowReactive(new Map<string, Trouble[]>())
  const upstreams = shallowRef<Entity[]>()
  const more = shallowRef(false)
  const error = shallowRef<unknown>()
  const aborted = new AbortController()
  let stop = () => {}

  async function look(upstream: Entity) {
    const { data } = await listAll<TargetHealth>(`/upstreams/${upstream.id}/health`, { details: true, signal: aborted.signal })
    troubles.set(upstream.id, troublesOf(upstream, data))
  }
  async function lookAtAll() {
    try {
      const all = await listAll('/upstreams', { limit: mostUpstreams, signal: aborted.signal })
      const queue = all.data.slice(0, mostUpstreams)
      const worker = async () => {
        for (let u = queue.shift(); u; u = queue.shift()) await look(u)
      }
      await Promise.all(Array.from({ length: atOnce }, worker))
      for (const id of troubles.keys()) if (!all.data.some((u) => u.id === id)) troubles.delete(id)
      more.value = all.more
      upstreams.value = all.data
      error.value = undefined
    } catch (e) {
      if (!aborted.signal.aborted) error.value = e
    }
  }

  // Events come in bursts; each upstream is asked once after one.
  const wanted = new Set<string>()
  let timer: number | undefined
  function soon(name: string) {
    wanted.add(name)
    timer ??= window.setTimeout(() => {
      timer = undefined
      const names = [...wanted]
      wanted.clear()
      if (names.includes('*')) return void lookAtAll()
      for (const u of upstreams.value ?? []) if (names.includes(String(u.name))) look(u).catch(() => soon('*'))
    }, 200)
  }
  void lookAtAll().then(() => {
    if (aborted.signal.aborted) return
    stop = follow({
      topics: ['health', 'orders', 'revisions'],
      on: (event, data) => {
        const { upstream } = data as { upstream?: string }
        if (event === 'health' || event === 'order') soon(upstream ?? '*')
        else if (event === 'revision' || event === 'reset' || event === 'reload' || event === 'hello') soon('*')
      },
    })
  })
  onScopeDispose(() => {
    aborted.abort()
    stop()
    window.clearTimeout(timer)
  })
  return { troubles, upstreams, more, error, lookAtAll }
}
