import { named, type Kind } from '../layout'

/** Targets belong to an upstream: their collection is /upstreams/{id}/targets. */
export const targets: Kind = {
  path: 'targets',
  schema: 'targets',
  title: 'Targets',
  one: 'Target',
  purpose: 'A target is one server: a host name or an address, and a port.',
  nameOf: named('target'),
  layout: {
    columns: [{ field: 'target' }, { field: 'weight' }, { field: 'tags' }],
    groups: [
      { title: 'General', fields: ['target', 'weight', 'tags'] },
      { title: 'Limits', fields: ['max_requests', 'max_connections', 'max_pending'], advanced: true },
      { title: 'Place and order', fields: ['state', 'drain_timeout', 'priority', 'failover', 'zone'], advanced: true },
    ],
    hints: {
      target: { label: 'Target', placeholder: 'mockbin.org:80', help: 'Host and port. Without a port it is 8000.' },
      weight: { help: 'Its part of the requests, against the weights of the others. 0 means none.' },
    },
    hidden: ['upstream'],
  },
}
