// A patch that still applies may be no mistake any more: where it names what is not there, every
// check takes the crash for a find.
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import ts from 'typescript'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const patches = join(root, 'tools', 'planted', 'patches')
const names = (await readdir(patches)).filter((name) => name.endsWith('.patch')).sort()

/**
 * What a planted mistake may do, and its author may not: use a name, a property or a module that
 * does not exist.
 */
const NOT_THERE = new Set([2304, 2305, 2307, 2339, 2551, 2552, 2561, 2353])

/**
 * Types that are what is left when all others have been ruled out: the mistake has made the code
 * unreachable.
 */
const UNREACHABLE = "on type 'never'"

let scratch: string
const overlay = new Map<string, string>()
let version = 0

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'planted-patches-'))
})
afterAll(() => rm(scratch, { recursive: true }))

/** The sources of a package, with what a patch has changed in place of what there is. */
function serviceFor(directory: string): ts.LanguageService {
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined }
  const config = ts.getParsedCommandLineOfConfigFile(join(directory, 'tsconfig.json'), {}, host)
  if (config === undefined) throw new Error(`no tsconfig.json in ${directory}`)
  const { fileNames, options, projectReferences } = config
  return ts.createLanguageService({
    fileExists: ts.sys.fileExists,
    readFile: ts.sys.readFile,
    readDirectory: ts.sys.readDirectory,
    directoryExists: ts.sys.directoryExists,
    getDirectories: ts.sys.getDirectories,
    getCompilationSettings: () => options,
    getProjectReferences: () => projectReferences,
    getScriptFileNames: () => fileNames,
    getScriptVersion: (file) => (overlay.has(file) ? String(version) : ''),
    getScriptSnapshot(file) {
      const text = overlay.get(file) ?? ts.sys.readFile(file)
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text)
    },
    getCurrentDirectory: () => directory,
    getDefaultLibFileName: (of) => ts.getDefaultLibFilePath(of),
  })
}

const services = new Map<string, ts.LanguageService>()
function serviceOf(path: string): ts.LanguageService {
  const directory = join(root, path.split('/').slice(0, 2).join('/'))
  const service = services.get(directory) ?? serviceFor(directory)
  services.set(directory, service)
  return service
}

/** The files that a patch changes, with their new text; rejects if it does not apply. */
async function changedBy(name: string): Promise<Map<string, string>> {
  const patch = join(patches, name)
  const paths = [...(await readFile(patch, 'utf8')).matchAll(/^\+\+\+ b\/(\S+\.ts)$/gm)].map(
    ([, path = '']) => path,
  )
  for (const path of paths) await cp(join(root, path), join(scratch, path), { recursive: true })
  const args = ['apply', '--unsafe-paths', '-C1', `--directory=${scratch}`, patch]
  await promisify(execFile)('git', args, { cwd: dirname(scratch) })
  const texts = paths.map(async (path) => [path, await readFile(join(scratch, path), 'utf8')] as const)
  return new Map(await Promise.all(texts))
}

/** What the compiler finds missing in these files, if all of them are changed at once. */
function faultsOf(changes: ReadonlyMap<string, string>): string[] {
  overlay.clear()
  version++
  for (const [path, text] of changes) overlay.set(join(root, path), text)
  return [...changes.keys()].flatMap((path) =>
    serviceOf(path)
      .getSemanticDiagnostics(join(root, path))
      .filter(({ code }) => NOT_THERE.has(code))
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))
      .filter((text) => !text.includes(UNREACHABLE)),
  )
}

/** Patches of which no two change the same file: one program serves them all. */
interface Round {
  readonly names: string[]
  readonly changes: Map<string, string>
}

async function roundsOfPatches(): Promise<Round[]> {
  const rounds: Round[] = []
  for (const name of names) {
    const changes = await changedBy(name)
    let round = rounds.find((each) => [...changes.keys()].every((path) => !each.changes.has(path)))
    if (round === undefined) rounds.push((round = { names: [], changes: new Map() }))
    round.names.push(name)
    for (const [path, text] of changes) round.changes.set(path, text)
  }
  return rounds
}

test('every planted mistake applies and compiles', { timeout: 600_000 }, async () => {
  const rotten: Record<string, string[]> = {}
  for (const round of await roundsOfPatches()) {
    if (faultsOf(round.changes).length === 0) continue
    // Which of them it is shows where each is alone.
    for (const name of round.names) {
      const faults = faultsOf(await changedBy(name))
      if (faults.length > 0) rotten[name] = faults
    }
  }
  expect(rotten).toEqual({})
})

test('no mistake is planted twice', async () => {
  const seen = new Map<string, string>()
  for (const name of names) {
    const text = await readFile(join(patches, name), 'utf8')
    const changes = text
      .split('\n')
      .filter((line) => /^[-+](?![-+]{2} )/.test(line))
      .join('\n')
    expect(seen.get(changes), name).toBe(undefined)
    seen.set(changes, name)
  }
})
