import type { Entity } from '@/api/entities'
import type { Kind } from '../layout'

const scopes = ['service', 'route', 'consumer']

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
      { field: 'scope', text: (e) => scopes.filter((s) => e[s]).join(', ') || 'global' },
      { field: 'enabled' },
      { field: 'instance_name', extra: true },
      { field: 'tags' },
      { field: 'updated_at', extra: true },
    ],
    groups: [
      { title: 'General', fields: ['enabled', 'instance_name', 'tags'] },
      { title: 'Where it runs', fields: ['service', 'route', 'consumer', 'protocols'], help: 'Without any of these it runs on all requests.' },
      { title: 'Settings', fields: ['config'] },
    ],
    hidden: ['name', 'ordering'],
  },
}
