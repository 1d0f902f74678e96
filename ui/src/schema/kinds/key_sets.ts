import { named, type Kind } from '../layout'

export const keySets: Kind = {
  path: 'key-sets',
  schema: 'key_sets',
  title: 'Key Sets',
  one: 'Key Set',
  purpose: 'A key set groups keys, so that a plugin can be given all of them.',
  nameOf: named('name'),
  layout: {
    columns: [{ field: 'name' }, { field: 'tags' }, { field: 'created_at' }],
    groups: [{ title: 'General', fields: ['name', 'tags'] }],
  },
}
