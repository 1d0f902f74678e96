import type { Traffic } from './rows'

/** Requests per second, second by second: of each target, and of all. */
export interface Samples {
  times: number[] // Unix seconds
  rates: Map<string, number[]>
  total: number[]
}

const kept = 300 // seconds

export const noSamples = (): Samples => ({ times: [], rates: new Map(), total: [] })

/** Adds what targets do in a second to s, unless it has it already. */
export function addSample(s: Samples, second: number, traffic: Map<string, Traffic>) {
  if (s.times.at(-1) === second) return
  s.times.push(second)
  let total = 0
  for (const [id, t] of traffic) {
    let values = s.rates.get(id)
    if (!values) s.rates.set(id, (values = new Array<number>(s.times.length - 1).fill(0)))
    values.push(t.requests_per_second)
    total += t.requests_per_second
  }
  s.total.push(total)
  for (const values of s.rates.values()) if (values.length < s.times.length) values.push(0) // it is gone
  if (s.times.length > kept) {
    s.times.shift()
    s.total.shift()
    for (const values of s.rates.values()) values.shift()
  }
}
