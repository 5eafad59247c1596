import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CHECKS, type CheckName } from './checks.js'
import type { Sighting } from './memory.js'
import { run } from './run-command.js'
import { Scratch, patches, root } from './scratch.js'

const vitest = join(root, 'node_modules', '.bin', 'vitest')

/** How a mistake was found. */
export interface Find {
  readonly mistake: string
  /** The check, the mode that it ran in, and the kind of violation; or the name of a test. */
  readonly by: string
  /** Undefined for a test, and for the model checker. */
  readonly seed: number | undefined
  /** Where to look for it first the next time. Undefined for a test, and for the model checker. */
  readonly sighting: Sighting | undefined
  readonly message: string
  readonly elapsedMs: number
}

export interface HuntOptions {
  /** How many seeds each check tries. */
  readonly seeds: number
  /** Neither tests nor the model checker look for it. */
  readonly randomOnly: boolean
  /** Where it was found the last time: that seed is tried first. */
  readonly last: Sighting | undefined
}

/** Seeds of one check, in one mode. */
interface Trial {
  readonly check: CheckName
  readonly mode: 'leader' | 'leaderless'
  readonly from: number
  readonly to: number
}

const TRANSFER = [
  'packages/synod/test/paxos/transfer.test.ts',
  'packages/synod/test/replica/transfer.test.ts',
]
const FULL_DISK = ['packages/synod/test/replica/full-disk.test.ts']
const LEASES = ['packages/synod/test/paxos/leader/leases.test.ts']
const ANOTHER_CLUSTER = ['packages/synod/test/replica/cluster-id.test.ts']
const DIVERGENCE = ['packages/synod/test/replica/divergence.test.ts']

/**
 * The tests of a mistake, by its number or its name, where they do not have the number of its
 * pitfall in their names: a file has no other subject.
 */
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
  h39: ['packages/synod/test/paxos/quorum-reads.test.ts'],
  h53: ['packages/synod/test/replica/snapshots.test.ts'],
  h57: LEASES,
  h69: ANOTHER_CLUSTER,
  h79: FULL_DISK,
  h97: ['packages/synod/test/replica/starting.test.ts'],
  h118: ANOTHER_CLUSTER,
  h127: ['packages/synod/test/replica/version-raiser.test.ts'],
}

/** Up to these seeds every check looks before any goes on: most mistakes show at once. */
const ROUNDS = [10, 60, 300]

/**
 * Plants a mistake, and lets the harness look for it, quick checks first: the last sighting, a few
 * seeds of each check that runs the changed code, the tests of its pitfall, then more seeds and the
 * model checker. Undefined if nothing finds it within the limits.
 */
export async function hunt(mistake: string, options: HuntOptions): Promise<Find | undefined> {
  const { last, randomOnly, seeds } = options
  const startedMs = performance.now()
  const scratch = await Scratch.plant(mistake)
  try {
    await checkThatItRuns(scratch, mistake)
    const find = await look()
    return find && { mistake, ...find, elapsedMs: performance.now() - startedMs }
  } finally {
    await scratch[Symbol.asyncDispose]()
  }

  async function look(): Promise<Found | undefined> {
    if (last !== undefined && last.seed <= seeds) {
      const again = await tryAll(scratch, mistake, [{ ...last, from: last.seed, to: last.seed }])
      if (again !== undefined) return again
    }
    const checks = await checksFor(mistake)
    const ends = [...ROUNDS.filter((end) => end < seeds), seeds]
    for (const [round, to] of ends.entries()) {
      const from = round === 0 ? 1 : (ends[round - 1] ?? 0) + 1
      const found = await tryAll(scratch, mistake, trials(checks, from, to))
      if (found !== undefined) return found
      if (round === 0 && !randomOnly) {
        const failed = await runTests(scratch, mistake)
        if (failed !== undefined) return failed
      }
    }
    return randomOnly ? undefined : tryAll(scratch, mistake, trials(await checksFor(mistake, false), 1, 1))
  }
}

/** Code that has moved on under a patch: it names what is not there any more. */
const ROTTEN = /is not defined|is not a function|must be declared|ReferenceError|SyntaxError/

