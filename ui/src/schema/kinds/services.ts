import { named, type Kind } from '../layout'

export const services: Kind = {
  path: 'services',
  schema: 'services',
  title: 'Services',
  one: 'Service',
  purpose: 'A service is an API of yours: where requests go that a route has matched.',
  nameOf: named('name', 'host'),
  children: [
    { kind: 'routes', field: 'service', fate: 'refused' },
    { kind: 'plugins', field: 'service', fate: 'removed' },
  ],
  next: (e) => [{ text: 'Add a route', to: { path: '/default/routes/create', query: { service: e.id } } }],
  layout: {
    columns: [
      { field: 'name' },
      { field: 'host', text: (e) => `${e.protocol}://${e.host}${e.port ? `:${e.port}` : ''}${e.path ?? ''}`, title: 'Address' },
      { field: 'enabled' },
      { field: 'tags' },
      { field: 'retries', extra: true },
      { field: 'updated_at', extra: true },
    ],
    groups: [
      { title: 'General', fields: ['name', 'enabled', 'tags'] },
      { title: 'Where requests go', fields: ['protocol', 'host', 'port', 'path'], help: 'The host is an upstream, a host name or an address.' },
      { title: 'Timeouts and retries', fields: ['retries', 'connect_timeout', 'write_timeout', 'read_timeout', 'retry_policy'], advanced: true },
      { title: 'TLS to the targets', fields: ['client_certificate', 'tls_verify', 'tls_verify_depth', 'ca_certificates'], advanced: true },
    ],
    hints: {
      host: { placeholder: 'example_upstream or api.example.com' },
      path: { placeholder: '/v1' },
      name: { placeholder: 'example_service' },
      connect_timeout: { label: 'Connect timeout (ms)' },
      write_timeout: { label: 'Write timeout (ms)' },
      read_timeout: { label: 'Read timeout (ms)' },
    },
  },
}
