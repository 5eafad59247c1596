// The packages as a consumer gets them: packed, installed without a registry, imported,
// required, bundled, and checked.
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { build } from 'esbuild'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ROOT } from './docs/snippets.js'
import { temporaryDirectory } from './processes.js'

const FOLDERS = {
  synod: 'synod',
  'synod-store': 'store',
  'synod-testing': 'testing',
  'synod-server': 'server',
} as const
const NAMES = Object.keys(FOLDERS) as (keyof typeof FOLDERS)[]
/** What packages need of others, from this repository. */
const LIBRARIES: Readonly<Record<string, string>> = {
  'synod-server': 'commander',
  'synod-store': 'sorted-btree',
}

/** A machine that a consumer writes; it fits the examples of the READMEs. */
const COUNTER = `
export class Counter {
  #total = 0
  apply(amount: number) {
    return (this.#total += amount)
  }
  query(_: 'total') {
    return this.#total
  }
}
`

/** Imports each entry of each package, and uses types of each. */
const CONSUMER = `
import { type Machine, Replica, SynodError, connect } from 'synod'
import { type Workload, simulate } from 'synod-testing'
import { runScript } from 'synod-testing/script'
import { type Command, Store } from 'synod-store'
import { type Entry, StoreClient } from 'synod-store/client'
import { KvClient, type KvCommand, KvMachine } from 'synod-server'
import { Counter } from './counter.js'

export const machine: Machine<number, number, 'total', number> = new Counter()
export const workload: Workload<Counter> = {
  machine: () => new Counter(),
  command: (chance) => chance.below(10),
}
export const put: KvCommand = { type: 'put', key: 'k', value: new Uint8Array() }
export const tick: Command = { type: 'tick' }
export const entries: Entry[] = []
export const all = [Store, StoreClient, Replica, SynodError, connect, simulate, runScript, KvClient, KvMachine]
// @ts-expect-error: a command of this machine is a number
export const wrong: ReturnType<typeof machine.apply> = 'text'
`

/** A whole replica in one process. Prints the result of a command. */
const PROGRAM = `
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Replica } from 'synod'

const free = createServer().listen(0, '127.0.0.1', () => {
  const { port } = free.address()
  free.close(() => void run(port))
})

async function run(port) {
  let total = 0
  const dataDir = mkdtempSync(join(tmpdir(), 'synod-bundle-'))
  const replica = await Replica.open({
    id: 1,
    cluster: { servers: { 1: '127.0.0.1:' + port } },
    dataDir,
    machine: { apply: (amount) => (total += amount), query: () => total },
  })
  console.log(await replica.execute(42))
  await replica.close()
  rmSync(dataDir, { recursive: true })
}
`

interface Packed {
  readonly filename: string
  readonly size: number
  readonly unpackedSize: number
  readonly files: readonly { readonly path: string }[]
}

const run = promisify(execFile)
const packed = new Map<string, Packed>()
let directory: string
/** Where all are installed. */
let project: string

/** Without what `npm test` has set for this process. */
const env = { PATH: process.env.PATH, HOME: process.env.HOME }

const npm = (args: readonly string[], cwd: string) => run('npm', [...args], { cwd, env })
const node = (args: readonly string[], cwd: string) => run(process.execPath, [...args], { cwd, env })

const packedOf = (name: string): Packed => {
  const found = packed.get(name)
  if (found === undefined) throw new Error(`${name} was not packed`)
  return found
}

const tarballOf = (name: string) => join(directory, packedOf(name).filename)

