import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import ts from 'typescript'
import { temporaryDirectory } from '../processes.js'

const ROOT = fileURLToPath(new URL('../../../../..', import.meta.url))
const PATCH = fileURLToPath(new URL('next-build.patch', import.meta.url))
const PACKAGES = ['synod', 'server']

/** The `synod` command as next-build.patch makes it, beside the one that was built here. */
export interface NextBuild extends AsyncDisposable {
  readonly bin: string
}

/**
 * Makes a copy of what was built, and compiles in it what the patch changes. Rejects if that does
 * not apply any more.
 */
export async function nextBuild(): Promise<NextBuild> {
  const directory = await temporaryDirectory()
  for (const name of PACKAGES) {
    for (const part of ['package.json', 'src', 'dist'])
      await cp(join(ROOT, 'packages', name, part), join(directory, 'packages', name, part), {
        recursive: true,
      })
  }
  const modules = join(directory, 'node_modules')
  await mkdir(modules)
  await symlink(join(directory, 'packages/synod'), join(modules, 'synod'))
  for (const name of await readdir(join(ROOT, 'node_modules')))
    if (name !== 'synod') await symlink(join(ROOT, 'node_modules', name), join(modules, name))
  await promisify(execFile)('git', ['apply', '--unsafe-paths', '-C1', `--directory=${directory}`, PATCH], {
    cwd: directory,
  })
  for (const [, file = ''] of (await readFile(PATCH, 'utf8')).matchAll(/^\+\+\+ b\/(\S+\.ts)$/gm))
    await compile(join(directory, file))
  return {
    bin: join(directory, 'packages/server/dist/bin.js'),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  }
}

async function compile(source: string): Promise<void> {
  const { outputText } = ts.transpileModule(await readFile(source, 'utf8'), {
    compilerOptions: {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
    },
  })
  await writeFile(source.replace('/src/', '/dist/').replace(/\.ts$/, '.js'), outputText)
}
