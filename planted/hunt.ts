import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './run-command.js'
import { Scratch, patches, root } from './scratch.js'

/** How a mistake was found. */
export interface Find {
  readonly mistake: string
  /** The check, the mode that it ran in, and the kind of violation; or the name of a test. */
  readonly by: string
  /** Undefined for a test, and for the model checker. */
  readonly seed: number | undefined
  readonly message: string
  readonly elapsed_ms: number
}

/** A part of the harness that tries seeds; or, the model checker, all states of some small clusters. */
interface Trial {
  readonly check: keyof typeof CHECKS
  readonly mode: 'leader' | 'leaderless'
  readonly from: number
  readonly to: number
}

const CHECKS = {
  core: 'core',
  changes: 'core, where servers come and go',
  simulator: 'simulator',
  model: 'model',
}

const TRANSFER = [
  'packages/synod/test/paxos/transfer.test.ts',
  'packages/synod/test/replica/transfer.test.ts',
]
const DIVERGENCE = ['packages/synod/test/replica/divergence.test.ts']

/** The tests of a mistake, by its number or its name, where they do not have the number of its pitfall in their names: a file has no other subject. */
const TESTS: Readonly<Record<string, readonly string[]>> = {
  '22-restore-keeps-what-was-there.patch': ['packages/server/test/kv/snapshot.test.ts'],
  '23': ['packages/synod/test/paxos/membership.test.ts', 'packages/synod/test/replica/membership.test.ts'],
  h25: ['packages/synod/test/paxos/trim.test.ts'],
  h27: ['packages/synod/test/snapshots/snapshot-store.test.ts'],
  h28: ['packages/synod/test/paxos/trim.test.ts'],
  h29: TRANSFER,
  h30: TRANSFER,
  h31: TRANSFER,
  h32: DIVERGENCE,
  h33: DIVERGENCE,
  h34: DIVERGENCE,
  h35: DIVERGENCE,
  h36: ['packages/synod/test/paxos/links.test.ts'],
  h37: ['packages/synod/test/replica/membership.test.ts'],
}

/** Seeds of each check before any goes on: most mistakes show at once. */
const FIRST_SEEDS = 40

/**
 * Plants a mistake, and lets the harness look for it, what is quick first: a few seeds of each check, the tests of the pitfall that its name has the
 * number of, then all seeds and the model checker. The core alone, with servers that come and go and without, and the model checker are only asked
 * where the mistake is in the core. Undefined if nothing finds it within so many seeds.
 */
export async function hunt(mistake: string, seeds: number): Promise<Find | undefined> {
  const started_ms = performance.now()
  const scratch = await Scratch.plant(mistake)
  try {
    const few = Math.min(seeds, FIRST_SEEDS)
    const isInCore = await touchesCore(mistake)
    const core = (from: number, to: number) =>
      isInCore ? [...trial('core', from, to), ...trial('changes', from, to)] : []
    const find =
      (await tryAll(scratch, [...core(1, few), ...trial('simulator', 1, few)])) ??
      (await runTests(scratch, mistake)) ??
      (await tryAll(scratch, [
        ...core(few + 1, seeds),
        ...(isInCore ? trial('model', 1, 1) : []),
        ...trial('simulator', few + 1, seeds),
      ]))
    return find && { mistake, ...find, elapsed_ms: performance.now() - started_ms }
  } finally {
    await scratch[Symbol.asyncDispose]()
  }
}

/** Elsewhere a mistake does not show in what runs the core alone. */
async function touchesCore(mistake: string): Promise<boolean> {
  const patch = await readFile(join(patches, mistake), 'utf8')
  return patch.includes('+++ b/packages/synod/src/paxos/')
}

type Found = Omit<Find, 'mistake' | 'elapsed_ms'>

function trial(check: Trial['check'], from: number, to: number): Trial[] {
  return (['leader', 'leaderless'] as const).map((mode) => ({ check, mode, from, to }))
}

async function tryAll(scratch: Scratch, trials: readonly Trial[]): Promise<Found | undefined> {
  for (const { check, from, mode, to } of trials) {
    if (to < from) continue
    const args = ['trial.js', check, mode, String(from), String(to - from + 1)]
    const { code, output } = await run(process.execPath, args, scratch.directory)
    const by = `${CHECKS[check]}, ${mode} mode`
    if (code !== 0) return { by: `${by}: it crashed`, seed: from, message: output }
    if (output === '') continue
    const { kind, message, seed } = JSON.parse(output) as { kind: string; message: string; seed: number }
    return { by: `${by}: ${kind}`, seed: check === 'model' ? undefined : seed, message }
  }
  return undefined
}

/** The tests of the pitfall: those that have its number in their names, or all of some files. */
async function runTests(scratch: Scratch, mistake: string): Promise<Found | undefined> {
  const number = /^(h?\d\d)-/.exec(mistake)?.[1]
  const files = TESTS[mistake] ?? TESTS[number ?? '']
  if (number === undefined || (number.startsWith('h') && files === undefined)) return undefined
  const report = join(scratch.directory, 'report.json')
  const which = files ?? ['packages/synod/test', '-t', `PITFALL ${Number(number)}:`]
  const how = ['--project', 'unit', '--bail', '1', '--reporter', 'json', '--outputFile', report]
  const vitest = join(root, 'node_modules', '.bin', 'vitest')
  const { output } = await run(vitest, ['run', ...how, ...which], scratch.directory)
  const text = await readFile(report, 'utf8').catch(() => {
    throw new Error(`${mistake}: the tests did not run\n${output}`)
  })
  const { testResults } = JSON.parse(text) as {
    testResults: { assertionResults: { fullName: string; status: string; failureMessages: string[] }[] }[]
  }
  const failed = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .find(({ status }) => status === 'failed')
  return (
    failed && { by: `test: ${failed.fullName}`, seed: undefined, message: failed.failureMessages[0] ?? '' }
  )
}
