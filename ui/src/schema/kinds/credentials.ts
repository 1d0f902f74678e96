import { named, type Kind } from '../layout'

const created = { field: 'created_at' }
const tags = { field: 'tags' }

export const keyAuths: Kind = {
  path: 'key-auths',
  schema: 'keyauth_credentials',
  title: 'API keys',
  one: 'API key',
  purpose: 'An API key tells who sends a request. The plugin key-auth asks for it.',
  nameOf: named(),
  layout: {
    columns: [{ field: 'id', title: 'ID', text: (e) => e.id.slice(0, 8) }, { field: 'key' }, { field: 'consumer', extra: true }, tags, created],
    groups: [{ title: 'General', fields: ['consumer', 'key', 'tags'] }],
    hints: { key: { help: 'Left empty, the gateway makes one up.' } },
    secrets: ['key'],
  },
}

export const basicAuths: Kind = {
  path: 'basic-auths',
  schema: 'basicauth_credentials',
  title: 'Passwords',
  one: 'Password',
  purpose: 'A user name with a password tells who sends a request. The plugin basic-auth asks for it.',
  nameOf: named('username'),
  layout: {
    columns: [{ field: 'username' }, { field: 'consumer', extra: true }, tags, created],
    secrets: ['password'],
    groups: [{ title: 'General', fields: ['consumer', 'username', 'password', 'tags'], help: 'Only a hash of the password is kept. To change it, type the new one.' }],
  },
}

export const hmacAuths: Kind = {
  path: 'hmac-auths',
  schema: 'hmacauth_credentials',
  title: 'HMAC secrets',
  one: 'HMAC secret',
  purpose: 'With an HMAC secret a client signs its requests. The plugin hmac-auth checks the signature.',
  nameOf: named('username'),
  layout: {
    columns: [{ field: 'username' }, { field: 'secret' }, { field: 'consumer', extra: true }, tags, created],
    groups: [{ title: 'General', fields: ['consumer', 'username', 'secret', 'tags'] }],
    hints: { secret: { help: 'Left empty, the gateway makes one up.' } },
    secrets: ['secret'],
  },
}

export const jwts: Kind = {
  path: 'jwts',
  schema: 'jwt_secrets',
  title: 'JWT keys',
  one: 'JWT key',
  purpose: 'A JWT key verifies the tokens of a consumer. The plugin jwt asks for them.',
  nameOf: named('key'),
  layout: {
    columns: [{ field: 'key' }, { field: 'algorithm' }, { field: 'consumer', extra: true }, tags, created],
    secrets: ['secret'],
    groups: [{ title: 'General', fields: ['consumer', 'key', 'algorithm', 'secret', 'rsa_public_key', 'tags'] }],
    hints: {
      key: { help: 'The claim of the token (iss by default) that names this key. Left empty, the gateway makes one up.' },
      secret: { when: (v) => /^HS/.test(String(v.algorithm)) },
      rsa_public_key: { label: 'Public key', multiline: true, placeholder: '-----BEGIN PUBLIC KEY-----', when: (v) => !/^HS/.test(String(v.algorithm)) },
    },
  },
}

export const acls: Kind = {
  path: 'acls',
  schema: 'acls',
  title: 'ACL groups',
  one: 'ACL group',
  purpose: 'The plugin acl lets groups of consumers in, or keeps them out.',
  nameOf: named('group'),
  layout: {
    columns: [{ field: 'group' }, { field: 'consumer', extra: true }, tags, created],
    groups: [{ title: 'General', fields: ['consumer', 'group', 'tags'] }],
    hints: { group: { placeholder: 'partners' } },
  },
}
