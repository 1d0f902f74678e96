// What leads to an upstream: services that have it as their host, and a route of theirs.
import { onScopeDispose, ref, shallowRef, watch } from 'vue'
import { get } from '@/api/client'
import { list, listAll, type Entity } from '@/api/entities'
import type { UpstreamLive } from './live'

interface Known {
  pointing: Entity[]
  others: Entity[]
  route: Entity | null
  /** URL of the proxy, where it is listening without TLS. */
  proxy: string
}

/**
 * Asks again with every revision that concerns the upstream. `asked` tells that there was an answer,
 * or none; `begun` that the upstream was without requests when it was first looked at.
 */
export function useSurroundings(live: UpstreamLive) {
  const known = shallowRef<Known>()
  const asked = ref(false)
  const begun = ref(false)
  let ended = false
  onScopeDispose(() => (ended = true))

  async function look(name: string) {
    try {
      const [services, root] = await Promise.all([listAll('/services', { limit: 2000 }), get<{ configuration: { proxy_listeners?: { ssl: boolean; port: number }[] } }>('/')])
      const pointing = services.data.filter((s) => s.host === name)
      const routes = pointing[0] ? await list(`/services/${pointing[0].id}/routes`, { size: 1 }) : undefined
      const plain = Array.isArray(root.configuration.proxy_listeners) ? root.configuration.proxy_listeners.find((l) => !l.ssl) : undefined
      if (ended || name !== live.upstream.value?.name) return
      known.value = { pointing, others: services.data.filter((s) => s.host !== name), route: routes?.data[0] ?? null, proxy: plain ? `http://${window.location.hostname}:${plain.port}` : '' }
    } catch {
      // The banner says that the API is away; the next revision asks again.
    }
    asked.value = true
  }
  const revision = () => live.happenings.value.find((h) => h.kind === 'revision')?.key
  watch([() => live.upstream.value?.name, revision], ([name]) => name && void look(String(name)), { immediate: true })
  watch(
    live.ready,
    (ready) => {
      if (ready) begun.value = [...live.rows.value.values()].every((r) => r.addresses.every((a) => !a.totals?.requests))
    },
    { immediate: true },
  )
  return { known, asked, begun }
}

export type Surroundings = ReturnType<typeof useSurroundings>
