// Runs in a scratch copy, against the library with a mistake in it: node trial.js CHECK MODE
// FIRST_SEED SEEDS. Prints the first thing found, as JSON, or nothing.
import {
  CONFIGURATIONS,
  type Chance,
  type ModelConfig,
  type Workload,
  ModelWorld,
  breadthFirst,
  drawPlan,
  exploreCore,
  exploreEpisodes,
  exploreEvents,
  exploreExecutor,
  exploreFairness,
  exploreJournal,
  exploreLeases,
  exploreMembership,
  exploreMembershipRules,
  exploreNamesakes,
  exploreOperations,
  exploreRecovery,
  exploreSessions,
  exploreSlowLinks,
  exploreSnapshots,
  exploreVersions,
  runPlan,
  storeWorkload,
} from 'synod-testing'
import type { AnyMachine } from 'synod'
import type { CheckName } from './checks.js'

type Mode = 'leader' | 'leaderless'

/** What one seed has found: the kind of violation, and what it says. */
interface Found {
  readonly kind: string
  readonly message: string
}

const MOST_STATES = 200_000

/**
 * One of three voters is replaced: some quorum of those before shares no server with some quorum of
 * those after, and the leader may belong to both.
 */
const EXCHANGED: ModelConfig = {
  mode: 'leader',
  servers: 4,
  founders: 3,
  joining: { 4: 2 },
  window: 1,
  values: { 1: ['v1'], 3: ['promote s4', 'v3'] },
  proposers: [1, 3],
  ballots: 2,
  proposals: 3,
  slots: 2,
  crashes: 0,
  delivers: ['prepare', 'promise', 'accept', 'accepted'],
  sync: 'eager',
}

const [check, mode, first, seeds] = process.argv.slice(2) as [CheckName, Mode, string, string]
const from = Number(first)
for (let seed = from; seed < from + Number(seeds); seed++) {
  const found = await look(mode, seed)
  if (found === undefined) continue
  process.stdout.write(JSON.stringify({ seed, ...found }))
  break
}
// All that a mistake has left running ends here.
process.exit(0)

async function look(mode: Mode, seed: number): Promise<Found | undefined> {
  try {
    switch (check) {
      case 'simulator': {
        const { violation } = await runPlan(drawPlan(seed, { mode }), storeWorkload)
        return violation && { kind: violation.kind, message: violation.message }
      }
      case 'server': {
        const { violation } = await runPlan(drawPlan(seed, { mode }), await serverWorkload())
        return violation && { kind: violation.kind, message: violation.message }
      }
      case 'core':
        exploreCore(mode, seed, 3)
        if (mode === 'leader') exploreLeases(seed)
        else exploreFairness(seed, 3)
        return undefined
      case 'parts':
        exploreMembershipRules(seed)
        exploreSessions(seed)
        await exploreExecutor(seed)
        await exploreJournal(seed)
        await exploreSnapshots(seed)
        await exploreVersions(seed)
        return undefined
      case 'operations':
        await exploreEvents(mode, seed)
        await exploreNamesakes(mode, seed)
        await exploreOperations(mode, seed)
        return undefined
      case 'recovery':
        await exploreRecovery(mode, seed)
        return undefined
      case 'links':
        exploreSlowLinks(mode, seed)
        return undefined
      case 'episodes':
        exploreEpisodes(mode, seed)
        return undefined
      case 'changes':
        exploreMembership(mode, seed)
        return undefined
      case 'store':
        throw new Error('vitest runs this check: it is no part of a package')
      case 'model':
        return inAllStates(mode)
    }
  } catch (error) {
    return found(error)
  }
}

/** The state machine of the server, as it is in this copy. */
async function serverWorkload(): Promise<Workload<AnyMachine>> {
  const file = new URL('packages/server/dist/kv/machine.js', import.meta.url)
  const { KvMachine } = (await import(file.href)) as {
    KvMachine: new () => AnyMachine
  }
  const key = (chance: Chance) => `k${chance.below(6)}`
  const value = (chance: Chance) => Buffer.alloc(chance.below(4), chance.below(256))
  return {
    machine: () => new KvMachine(),
    command: (chance) =>
      chance.happens(0.6)
        ? { type: 'put', key: key(chance), value: value(chance) }
        : { type: 'delete', key: key(chance) },
    query: (chance) => ({ type: 'get', key: key(chance) }),
  }
}

/** Every state of some small clusters, or as many as there is patience for. */
function inAllStates(mode: Mode): Found | undefined {
  for (const name of [`${mode}-small`, `${mode}-replaced`, `${mode}-swapped`] as const) {
    const violation = violationIn(CONFIGURATIONS[name], false, MOST_STATES)
    if (violation !== undefined) return { kind: `invariant of ${name}`, message: violation }
  }
  if (mode === 'leaderless') return undefined
  // What it does without may be lost, at worst: a violation is one all the same.
  const violation = violationIn(EXCHANGED, true, 2 * MOST_STATES)
  return violation === undefined ? undefined : { kind: 'invariant of leader-exchanged', message: violation }
}

function violationIn(config: ModelConfig, forgets: boolean, maxStates: number): string | undefined {
  return end(breadthFirst(new ModelWorld(config, { forgets }), { maxStates })).violation
}

function end<T>(search: Generator<unknown, T>): T {
  for (;;) {
    const { done, value } = search.next()
    if (done === true) return value
  }
}

function found(error: unknown): Found {
  return error instanceof Error
    ? { kind: error.name, message: error.message }
    : { kind: 'thrown', message: String(error) }
}
