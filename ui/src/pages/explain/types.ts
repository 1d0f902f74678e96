/** What POST /explain answers. */
export interface Explanation {
  request: { method: string; scheme: string; host: string; port: number; path: string; client: string }
  answer: { status: number; reason: string } | null
  route: (Named & { matched: string[]; path?: string }) | null
  routes: RouteVerdict[]
  routes_total: number
  plugins: string[] | null
  service: Named | null
  upstream_path: string | null
  attempts: number
  upstream: { id?: string; name: string; algorithm: string; available: boolean; panic: boolean } | null
  hash: Hash | null
  candidates: Candidate[] | null
  next: { target: string; address: string; host: string } | null
  waits_for_place: boolean
  waits_for_dns: boolean
}

export interface Named {
  id: string
  name?: string
}

export interface RouteVerdict extends Named {
  failed: string[] | null
  path?: string
  why: string
}

export interface Hash {
  on: string
  input: string
  key: number
  new_cookie: boolean
}

export interface Candidate {
  target_id?: string
  target: string
  address: string
  priority: number
  failover: boolean
  latency: number
  excluded: string | null
  weight: number
  health: { state: string; reason: { text: string }; in_flight: number; effective_weight: number } | null
}

/** What GET /explain/{request} answers: what became of a real request. */
export interface RequestRecord {
  id: string
  time: number
  request: { method: string; host: string; path: string; client: string }
  answer: { status: number; by: string; reason: string | null }
  route: Named | null
  service: Named | null
  upstream_path: string | null
  upstream: string | null
  algorithm: string | null
  hash?: Hash | null
  routes?: RouteVerdict[] | null
  routes_total?: number
  decisions?: Decision[] | null
  tries: { address: string; status: number | null; failure: string | null; latency: number; next: string }[]
  latencies: { total: number; gateway: number; upstream: number | null }
}

/** How the target of one try was chosen. */
export interface Decision {
  cause: string | null
  target: string | null
  address: string | null
  draw: number | null
  candidates: RecordedCandidate[] | null
  replayed: string | null
}

export interface RecordedCandidate {
  target: string
  address: string
  priority: number
  failover: boolean
  weight: number
  state: string
  in_flight: number
  score: number | null
  excluded: string | null
}
