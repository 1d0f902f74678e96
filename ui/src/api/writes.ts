import { ApiError, type FieldErrors } from './errors'
import { send, type Method } from './client'

/** What came of a read or a write whose revision is wanted. */
export interface Revised<T> {
  value: T
  /** Number of the revision that the entity has; after DELETE the one that removed it. */
  revision: number
}

/**
 * Reads or writes an entity together with its revision. With `match` a write is done only
 * if the entity is still at that revision.
 * @throws ApiError with status 412 when it is not.
 */
export async function revised<T>(method: Method, path: string, body?: unknown, match?: number): Promise<Revised<T>> {
  const headers = match === undefined ? undefined : { 'If-Match': `"${match}"` }
  const answer = await send(method, `${path}?revision`, body, { headers })
  const text = await answer.text()
  const value = text === '' ? undefined : JSON.parse(text)
  if (answer.status >= 400) {
    const said = (value ?? {}) as { message?: string; code?: number; fields?: FieldErrors }
    throw new ApiError(answer.status, said.message ?? String(answer.status), said.code, said.fields, value)
  }
  return { value: value as T, revision: Number(/\d+/.exec(answer.headers.get('ETag') ?? '')?.[0] ?? 0) }
}
