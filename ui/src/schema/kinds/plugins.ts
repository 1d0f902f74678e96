import type { Entity } from '@/api/entities'
import type { Kind } from '../layout'

const scopes = ['service', 'route', 'consumer'] as const
const wording = { service: 'the chosen service', route: 'the chosen route', consumer: 'the chosen consumer' }

/** Settings of which only some make sense together. */
const configOf = (values: Record<string, unknown>) => (values.config ?? {}) as { policy?: string; limit_by?: string }

/** "It runs on requests of the chosen route that the chosen consumer sends." */
function whereItRuns(values: Record<string, unknown>): string {
  const on = scopes.filter((s) => values[s])
  if (!on.length) return 'It runs on every request: it is global.'
  const places = on.filter((s) => s !== 'consumer').map((s) => wording[s])
  const from = on.includes('consumer') ? ` that ${wording.consumer} sends` : ''
  return places.length ? `It runs on requests of ${places.join(' and ')}${from}.` : `It runs on all requests${from}.`
}

export const plugins: Kind = {
  path: 'plugins',
  schema: 'plugins',
  title: 'Plugins',
  one: 'Plugin',
  purpose: 'A plugin adds to what happens to requests: who may send them, how many, what is kept of the answers.',
  nameOf: (e: Entity) => String(e.instance_name ?? e.name),
  layout: {
    columns: [
      { field: 'name' },
      { field: 'scope', title: 'Runs on', text: (e) => scopes.filter((s) => e[s]).map((s) => `one ${s}`).join(', ') || 'all requests' },
      { field: 'enabled' },
      { field: 'service', extra: true },
      { field: 'route', extra: true },
      { field: 'consumer', extra: true },
      { field: 'instance_name', extra: true },
      { field: 'tags' },
      { field: 'updated_at', extra: true },
    ],
    groups: [
      { title: 'Where it runs', fields: ['service', 'route', 'consumer'], help: 'Choose what it is limited to, or nothing.', says: whereItRuns },
      { title: 'Settings', fields: ['config'] },
      { title: 'General', fields: ['enabled', 'instance_name', 'tags'] },
      { title: 'More', fields: ['protocols'], advanced: true },
    ],
    hints: {
      config: { bare: true },
      'config.redis': { when: (v) => [undefined, 'redis'].includes(configOf(v).policy) },
      'config.header_name': { when: (v) => [undefined, 'header'].includes(configOf(v).limit_by) },
      'config.path': { when: (v) => [undefined, 'path'].includes(configOf(v).limit_by) },
      instance_name: { placeholder: 'a name of its own' },
    },
    hidden: ['name', 'ordering'],
  },
}
