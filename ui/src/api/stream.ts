/** What a stream of server-sent events holds: the events of a piece of text, and what is left of it. */
export function parseEvents(text: string): { events: { event: string; data: string; id: string }[]; rest: string } {
  const blocks = text.split('\n\n')
  const rest = blocks.pop() ?? ''
  const events = blocks.flatMap((block) => {
    const e = { event: 'message', data: '', id: '' }
    for (const line of block.split('\n')) {
      const colon = line.indexOf(':')
      const name = line.slice(0, colon)
      const value = line.slice(colon + 1).replace(/^ /, '')
      if (name === 'event' || name === 'data' || name === 'id') e[name] = value
    }
    return e.data ? [e] : []
  })
  return { events, rest }
}
