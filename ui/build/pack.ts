// A plugin for Vite that makes of a build what the program embeds: what can be compressed lies
// there compressed only, and what it was made of is written beside it.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import type { Plugin } from 'vite'
import { sourcesHash } from './sources'

export function pack(root: string): Plugin {
  return {
    name: 'pack',
    apply: 'build',
    closeBundle() {
      const dist = join(root, 'dist')
      const assets = join(dist, 'assets')
      for (const name of readdirSync(assets)) {
        if (!/\.(js|css|svg)$/.test(name)) continue
        const file = join(assets, name)
        const content = readFileSync(file)
        writeFileSync(`${file}.br`, brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }))
        writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }))
        rmSync(file)
      }
      writeFileSync(join(dist, 'sources.sha256'), `${sourcesHash(root)}\n`)
    },
  }
}
