import { named, type Kind } from '../layout'

export const vaults: Kind = {
  path: 'vaults',
  schema: 'vaults',
  title: 'Vaults',
  one: 'Vault',
  purpose: 'A vault is where secrets are kept; fields refer to them as {vault://prefix/name}.',
  nameOf: named('prefix'),
  layout: {
    columns: [{ field: 'prefix' }, { field: 'name', title: 'Kind' }, { field: 'description' }, { field: 'tags' }],
    groups: [
      { title: 'General', fields: ['prefix', 'description', 'tags'] },
      { title: 'Settings', fields: ['config'] },
    ],
    hints: { prefix: { placeholder: 'my-secrets', help: 'What references begin with: {vault://my-secrets/name}.' }, config: { bare: true } },
    hidden: ['name'],
  },
}
