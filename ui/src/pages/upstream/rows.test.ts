import { describe, expect, it } from 'vitest'
import { inState, predictedShares, rowOf, targetStanding, turned, withChecks, type Address, type Row } from './rows'

const address = (over: Partial<Address> = {}): Address => ({ ip: '10.0.0.1', port: 80, weight: 100, health: 'HEALTHY', state: 'healthy', circuit: 'closed', reason: { code: 'probe_success', text: 'fine' }, since: 5, ...over })
const row = (id: string, over: Partial<Row> = {}): Row => ({ id, target: `${id}:80`, weight: 100, wanted: 'active', tags: null, health: 'HEALTHY', dns: 'A', addresses: [address()], ...over })
const down = address({ state: 'ejected', health: 'UNHEALTHY', circuit: 'open', reason: { code: 'probe_connect', text: 'connection refused' }, since: 9 })

describe('targetStanding', () => {
  it('is that of the worst address, with its cause', () => {
    expect(targetStanding(row('a', { addresses: [down] }))).toEqual({ text: 'Unhealthy', tone: 'bad', cause: 'connection refused', since: 9 })
    expect(targetStanding(row('a', { addresses: [address(), down] }))).toMatchObject({ text: '1 of 2 up', tone: 'warn', cause: 'connection refused' })
  })
  it('tells what the operator wants, and that a name does not resolve', () => {
    expect(targetStanding(row('a', { wanted: 'disabled', addresses: [] })).text).toBe('Disabled')
    expect(targetStanding(row('a', { addresses: [], health: 'DNS_ERROR', dns: 'dns server error: 3 name error' }))).toMatchObject({ text: 'DNS error', tone: 'bad' })
  })
  it('does not call healthy what nobody checks', () => {
    expect(targetStanding(row('a', { addresses: [address({ state: 'new', health: 'HEALTHCHECKS_OFF', reason: { code: 'new', text: 'not judged yet' } })] }))).toMatchObject({ text: 'Unchecked', tone: 'still' })
  })
})

describe('predictedShares', () => {
  it('goes by the weights of what can get requests', () => {
    const rows = [row('a'), row('b'), row('c', { addresses: [down] })]
    expect(predictedShares(rows, new Map())).toEqual(new Map([['a', 0.5], ['b', 0.5], ['c', 0]]))
    expect(predictedShares(rows, new Map([['a', 300]]))).toEqual(new Map([['a', 0.75], ['b', 0.25], ['c', 0]]))
    expect(predictedShares(rows, new Map([['a', 0], ['b', 0]])).get('a')).toBe(0)
  })
})

describe('checks', () => {
  it('are kept once each, the newest last, and not for ever', () => {
    const c = (time: number) => ({ time, result: 'success', duration: 0.001 })
    const many = Array.from({ length: 20 }, (_, i) => c(i))
    expect(withChecks([c(1)], [c(1), c(3), c(2)]).map((x) => x.time)).toEqual([1, 2, 3])
    expect(withChecks([], many)).toHaveLength(16)
    expect(withChecks([], many).at(-1)?.time).toBe(19)
  })
})

describe('a turn', () => {
  const turn = { time: 9, target: 'a:80', address: '10.0.0.1:80', to: 'ejected', circuit: 'open', flipped: true, reason: { code: 'probe_connect', text: 'connection refused' } }
  it('is that of one address, and leaves the row as it was', () => {
    const before = row('a', { addresses: [address(), address({ ip: '10.0.0.2' })] })
    const after = turned(before, turn)
    expect(targetStanding(after)).toMatchObject({ text: '1 of 2 up', cause: 'connection refused', since: 9 })
    expect(after.addresses[0]).toMatchObject({ health: 'UNHEALTHY', circuit: 'open' })
    expect(targetStanding(before).tone).toBe('good')
  })
  it('finds addresses of IPv6, with brackets or without', () => {
    for (const ip of ['[::1]', '::1']) expect(inState(turned(row('a', { addresses: [address({ ip })] }), { ...turn, address: '[::1]:80' }), 'ejected')).toBe(true)
  })
  it('does not invent checks', () => {
    expect(turned(row('a', { addresses: [address({ health: 'HEALTHCHECKS_OFF' })] }), turn).addresses[0]?.health).toBe('HEALTHCHECKS_OFF')
  })
})

describe('an answer about the health', () => {
  it('may have no addresses', () => {
    const r = rowOf({ id: 'a', target: 'a:80', weight: 1, data: { dns: 'dns server error: 3 name error', addresses: {} } })
    expect(r.addresses).toEqual([])
    expect(inState(r, 'dns_error')).toBe(true)
    expect(inState(row('a'), 'degraded')).toBe(false)
  })
})
