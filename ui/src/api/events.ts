import { apiRoot, query } from './client'
import { away, back } from './connection'
import { askForToken, token } from './session'
import { parseEvents } from './stream'

export type FeedState = 'connecting' | 'live' | 'broken' | 'paused'

export interface FollowOptions {
  topics: string[]
  upstream?: string
  on: (event: string, data: unknown) => void
  state?: (s: FeedState) => void
}

const retryAfter = 1000 // milliseconds

/**
 * Follows GET /events until the returned function is called. It is no EventSource, which could
 * not send the token. While the tab is hidden there is no connection: a browser has but six
 * to each server, and nobody looks.
 */
export function follow(o: FollowOptions): () => void {
  let lastID = ''
  let running: AbortController | undefined
  let ended = false
  let timer: number | undefined

  async function run() {
    const mine = new AbortController()
    running = mine
    o.state?.('connecting')
    try {
      const used = token.value
      const headers: Record<string, string> = { Accept: 'text/event-stream' }
      if (used) headers['Kong-Admin-Token'] = used
      const q = query({ topics: o.topics.join(','), upstream: o.upstream, last_event_id: lastID })
      const answer = await fetch(`${apiRoot}/events${q}`, { headers, signal: mine.signal, cache: 'no-store', credentials: 'omit' })
      back()
      if (answer.status === 401) {
        await askForToken(used)
        return again(0)
      }
      if (!answer.ok || !answer.body) throw new Error(`GET /events: ${answer.status}`)
      o.state?.('live')
      await read(answer.body)
    } catch (e) {
      if (mine.signal.aborted) return
      if (e instanceof TypeError) away()
    }
    if (!mine.signal.aborted) {
      o.state?.('broken')
      again(retryAfter)
    }
  }

  async function read(body: ReadableStream<Uint8Array>) {
    const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader()
    let text = ''
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      const { events, rest } = parseEvents(text + value)
      text = rest
      for (const e of events) {
        if (e.id) lastID = e.id
        o.on(e.event, JSON.parse(e.data))
      }
    }
  }

  function again(after: number) {
    window.clearTimeout(timer)
    if (!ended && !document.hidden) timer = window.setTimeout(() => void run(), after)
  }
  function looked() {
    running?.abort()
    window.clearTimeout(timer)
    if (document.hidden) o.state?.('paused')
    else again(0)
  }
  document.addEventListener('visibilitychange', looked)
  looked()
  return () => {
    ended = true
    document.removeEventListener('visibilitychange', looked)
    running?.abort()
    window.clearTimeout(timer)
  }
}