/**
 * A patch that still applies may not load, which every check would take for a mistake that it has
 * found.
 */
async function checkThatItRuns(scratch: Scratch, mistake: string): Promise<void> {
  const { code, output } = await run(
    process.execPath,
    ['trial.js', 'core', 'leader', '1', '0'],
    scratch.directory,
  )
  if (code !== 0) throw new Error(`${mistake} does not run any more:\n${output}`)
}

/** Runs seeds of the store beside its twin, and tells as `trial.js` does. */
async function exploreStore(
  { directory }: Scratch,
  from: number,
  to: number,
): Promise<{ readonly code: number; readonly output: string }> {
  const environment = { SYNOD_SEED: String(from), SYNOD_SEEDS: String(to - from + 1) }
  const args = ['run', '--project', 'unit', '--bail', '1', 'packages/store/test/store.test.ts']
  const { code, output } = await run(vitest, args, directory, environment)
  if (code === 0) return { code, output: '' }
  const [, seed] = /SYNOD_SEED=(\d+) /.exec(output) ?? []
  const [, message = ''] = /Caused by: (.*)/.exec(output) ?? []
  if (seed === undefined) throw new Error(`the store did not run beside its twin:\n${output}`)
  return { code: 0, output: JSON.stringify({ kind: 'differs', message, seed: Number(seed) }) }
}

/** The checks that run code which the mistake is in: the checks that draw seeds, or the others. */
async function checksFor(mistake: string, isRandom = true): Promise<CheckName[]> {
  const patch = await readFile(join(patches, mistake), 'utf8')
  return (Object.keys(CHECKS) as CheckName[]).filter((name) => {
    const { within } = CHECKS[name]
    return CHECKS[name].isRandom === isRandom && within.some((path) => patch.includes(`+++ b/${path}`))
  })
}

type Found = Omit<Find, 'mistake' | 'elapsedMs'>

function trials(checks: readonly CheckName[], from: number, to: number): Trial[] {
  return checks.flatMap((check) => CHECKS[check].modes.map((mode) => ({ check, mode, from, to })))
}

async function tryAll(
  scratch: Scratch,
  mistake: string,
  trials: readonly Trial[],
): Promise<Found | undefined> {
  for (const { check, from, mode, to } of trials) {
    if (to < from) continue
    const args = ['trial.js', check, mode, String(from), String(to - from + 1)]
    const { code, output } =
      check === 'store'
        ? await exploreStore(scratch, from, to)
        : await run(process.execPath, args, scratch.directory)
    const { isRandom, modes, words } = CHECKS[check]
    const by = modes.length === 1 ? words : `${words}, ${mode} mode`
    const sighting = (seed: number) => (isRandom ? { check, mode, seed } : undefined)
    if (code !== 0) return { by: `${by}: it crashed`, seed: from, sighting: sighting(from), message: output }
    if (output === '') continue
    const { kind, message, seed } = JSON.parse(output) as { kind: string; message: string; seed: number }
    if (ROTTEN.test(kind) || ROTTEN.test(message))
      throw new Error(`${mistake} is no mistake that somebody could ship: ${kind}: ${message}`)
    return { by: `${by}: ${kind}`, seed: isRandom ? seed : undefined, sighting: sighting(seed), message }
  }
  return undefined
}
/** The tests of the pitfall: the tests with its number in their names, or all of some files. */
async function runTests(scratch: Scratch, mistake: string): Promise<Found | undefined> {
  const number = /^(h?\d+)-/.exec(mistake)?.[1]
  const files = TESTS[mistake] ?? TESTS[number ?? '']
  if (number === undefined || (number.startsWith('h') && files === undefined)) return undefined
  const report = join(scratch.directory, 'report.json')
  const which = files ?? ['packages/synod/test', '-t', `PITFALL ${Number(number)}:`]
  const how = ['--project', 'unit', '--bail', '1', '--reporter', 'json', '--outputFile', report]
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
    failed && {
      by: `test: ${failed.fullName}`,
      seed: undefined,
      sighting: undefined,
      message: failed.failureMessages[0] ?? '',
    }
  )
}
