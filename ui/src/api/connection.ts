import { readonly, ref } from 'vue'

const since = ref<Date | null>(null)
const waiting = new Set<() => void>()
let probe: number | undefined

/** Since when the Admin API gives no answers; null while it does. */
export const awaySince = readonly(since)

/** Notes that a request had no answer, and looks for the API until there is one. */
export function away(): void {
  since.value ??= new Date()
  probe ??= window.setInterval(look, 1000)
}

/** Notes that there was an answer. */
export function back(): void {
  if (since.value === null) return
  since.value = null
  window.clearInterval(probe)
  probe = undefined
  for (const f of [...waiting]) f()
}

/** Calls f whenever the API is back; returns what ends that. */
export function onBack(f: () => void): () => void {
  waiting.add(f)
  return () => waiting.delete(f)
}

/** Any answer will do, so that of OPTIONS, which needs no token. */
function look(): void {
  fetch(new URL('_api/', document.baseURI), { method: 'OPTIONS', cache: 'no-store' }).then(back, () => {})
}
