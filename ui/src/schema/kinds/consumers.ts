import { named, type Kind } from '../layout'

export const consumers: Kind = {
  path: 'consumers',
  schema: 'consumers',
  title: 'Consumers',
  one: 'Consumer',
  purpose: 'A consumer is someone who uses your services, known by credentials.',
  nameOf: named('username', 'custom_id'),
  children: [
    { kind: 'key-auths', below: 'key-auth', field: 'consumer', fate: 'removed' },
    { kind: 'basic-auths', below: 'basic-auth', field: 'consumer', fate: 'removed' },
    { kind: 'hmac-auths', below: 'hmac-auth', field: 'consumer', fate: 'removed' },
    { kind: 'jwts', below: 'jwt', field: 'consumer', fate: 'removed' },
    { kind: 'acls', field: 'consumer', fate: 'removed' },
    { kind: 'plugins', field: 'consumer', fate: 'removed' },
  ],
  next: (e) => [
    { text: 'Add a key', to: { path: '/default/key-auths/create', query: { consumer: e.id } } },
    { text: 'Add to a group', to: { path: '/default/acls/create', query: { consumer: e.id } } },
  ],
  layout: {
    columns: [{ field: 'username' }, { field: 'custom_id' }, { field: 'tags' }, { field: 'created_at', extra: true }],
    groups: [{ title: 'General', fields: ['username', 'custom_id', 'tags'], help: 'A user name or a custom ID is needed.' }],
  },
}
