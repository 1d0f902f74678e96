import type { Tone } from './rows'

/** One line of the list of what happened. */
export interface Happening {
  key: string
  time: number // Unix seconds
  kind: 'health' | 'order' | 'revision'
  tone: Tone
  title: string
  text: string
  target?: string
  revision?: number
}

/** What an event of the topic health, or the history of a target, tells. */
export interface Turn {
  time: number
  target: string
  address: string
  to: string
  circuit: string
  flipped?: boolean
  reason: { code: string; text: string }
}

/** What an event of the topic revisions, or the list of them, tells. */
export interface Revision {
  number: number
  time: number
  actor: string
  summary: string
}

const words: Record<string, string> = { ejected: 'turned unhealthy', healthy: 'is healthy', probing: 'is on trial', recovering: 'recovers', degraded: 'is degraded', new: 'is new', warming: 'warms up', draining: 'is draining', maintenance: 'is in maintenance' }
const tones: Record<string, Tone> = { ejected: 'bad', healthy: 'good', recovering: 'good' }

export function happeningOfTurn(t: Turn): Happening {
  return { key: `health ${t.time} ${t.address}`, time: t.time, kind: 'health', tone: tones[t.to] ?? 'warn', title: `${t.target} ${words[t.to] ?? t.to}`, text: t.reason.text, target: t.target }
}

export function happeningOfRevision(r: Revision): Happening {
  return { key: `revision ${r.number}`, time: r.time, kind: 'revision', tone: 'still', title: r.summary, text: r.actor, revision: r.number }
}

const kept = 200

/** Adds what is not known yet to a list with the newest first. */
export function joined(known: Happening[], more: Happening[]): Happening[] {
  const keys = new Set(known.map((h) => h.key))
  const fresh = more.filter((h) => !keys.has(h.key) && keys.add(h.key))
  return fresh.length ? [...known, ...fresh].sort((a, b) => b.time - a.time).slice(0, kept) : known
}
