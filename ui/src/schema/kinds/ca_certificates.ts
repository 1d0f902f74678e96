import { momentOf } from '@/components/time'
import { named, type Kind } from '../layout'
import { endOfCertificate } from '../pem'

export const caCertificates: Kind = {
  path: 'ca_certificates',
  schema: 'ca_certificates',
  title: 'CA Certificates',
  one: 'CA Certificate',
  purpose: 'A CA certificate is an authority that targets or clients are verified against.',
  nameOf: named(),
  mentions: [{ kind: 'services', field: 'ca_certificates', fate: 'refused' }],
  layout: {
    columns: [{ field: 'id', title: 'ID', text: (e) => e.id.slice(0, 8) }, { field: 'cert_digest', title: 'Digest' }, { field: 'cert', title: 'Ends', text: (e) => momentOf(endOfCertificate(e.cert)) }, { field: 'tags' }, { field: 'created_at', extra: true }],
    groups: [{ title: 'General', fields: ['cert', 'tags'] }],
    hints: { cert: { multiline: true, placeholder: '-----BEGIN CERTIFICATE-----' } },
    hidden: ['cert_digest'],
  },
}
