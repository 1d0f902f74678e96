import { named, type Kind } from '../layout'

const first = (v: unknown) => (Array.isArray(v) ? v.join(', ') : '')

export const routes: Kind = {
  path: 'routes',
  schema: 'routes',
  title: 'Routes',
  one: 'Route',
  purpose: 'A route says which requests a service gets: by path, host, method or header.',
  nameOf: named('name'),
  children: [{ kind: 'plugins', field: 'route', fate: 'removed' }],
  layout: {
    columns: [
      { field: 'name' },
      { field: 'paths', text: (e) => first(e.paths) },
      { field: 'hosts', text: (e) => first(e.hosts) },
      { field: 'methods', text: (e) => first(e.methods) },
      { field: 'service' },
      { field: 'tags' },
      { field: 'protocols', extra: true },
      { field: 'updated_at', extra: true },
    ],
    groups: [
      { title: 'General', fields: ['name', 'service', 'protocols', 'tags'] },
      { title: 'Which requests', fields: ['paths', 'hosts', 'methods', 'headers', 'snis', 'sources', 'destinations', 'expression', 'priority'], help: 'At least one of these is needed.' },
      { title: 'What becomes of the path and host', fields: ['strip_path', 'preserve_host', 'path_handling'] },
      { title: 'More', fields: ['regex_priority', 'https_redirect_status_code', 'request_buffering', 'response_buffering', 'retry_policy'], advanced: true },
    ],
    hints: { paths: { placeholder: '/mock' }, hosts: { placeholder: 'example.com' }, methods: { placeholder: 'GET' } },
  },
}
