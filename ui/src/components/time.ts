import { onScopeDispose, readonly, ref } from 'vue'
import { useScrolling } from './scrolling'

const now = ref(Date.now())
let users = 0
let timer: number | undefined

/** The time in milliseconds, which moves on every second while somebody looks and does not scroll. */
export function useNow() {
  const scrolling = useScrolling()
  if (users++ === 0) {
    now.value = Date.now()
    timer = window.setInterval(() => scrolling.value || (now.value = Date.now()), 1000)
  }
  onScopeDispose(() => {
    if (--users === 0) window.clearInterval(timer)
  })
  return readonly(now)
}

/** How long ago a time in Unix seconds is: "12 s", "3 min", "5 h", "2 d". */
export function ageOf(seconds: number | null | undefined, nowMs: number): string {
  if (!seconds) return '–'
  const s = Math.max(0, Math.floor(nowMs / 1000 - seconds))
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min`
  if (s < 86_400) return `${Math.floor(s / 3600)} h`
  return `${Math.floor(s / 86_400)} d`
}

/** A time in Unix seconds in the words of the user's country. */
export function momentOf(seconds: unknown): string {
  return typeof seconds === 'number' ? new Date(seconds * 1000).toLocaleString() : '–'
}

/** Only the time of day. */
export function clockOf(seconds: unknown): string {
  return typeof seconds === 'number' ? new Date(seconds * 1000).toLocaleTimeString() : '–'
}
