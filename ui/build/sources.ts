// What a build was made of: a hash of the names and hashes of all sources. The Go
// test fresh_test.go computes the same, so that Go alone can tell whether ui/dist is
// out of date.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const single = ['index.html', 'package.json', 'package-lock.json', 'tsconfig.json', 'vite.config.ts']

function below(root: string, dir: string): string[] {
  return readdirSync(join(root, dir), { withFileTypes: true }).flatMap((entry) => {
    const path = `${dir}/${entry.name}`
    if (entry.isDirectory()) return below(root, path)
    return path.endsWith('.test.ts') ? [] : [path]
  })
}

export function sourcesHash(root: string): string {
  const files = [...single, ...below(root, 'build'), ...below(root, 'src')].sort()
  const all = createHash('sha256')
  for (const file of files) {
    all.update(`${createHash('sha256').update(readFileSync(join(root, file))).digest('hex')} ${file}\n`)
  }
  return all.digest('hex')
}