/** Installs tarballs into a new project, with what they need from this repository. */
async function install(where: string, names: readonly string[]): Promise<void> {
  const tarballs = names.map((name) => [name, `file:${tarballOf(name)}`] as const)
  const libraries = names.flatMap((name) => LIBRARIES[name] ?? [])
  const others = libraries.map((name) => [name, `file:${join(ROOT, 'node_modules', name)}`] as const)
  const dependencies = Object.fromEntries([...tarballs, ...others])
  await mkdir(where, { recursive: true })
  await writeFile(
    join(where, 'package.json'),
    JSON.stringify({ private: true, type: 'module', dependencies }),
  )
  await npm(['install', '--offline', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'], where)
}

beforeAll(async () => {
  directory = await temporaryDirectory()
  for (const name of NAMES) {
    const folder = join(ROOT, 'packages', FOLDERS[name])
    const { stdout } = await npm(
      ['pack', '--json', '--ignore-scripts', '--pack-destination', directory],
      folder,
    )
    // npm 10 gives a list, npm 11 and later may give an object by name.
    const [result] = Object.values(JSON.parse(stdout) as Record<string, Packed>)
    if (result === undefined) throw new Error(`npm pack said nothing of ${name}`)
    packed.set(name, result)
    const [size, unpacked] = [result.size, result.unpackedSize].map((bytes) => (bytes / 1000).toFixed(0))
    console.log(`${name}: ${size} kB packed, ${unpacked} kB unpacked, ${result.files.length} files`)
  }
  project = join(directory, 'project')
  await install(project, NAMES)
})

afterAll(async () => {
  await rm(directory, { recursive: true, force: true })
})

describe.each(NAMES)('%s', (name) => {
  const folder = () => join(project, 'node_modules', name)

  test('has a README, and the license of the project', async () => {
    expect(await readFile(join(folder(), 'README.md'), 'utf8')).toContain(`# ${name}\n`)
    expect(await readFile(join(folder(), 'LICENSE'), 'utf8')).toBe(
      await readFile(join(ROOT, 'LICENSE'), 'utf8'),
    )
  })

  test('contains what its sources compile to, and nothing else', () => {
    const sources = join(ROOT, 'packages', FOLDERS[name])
    const left = packedOf(name)
      .files.map(({ path }) => path)
      .filter((path) => !['README.md', 'LICENSE', 'package.json'].includes(path))
      .filter(
        (path) => !existsSync(join(sources, path.replace(/^dist\/(.*?)(?:\.d\.ts|\.js)$/, 'src/$1.ts'))),
      )
    expect(left, `of an earlier build: delete packages/*/dist, and build again`).toEqual([])
  })

  test('names only source maps that exist', async () => {
    for (const { path } of packedOf(name).files) {
      const text = await readFile(join(folder(), path), 'utf8')
      const [, map] = /^\/\/# sourceMappingURL=(.+)$/m.exec(text) ?? []
      if (map !== undefined) expect(existsSync(join(folder(), posix.dirname(path), map)), path).toBe(true)
    }
  })

  test('has types in which attw finds no problem', async () => {
    const result = await checkPackage(createPackageFromTarballData(await readFile(tarballOf(name))))
    if (!('problems' in result)) throw new Error('attw found no types')
    // The packages are ES modules: node10 knows no exports, and CommonJS of node16 cannot require
    // them.
    const problems = result.problems.filter(
      (problem) =>
        !('resolutionKind' in problem) ||
        (problem.resolutionKind !== 'node10' && problem.resolutionKind !== 'node16-cjs'),
    )
    expect(problems).toEqual([])
  })
})

describe('types', () => {
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
  // All declarations of the packages are checked, not only the declarations used here.
  const base = {
    target: 'es2023',
    lib: ['es2023'],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
    types: ['node'],
    typeRoots: [join(ROOT, 'node_modules', '@types')],
  }

  /** What the compiler says of files of the project. */
  async function compile(compilerOptions: object, files: Readonly<Record<string, string>>): Promise<string> {
    for (const [name, text] of Object.entries(files)) await writeFile(join(project, name), text)
    const config = { compilerOptions: { ...base, ...compilerOptions }, files: Object.keys(files) }
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify(config))
    const { stdout } = await node([tsc, '-p', project], project).catch(
      (error: unknown) => error as { readonly stdout: string },
    )
    return stdout
  }

  test.each([
    ['node16', 'node16'],
    ['nodenext', 'nodenext'],
    ['bundler', 'esnext'],
  ])('resolve with moduleResolution %s', async (moduleResolution, module) => {
    const files = { 'counter.ts': COUNTER, 'consumer.ts': CONSUMER }
    expect(await compile({ module, moduleResolution }, files)).toBe('')
  })

  test('resolve where CommonJS requires the packages', async () => {
    const files = {
      'consumer.cts': `import synod = require('synod')\nexport const { Replica, SynodError } = synod\n`,
    }
    expect(await compile({ module: 'nodenext', moduleResolution: 'nodenext' }, files)).toBe('')
  })

  test('fit the examples of the READMEs', async () => {
    const files: Record<string, string> = { 'counter.ts': COUNTER }
    for (const name of NAMES) {
      const readme = await readFile(join(project, 'node_modules', name, 'README.md'), 'utf8')
      const [, example] = /^```ts\n(.*?)^```$/ms.exec(readme) ?? []
      if (example === undefined) throw new Error(`the README of ${name} has no example`)
      files[`${name}.ts`] = example
    }
    expect(await compile({ module: 'nodenext', moduleResolution: 'nodenext' }, files)).toBe('')
  })
})

test('the synod command runs', async () => {
  const bin = join(project, 'node_modules', '.bin', 'synod')
  const { version } = JSON.parse(await readFile(join(ROOT, 'packages/server/package.json'), 'utf8')) as {
    readonly version: string
  }
  expect((await node([bin, '--version'], project)).stdout.trim()).toBe(version)
  const { stdout } = await node([bin, 'check', 'leader-small', '--walks', '2', '--json'], project)
  expect(JSON.parse(stdout)).toMatchObject({ end: 'walked' })
})

test.runIf((process.features as { readonly require_module?: boolean }).require_module === true)(
  'CommonJS can require the packages, without a warning',
  async () => {
    await writeFile(
      join(project, 'consumer.cjs'),
      NAMES.map((name) => `console.log(Object.keys(require('${name}')).length > 0)`).join('\n'),
    )
    const { stderr, stdout } = await node([join(project, 'consumer.cjs')], project)
    expect({ stderr, stdout }).toEqual({ stderr: '', stdout: 'true\n'.repeat(NAMES.length) })
  },
)

test.each(['esm', 'cjs'] as const)('a bundle in one file runs: %s', async (format) => {
  await writeFile(join(project, 'program.js'), PROGRAM)
  const outfile = join(directory, format === 'esm' ? 'bundle.mjs' : 'bundle.cjs')
  const { warnings } = await build({
    entryPoints: [join(project, 'program.js')],
    bundle: true,
    platform: 'node',
    format,
    outfile,
    logLevel: 'silent',
  })
  expect(warnings).toEqual([])
  expect((await node([outfile], directory)).stdout).toBe('42\n')
})

test('synod installs one package, without any file of synod-testing', async () => {
  const alone = join(directory, 'alone')
  await install(alone, ['synod'])
  const installed = await readdir(join(alone, 'node_modules'))
  expect(installed.filter((name) => !name.startsWith('.'))).toEqual(['synod'])
  for (const { path } of packedOf('synod').files) {
    if (!path.endsWith('.js')) continue
    const text = await readFile(join(alone, 'node_modules', 'synod', path), 'utf8')
    expect(text, path).not.toMatch(/from ['"]synod-testing/)
  }
})
