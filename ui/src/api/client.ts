import { away, back } from './connection'
import { ApiError, AwayError, type FieldErrors } from './errors'
import { askForToken, token } from './session'

/** Where the Admin API is: on the Manager's own origin. */
export const apiRoot = new URL('_api', document.baseURI).pathname

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface RequestOptions {
  headers?: Record<string, string>
  signal?: AbortSignal
}

/**
 * Sends a request to the Admin API and returns the answer, whatever its status. Asks
 * the user for a token when the API wants one.
 * @throws AwayError when there is no answer.
 */
export async function send(method: Method, path: string, body?: unknown, options: RequestOptions = {}): Promise<Response> {
  for (;;) {
    const used = token.value
    const headers: Record<string, string> = { Accept: 'application/json', ...options.headers }
    if (body !== undefined) headers['Content-Type'] = 'application/json'
    if (used) headers['Kong-Admin-Token'] = used
    let answer: Response
    try {
      answer = await fetch(apiRoot + path, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: options.signal,
        cache: 'no-store',
        credentials: 'omit',
        redirect: 'error',
      })
    } catch (cause) {
      if (options.signal?.aborted) throw cause
      away()
      throw new AwayError(cause)
    }
    back()
    if (answer.status !== 401) return answer
    await askForToken(used)
  }
}

/**
 * Sends a request and returns what the answer holds.
 * @throws ApiError for an answer with status 400 or more, AwayError without one.
 */
export async function call<T>(method: Method, path: string, body?: unknown, options?: RequestOptions): Promise<T> {
  const answer = await send(method, path, body, options)
  const text = await answer.text()
  let value: unknown
  try {
    value = text === '' ? undefined : JSON.parse(text)
  } catch {
    value = { message: text.slice(0, 200) }
  }
  if (answer.status < 400) return value as T
  const said = (value ?? {}) as { message?: string; code?: number; fields?: FieldErrors }
  throw new ApiError(answer.status, said.message ?? `${answer.status} ${answer.statusText}`, said.code, said.fields, value)
}

export const get = <T>(path: string, options?: RequestOptions) => call<T>('GET', path, undefined, options)
export const post = <T>(path: string, body?: unknown) => call<T>('POST', path, body ?? {})
export const put = <T>(path: string, body: unknown) => call<T>('PUT', path, body)
export const patch = <T>(path: string, body: unknown, options?: RequestOptions) => call<T>('PATCH', path, body, options)
export const remove = (path: string) => call<void>('DELETE', path)

/** One segment of a path. */
export const segment = encodeURIComponent

/** A query string of the values that are there, with its question mark. */
export function query(values: Record<string, string | number | undefined | null>): string {
  const q = new URLSearchParams()
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== null && value !== '') q.set(name, String(value))
  }
  const text = q.toString()
  return text && `?${text}`
}
