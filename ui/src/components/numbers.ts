const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

/** A rate with as many digits as are of interest: "0", "0.4", "12.5", "1,234". */
export function rate(n: number | null | undefined): string {
  if (n === null || n === undefined) return '–'
  if (n === 0) return '0'
  if (n < 100) return n.toFixed(1)
  return whole.format(n)
}

/** Milliseconds: "0.8 ms", "12 ms", "1.2 s". */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '–'
  if (ms < 10) return `${ms.toFixed(1)} ms`
  if (ms < 1000) return `${Math.round(ms)} ms`
  return `${(ms / 1000).toFixed(1)} s`
}

/** A share of one: "50.0 %". */
export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined) return '–'
  return `${share === 1 ? '100' : (share * 100).toFixed(1)} %`
}

/** A whole number: "100,000". */
export function count(n: number | null | undefined): string {
  return n === null || n === undefined ? '–' : whole.format(n)
}
