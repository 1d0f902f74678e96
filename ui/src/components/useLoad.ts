import { onScopeDispose, ref, shallowRef, watch, type WatchSource } from 'vue'
import { onBack } from '@/api/connection'

/**
 * Fetches a value when its sources change, and again when the API has been away. While it
 * is fetched again the old value stays, so that nothing jumps.
 */
export function useLoad<T>(fetch: (signal: AbortSignal) => Promise<T>, sources: WatchSource[] = []) {
  const value = shallowRef<T>()
  const error = shallowRef<unknown>()
  const loading = ref(false)
  let running: AbortController | undefined

  async function load(): Promise<void> {
    running?.abort()
    const mine = new AbortController()
    running = mine
    loading.value = true
    try {
      const v = await fetch(mine.signal)
      if (mine !== running) return
      value.value = v
      error.value = undefined
    } catch (e) {
      if (mine !== running || mine.signal.aborted) return
      error.value = e
    } finally {
      if (mine === running) loading.value = false
    }
  }
  watch(sources, () => {
    value.value = undefined
    void load()
  })
  void load()
  const stop = onBack(() => void (error.value && load()))
  onScopeDispose(() => {
    stop()
    running?.abort()
  })
  return { value, error, loading, load }
}
