// Values that JSON can say, written as YAML.

const plain = /^[A-Za-z_/][A-Za-z0-9_./@-]*( [A-Za-z0-9_./@-]+)*$/
const reserved = /^(true|false|null|yes|no|on|off|y|n|~)$/i

function scalar(v: unknown): string {
  if (typeof v !== 'string') return JSON.stringify(v ?? null)
  return plain.test(v) && !reserved.test(v) ? v : JSON.stringify(v)
}

/** Texts of several lines are easier to read in a block, which cannot hold all of them. */
function block(text: string, indent: string): string | undefined {
  if (!/\n./.test(text) || /^[ \t\n]|[ \t]\n|[ \t]$|\n\n$|[^\n\t\x20-\x7e\xa0-\ud7ff\ue000-\ufffd]/.test(text)) return undefined
  const chomp = text.endsWith('\n') ? '|' : '|-'
  return [chomp, ...text.replace(/\n$/, '').split('\n').map((l) => (l ? indent + l : ''))].join('\n')
}

function write(v: unknown, indent: string): { inline: boolean; text: string } {
  if (Array.isArray(v)) {
    if (!v.length) return { inline: true, text: '[]' }
    const items = v.map((item) => {
      const w = write(item, `${indent}  `)
      return `${indent}- ${w.inline ? w.text : w.text.slice(indent.length + 2)}`
    })
    return { inline: false, text: items.join('\n') }
  }
  if (typeof v === 'object' && v !== null) {
    const members = Object.entries(v)
    if (!members.length) return { inline: true, text: '{}' }
    const lines = members.map(([name, value]) => {
      const w = write(value, `${indent}  `)
      return `${indent}${scalar(name)}:${w.inline ? ' ' : '\n'}${w.text}`
    })
    return { inline: false, text: lines.join('\n') }
  }
  return { inline: true, text: (typeof v === 'string' && block(v, indent)) || scalar(v) }
}

/** A document that holds the value, with a line break at its end. */
export function yamlOf(value: unknown): string {
  return `${write(value, '').text}\n`
}
