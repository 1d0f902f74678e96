import { named, type Kind } from '../layout'

export const keys: Kind = {
  path: 'keys',
  schema: 'keys',
  title: 'Keys',
  one: 'Key',
  purpose: 'A key is a public or private key that plugins use, as a JWK or in PEM.',
  nameOf: named('name', 'kid'),
  layout: {
    columns: [{ field: 'name' }, { field: 'kid' }, { field: 'set' }, { field: 'tags' }],
    groups: [{ title: 'General', fields: ['name', 'kid', 'set', 'jwk', 'pem', 'tags'], help: 'Either a JWK or PEM.' }],
    hints: { jwk: { multiline: true } },
  },
}
