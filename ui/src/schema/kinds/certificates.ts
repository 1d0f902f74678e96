import { momentOf } from '@/components/time'
import { named, type Kind } from '../layout'
import { endOfCertificate } from '../pem'

export const certificates: Kind = {
  path: 'certificates',
  schema: 'certificates',
  title: 'Certificates',
  one: 'Certificate',
  purpose: 'A certificate is what clients are shown for the names of its SNIs, or what targets are shown.',
  nameOf: (e) => (Array.isArray(e.snis) && e.snis.length ? e.snis.join(', ') : named()(e)),
  children: [{ kind: 'snis', field: 'certificate', fate: 'removed' }],
  mentions: [
    { kind: 'services', field: 'client_certificate', fate: 'refused' },
    { kind: 'upstreams', field: 'client_certificate', fate: 'refused' },
  ],
  layout: {
    columns: [
      { field: 'id', title: 'ID', text: (e) => e.id.slice(0, 8) },
      { field: 'snis', text: (e) => (Array.isArray(e.snis) ? e.snis.join(', ') : '') },
      { field: 'cert', title: 'Ends', text: (e) => momentOf(endOfCertificate(e.cert)) },
      { field: 'tags' },
      { field: 'created_at', extra: true },
    ],
    groups: [
      { title: 'General', fields: ['cert', 'key', 'snis', 'tags'] },
      { title: 'A second pair', help: 'Of another kind of key, such as ECDSA beside RSA.', fields: ['cert_alt', 'key_alt'], advanced: true },
    ],
    hints: {
      cert: { multiline: true, placeholder: '-----BEGIN CERTIFICATE-----' },
      key: { multiline: true, placeholder: '-----BEGIN PRIVATE KEY-----' },
      cert_alt: { multiline: true },
      key_alt: { multiline: true },
      snis: { field: { type: 'set', elements: { type: 'string' }, description: 'Names for which clients are shown this certificate.' } },
    },
  },
}
