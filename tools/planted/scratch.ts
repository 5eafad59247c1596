import { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { run } from './run-command.js'

export const root = fileURLToPath(new URL('../../..', import.meta.url))
export const patches = join(root, 'tools', 'planted', 'patches')

/** What is planted into, under the names by which it is imported. */
const PLANTED = { synod: 'packages/synod', 'synod-testing': 'packages/testing' }
const CONFIGURATION = [
  'package.json',
  'vitest.config.ts',
  'tsconfig.base.json',
  'tsconfig.json',
  'tsconfig.test.json',
]

/**
 * A copy of the library, its sources and what has been built of them, with a mistake in both. Its
 * tests can run there, and programs that import `synod`.
 */
export class Scratch implements AsyncDisposable {
  readonly directory: string

  private constructor(directory: string) {
    this.directory = directory
  }

  /** Rejects if the patch does not apply any more. */
  static async plant(patch: string): Promise<Scratch> {
    const scratch = new Scratch(await mkdtemp(join(tmpdir(), 'planted-')))
    const { directory } = scratch
    for (const file of CONFIGURATION) await cp(join(root, file), join(directory, file))
    // A test reads them.
    await cp(join(root, 'docs'), join(directory, 'docs'), { recursive: true })
    await cp(join(root, 'packages'), join(directory, 'packages'), {
      recursive: true,
      filter: (source) => !/[/\\]node_modules$/.test(source),
    })
    await scratch.#linkModules()
    await cp(fileURLToPath(new URL('trial.js', import.meta.url)), join(directory, 'trial.js'))
    await scratch.#apply(patch)
    return scratch
  }

  /** All packages as they are installed, but the ones that are planted into from here. */
  async #linkModules(): Promise<void> {
    const modules = join(this.directory, 'node_modules')
    await mkdir(modules)
    for (const [name, folder] of Object.entries(PLANTED))
      await symlink(join(this.directory, folder), join(modules, name))
    for (const name of await readdir(join(root, 'node_modules'))) {
      if (!Object.hasOwn(PLANTED, name)) await symlink(join(root, 'node_modules', name), join(modules, name))
    }
  }

  async #apply(patch: string): Promise<void> {
    const args = ['apply', '--unsafe-paths', '-C1', `--directory=${this.directory}`, join(patches, patch)]
    const { code, output } = await run('git', args, this.directory)
    if (code !== 0) throw new Error(`${patch} does not apply any more: ${output}`)
    for (const [, file] of (await readFile(join(patches, patch), 'utf8')).matchAll(
      /^\+\+\+ b\/(\S+\.ts)$/gm,
    )) {
      if (file !== undefined) await this.#compile(join(this.directory, file))
    }
  }

  /** Types are not looked at: a mistake is to be found by running it. */
  async #compile(source: string): Promise<void> {
    const { outputText } = ts.transpileModule(await readFile(source, 'utf8'), {
      compilerOptions: {
        target: ts.ScriptTarget.ES2023,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
      },
    })
    const target = source.replace(/(packages\/\w+)\/src\//, '$1/dist/').replace(/\.ts$/, '.js')
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, outputText)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true })
  }
}
