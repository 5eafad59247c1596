// `import('planted:NAME')` gives what `synod-testing/script` gives, with a mistake of
// tools/planted/patches in it: the page shows how the protocol breaks without one of its rules.
import { readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { applyPatch, parsePatch } from 'diff'
import { type Plugin, transformWithOxc } from 'vite'

const root = fileURLToPath(new URL('../..', import.meta.url))
const library = join(root, 'packages/synod/src')
const entry = join(root, 'packages/testing/src/script/index.ts')
const INTERNAL = 'synod/internal/'
const SCHEME = 'planted:'
const QUERY = '?planted='

export function plantedCores(): Plugin {
  return {
    name: 'planted-cores',
    enforce: 'pre',

    resolveId(imported, importer) {
      if (imported.startsWith(SCHEME)) return entry + QUERY + imported.slice(SCHEME.length)
      const [file = '', mistake] = importer?.split(QUERY) ?? []
      if (mistake === undefined) return undefined
      const path = sourceOf(imported, dirname(file))
      return path && path.replace(/\.js$/, '.ts') + QUERY + mistake
    },

    async load(id) {
      const [file = '', mistake] = id.split(QUERY)
      if (mistake === undefined) return undefined
      const source = await readFile(file, 'utf8')
      const patch = join(root, 'tools/planted/patches', `${mistake}.patch`)
      const changed = changedBy(await readFile(patch, 'utf8'), relative(root, file), source)
      if (changed === false) throw new Error(`${mistake} does not apply any more`)
      const { code } = await transformWithOxc(changed, file)
      return code
    },
  }
}

/** The source of an import that a planted core brings with it; undefined for all others. */
function sourceOf(imported: string, directory: string): string | undefined {
  if (imported.startsWith(INTERNAL)) return join(library, imported.slice(INTERNAL.length))
  if (imported.startsWith('.')) return join(directory, imported)
  // An alias of the tests has named the source already.
  return imported.startsWith(library) ? imported : undefined
}

/** The file as the patch leaves it; false if it does not apply. */
function changedBy(patch: string, name: string, source: string): string | false {
  const ofFile = parsePatch(patch).find(({ newFileName }) => newFileName === `b/${name}`)
  return ofFile === undefined ? source : applyPatch(source, ofFile, { fuzzFactor: 1 })
}
