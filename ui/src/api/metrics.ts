/** One sample of the metrics: its labels and its value. */
export interface Sample {
  labels: Record<string, string>
  value: number
}

/** The samples of one name in the text format of Prometheus. */
export function samplesOf(text: string, name: string): Sample[] {
  return text.split('\n').flatMap((line): Sample[] => {
    if (!line.startsWith(name)) return []
    const rest = line.slice(name.length)
    const match = /^(?:\{(.*)\})? ([^ ]+)/.exec(rest)
    if (!match) return []
    const labels: Record<string, string> = {}
    for (const [, label, value] of (match[1] ?? '').matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)) {
      labels[label!] = value!.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c))
    }
    return [{ labels, value: Number(match[2]) }]
  })
}
