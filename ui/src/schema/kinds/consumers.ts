import { named, type Kind } from '../layout'

export const consumers: Kind = {
  path: 'consumers',
  schema: 'consumers',
  title: 'Consumers',
  one: 'Consumer',
  purpose: 'A consumer is someone who uses your services, known by credentials.',
  nameOf: named('username', 'custom_id'),
  layout: {
    columns: [{ field: 'username' }, { field: 'custom_id' }, { field: 'tags' }, { field: 'created_at', extra: true }],
    groups: [{ title: 'General', fields: ['username', 'custom_id', 'tags'], help: 'A user name or a custom ID is needed.' }],
  },
}
