import { onScopeDispose, readonly, ref } from 'vue'

const restAfter = 150 // milliseconds without a scroll event
const scrolling = ref(false)
let users = 0
let timer: number | undefined

function scrolled() {
  scrolling.value = true
  window.clearTimeout(timer)
  timer = window.setTimeout(() => (scrolling.value = false), restAfter)
}

/** Whether something on the page is being scrolled: what can wait waits, so that it moves smoothly. */
export function useScrolling() {
  if (users++ === 0) document.addEventListener('scroll', scrolled, { passive: true, capture: true })
  onScopeDispose(() => {
    if (--users === 0) document.removeEventListener('scroll', scrolled, { capture: true })
  })
  return readonly(scrolling)
}
