import { onScopeDispose } from 'vue'

/** Calls f at once and then every so many milliseconds while the tab can be seen. */
export function useTick(f: () => void, every: number): void {
  f()
  const timer = window.setInterval(() => document.hidden || f(), every)
  const looked = () => document.hidden || f()
  document.addEventListener('visibilitychange', looked)
  onScopeDispose(() => {
    window.clearInterval(timer)
    document.removeEventListener('visibilitychange', looked)
  })
}
