import { ref } from 'vue'
import type { RouteLocationRaw } from 'vue-router'

export interface Toast {
  id: number
  kind: 'good' | 'bad'
  text: string
  /** What to do next: a place to go to, or something to do. */
  next?: { text: string; to?: RouteLocationRaw; run?: () => void }
}

export const toasts = ref<Toast[]>([])
let last = 0

const most = 3

/** Tells the user something that needs no answer. Errors stay until they are closed; of what went well only the last is told. */
export function toast(t: Omit<Toast, 'id'>): void {
  const id = ++last
  toasts.value = [...toasts.value.filter((o) => o.kind === 'bad').slice(1 - most), { ...t, id }]
  if (t.kind === 'good') window.setTimeout(() => dismiss(id), t.next ? 8000 : 4000)
}

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((t) => t.id !== id)
}
