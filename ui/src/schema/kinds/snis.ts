import { named, type Kind } from '../layout'

export const snis: Kind = {
  path: 'snis',
  schema: 'snis',
  title: 'SNIs',
  one: 'SNI',
  purpose: 'An SNI is a name that TLS clients ask for, and the certificate that they are shown.',
  nameOf: named('name'),
  layout: {
    columns: [{ field: 'name' }, { field: 'certificate' }, { field: 'tags' }, { field: 'created_at', extra: true }],
    groups: [{ title: 'General', fields: ['name', 'certificate', 'tags'] }],
    hints: { name: { placeholder: 'www.example.com' } },
  },
}
