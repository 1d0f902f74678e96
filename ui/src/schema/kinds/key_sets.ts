import { named, type Kind } from '../layout'

export const keySets: Kind = {
  path: 'key-sets',
  schema: 'key_sets',
  title: 'Key Sets',
  one: 'Key Set',
  purpose: 'A key set groups keys, so that a plugin can be given all of them.',
  nameOf: named('name'),
  children: [{ kind: 'keys', field: 'set', fate: 'removed' }],
  next: (e) => [{ text: 'Add a key', to: { path: '/default/keys/create', query: { set: e.id } } }],
  layout: {
    columns: [{ field: 'name' }, { field: 'tags' }, { field: 'created_at' }],
    groups: [{ title: 'General', fields: ['name', 'tags'] }],
  },
}
