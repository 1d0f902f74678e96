// When a certificate ends, read from its PEM: RFC 5280, section 4.1, in DER.

interface Element {
  tag: number
  start: number
  end: number
}

function element(der: Uint8Array, at: number): Element | undefined {
  const tag = der[at]
  let length = der[at + 1]
  if (tag === undefined || length === undefined) return undefined
  let start = at + 2
  if (length & 0x80) {
    const bytes = length & 0x7f
    if (bytes === 0 || bytes > 4) return undefined
    length = 0
    for (let i = 0; i < bytes; i++) length = length * 256 + (der[start + i] ?? 0)
    start += bytes
  }
  return start + length <= der.length ? { tag, start, end: start + length } : undefined
}

function timeOf(der: Uint8Array, e: Element): number | undefined {
  const text = String.fromCharCode(...der.subarray(e.start, e.end))
  const match = (e.tag === 0x17 ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/).exec(text)
  if (!match) return undefined
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [number, number, number, number, number, number]
  const full = e.tag === 0x17 ? year + (year < 50 ? 2000 : 1900) : year
  return Date.UTC(full, month - 1, day, hour, minute, second) / 1000
}

/** Unix seconds at which the first certificate in a PEM text ends; undefined when it cannot be read. */
export function endOfCertificate(pem: unknown): number | undefined {
  const base64 = typeof pem === 'string' ? /-----BEGIN CERTIFICATE-----([^-]+)-----END/.exec(pem)?.[1] : undefined
  if (!base64) return undefined
  let der: Uint8Array
  try {
    der = Uint8Array.from(atob(base64.replace(/\s/g, '')), (c) => c.charCodeAt(0))
  } catch {
    return undefined
  }
  const certificate = element(der, 0)
  const body = certificate && element(der, certificate.start)
  if (!body) return undefined
  const parts: Element[] = []
  for (let at = body.start; at < body.end && parts.length < 6; ) {
    const e = element(der, at)
    if (!e) return undefined
    parts.push(e)
    at = e.end
  }
  const validity = parts[parts[0]?.tag === 0xa0 ? 4 : 3] // version, serial, algorithm, issuer, validity
  const begin = validity && element(der, validity.start)
  const end = begin && element(der, begin.end)
  return end && timeOf(der, end)
}
