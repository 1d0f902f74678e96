import { named, type Kind } from '../layout'

const hashes = (by: string) => (v: Record<string, unknown>) => v.hash_on === by || v.hash_fallback === by

export const upstreams: Kind = {
  path: 'upstreams',
  schema: 'upstreams',
  title: 'Upstreams',
  one: 'Upstream',
  purpose: 'An upstream shares the requests of a service among several targets, and leaves out those that fail.',
  nameOf: named('name'),
  children: [{ kind: 'targets', field: 'upstream', fate: 'removed' }],
  mentions: [{ kind: 'services', field: 'host', of: 'name', fate: 'broken' }],
  next: (e) => [
    { text: 'Add targets', to: `/default/upstreams/${e.id}/targets/create` },
    { text: 'Point a service here', to: { path: '/default/services', query: { host: String(e.name) } } },
  ],
  layout: {
    columns: [
      { field: 'name' },
      { field: 'algorithm' },
      { field: 'tags' },
      { field: 'slots', extra: true },
      { field: 'host_header', extra: true },
      { field: 'created_at', extra: true },
    ],
    groups: [
      { title: 'General', fields: ['name', 'algorithm', 'tags'] },
      {
        title: 'Hashing',
        help: 'What decides which target a request goes to, with consistent hashing and sticky sessions.',
        fields: [
          'hash_on', 'hash_on_header', 'hash_on_cookie', 'hash_on_cookie_path', 'hash_on_query_arg', 'hash_on_uri_capture', 'hash_fallback', 'hash_fallback_header',
          'hash_fallback_query_arg', 'hash_fallback_uri_capture', 'hash_balance_factor', 'sticky_sessions_cookie', 'sticky_sessions_cookie_path',
        ],
        advanced: true,
      },
      { title: 'Health checks', fields: ['healthchecks'], advanced: true },
      { title: 'When targets fail or return', fields: ['panic_threshold', 'overprovisioning', 'slow_start', 'slow_start_aggression', 'queue_timeout'], advanced: true },
      { title: 'Connections', fields: ['keepalive_pool_size', 'keepalive_max_requests', 'keepalive_idle_timeout', 'connection_max_age'], advanced: true },
      { title: 'More', fields: ['host_header', 'slots', 'use_srv_name', 'client_certificate'], advanced: true },
    ],
    hints: {
      name: { placeholder: 'example_upstream', help: 'Services refer to it: put this name into the field Host of a service.' },
      hash_on_header: { when: hashes('header') },
      hash_on_cookie: { when: hashes('cookie') },
      hash_on_cookie_path: { when: hashes('cookie') },
      hash_on_query_arg: { when: (v) => v.hash_on === 'query_arg' },
      hash_on_uri_capture: { when: (v) => v.hash_on === 'uri_capture' },
      hash_fallback_header: { when: (v) => v.hash_fallback === 'header' },
      hash_fallback_query_arg: { when: (v) => v.hash_fallback === 'query_arg' },
      hash_fallback_uri_capture: { when: (v) => v.hash_fallback === 'uri_capture' },
    },
  },
}
