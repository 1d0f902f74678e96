import type { Kind } from './layout'
import { caCertificates } from './kinds/ca_certificates'
import { certificates } from './kinds/certificates'
import { consumers } from './kinds/consumers'
import { acls, basicAuths, hmacAuths, jwts, keyAuths } from './kinds/credentials'
import { keySets } from './kinds/key_sets'
import { keys } from './kinds/keys'
import { plugins } from './kinds/plugins'
import { routes } from './kinds/routes'
import { services } from './kinds/services'
import { snis } from './kinds/snis'
import { targets } from './kinds/targets'
import { upstreams } from './kinds/upstreams'
import { vaults } from './kinds/vaults'

/** The kinds of the sidebar, in its order. */
export const kinds: Kind[] = [services, routes, consumers, plugins, upstreams, certificates, caCertificates, snis, vaults, keys, keySets]

const all = [...kinds, targets, keyAuths, basicAuths, hmacAuths, jwts, acls]

/** The kind with a path ("key-sets") or a schema ("key_sets"). */
export function kindOf(name: string): Kind | undefined {
  return all.find((k) => k.path === name || k.schema === name)
}
