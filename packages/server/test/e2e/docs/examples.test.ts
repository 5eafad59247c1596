// The examples of docstrings compile against the packages as they are built, and every method of
// Replica and Client has one.
import { execFile } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { ROOT } from './snippets.js'

interface Example {
  /** Such as `Client.read`. */
  readonly of: string
  readonly text: string
}

const PACKAGES = { synod: 'synod', 'synod-testing': 'testing' }

/** What the examples take for granted. */
const AROUND = `
import type { CounterInput, History } from 'synod-testing'
import type { Client as ClientOf, Position, Replica as ReplicaOf } from 'synod'
declare global {
  class Counter { apply(amount: number): number; query(query: 'total'): number }
  const replica: ReplicaOf<Counter>
  const client: ClientOf<Counter>
  const file: { write(bytes: Uint8Array): Promise<void> }
  const jobs: (signal: AbortSignal) => AsyncIterable<string>
  const store: { write(job: string, options: { fence: number }): Promise<void> }
  const register: { write(value: number): Promise<void> }
  const history: History<CounterInput, number>
  const test: (name: string, run: () => Promise<unknown>) => void
  const position: Position
  const last: Position
}
`

function entry(name: string): string {
  return join(ROOT, 'packages', name, 'dist', 'index.d.ts')
}

function read(): { examples: Example[]; without: string[]; values: Map<string, string> } {
  const program = ts.createProgram(Object.values(PACKAGES).map(entry), {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
  })
  const checker = program.getTypeChecker()
  const examples: Example[] = []
  const without: string[] = []
  const values = new Map<string, string>()
  const take = (of: string, symbol: ts.Symbol, isNeeded: boolean) => {
    const tags = symbol.getJsDocTags(checker).filter(({ name }) => name === 'example')
    for (const { text } of tags) examples.push({ of, text: ts.displayPartsToString(text) })
    if (isNeeded && tags.length === 0) without.push(of)
  }
  for (const [packageName, folder] of Object.entries(PACKAGES)) {
    const source = program.getSourceFile(entry(folder))
    const module = source && checker.getSymbolAtLocation(source)
    if (module === undefined) throw new Error(`${folder} is not built`)
    for (const exported of checker.getExportsOfModule(module)) {
      const symbol =
        (exported.flags & ts.SymbolFlags.Alias) === 0 ? exported : checker.getAliasedSymbol(exported)
      if ((symbol.flags & ts.SymbolFlags.Value) !== 0) values.set(exported.name, packageName)
      else if (!values.has(exported.name)) values.set(exported.name, packageName)
      take(exported.name, symbol, false)
      const isDoor = packageName === 'synod' && ['Client', 'Replica'].includes(exported.name)
      for (const members of [symbol.members, symbol.exports])
        for (const [, member] of members ?? []) {
          const isMethod = (member.flags & (ts.SymbolFlags.Method | ts.SymbolFlags.Accessor)) !== 0
          const isNeeded =
            isDoor && isMethod && !member.name.startsWith('__@') && !member.name.startsWith('#')
          take(`${exported.name}.${member.name}`, member, isNeeded)
        }
    }
  }
  return { examples, without, values }
}

test('every method of Replica and Client has an example, and all examples compile', async () => {
  const { examples, values, without } = read()
  expect(without, 'methods without an @example').toEqual([])
  expect(examples.length).toBeGreaterThan(25)
  const directory = join(ROOT, 'node_modules', '.cache', 'examples')
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, 'around.ts'), AROUND)
  for (const [index, { of, text }] of examples.entries()) {
    const used = [...values].filter(
      ([name]) =>
        new RegExp(`\\b${name}\\b`).test(text) &&
        !new RegExp(`(?:class|const|function) ${name}\\b`).test(text),
    )
    const imports = used.map(([name, from]) => `import { ${name} } from '${from}'\n`).join('')
    await writeFile(join(directory, `example-${index}.ts`), `// ${of}\n${imports}${text}\nexport {}\n`)
  }
  const config = {
    extends: '../../../tsconfig.base.json',
    compilerOptions: {
      ...{ composite: false, noEmit: true, noUnusedLocals: false, noUnusedParameters: false },
      verbatimModuleSyntax: false,
    },
    include: ['*.ts'],
  }
  await writeFile(join(directory, 'tsconfig.json'), JSON.stringify(config))
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
  const { stdout } = await promisify(execFile)(process.execPath, [tsc, '-p', '.'], { cwd: directory }).catch(
    (error: unknown) => error as { stdout: string },
  )
  const faults = stdout.replace(
    /^example-(\d+)\.ts/gm,
    (_, index: string) => examples[Number(index)]?.of ?? '',
  )
  expect(faults).toBe('')
})
