import { readonly, ref } from 'vue'

/**
 * The token that the Admin API wants. It is kept in the memory of this tab only: neither
 * URLs nor any storage hold it, and a reload asks for it again.
 */
export const token = ref('')

const wanted = ref(false)
const refused = ref(false)
let waiting: (() => void)[] = []

/** Whether requests wait for the user to give a token. */
export const tokenWanted = readonly(wanted)
/** Whether the last one was not taken. */
export const tokenRefused = readonly(refused)

/** Waits for a token other than the one that was used. */
export function askForToken(used: string): Promise<void> {
  if (token.value !== used) return Promise.resolve() // it came meanwhile
  refused.value = used !== ''
  wanted.value = true
  return new Promise((resolve) => waiting.push(resolve))
}

/** Takes the token that the user gave; requests that wait go on with it. */
export function giveToken(text: string): void {
  token.value = text
  wanted.value = false
  const all = waiting
  waiting = []
  for (const resolve of all) resolve()
}
