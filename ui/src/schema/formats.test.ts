import { describe, expect, it } from 'vitest'
import { hasSecrets, masked, textIn } from './formats'
import { acls } from './kinds/credentials'
import type { NamedField } from './types'

const fields: NamedField[] = [
  { name: { type: 'string' } },
  { config: { type: 'record', fields: [{ password: { type: 'string', encrypted: true } }, { hosts: { type: 'array', elements: { type: 'record', fields: [{ key: { type: 'string', encrypted: true } }] } } }] } },
]

describe('masked', () => {
  it('hides secrets wherever they are', () => {
    const e = { name: 'a', config: { password: 'p', hosts: [{ key: 'k' }] }, more: 1 }
    expect(masked(fields, e)).toEqual({ name: 'a', config: { password: '******', hosts: [{ key: '******' }] }, more: 1 })
    expect(hasSecrets(fields, e)).toBe(true)
    expect(hasSecrets(fields, { name: 'a', config: { password: null, hosts: null } })).toBe(false)
  })
})

describe('textIn', () => {
  const e = { id: '1', group: "it's", created_at: 5 }
  it('quotes for the shell', () => {
    expect(textIn('curl', acls, e, 'http://a:8001')).toBe(`curl -X PUT 'http://a:8001/acls/1' \\\n  -H 'Content-Type: application/json' \\\n  -d '{\n  "group": "it'\\''s"\n}'\n`)
  })
  it('writes a configuration file', () => {
    expect(textIn('YAML', acls, e, '')).toBe('_format_version: "3.0"\nacls:\n  - id: "1"\n    group: "it\'s"\n')
  })
})
