import {
  type Action,
  CONFIGURATIONS,
  type ConfigurationName,
  type Goal,
  type ModelConfig,
  type ModelTrace,
  ModelWorld,
  actionsAlong,
  breadthFirst,
  minimise,
  randomWalks,
  replay,
  staged,
  traceLines,
} from 'synod-testing'
import { plural } from '../terminal/output.js'
import { type Findings, NO_PATH, type RunningSearch, type FoundPath } from './findings.js'

/** The most steps of a walk. */
const WALK_DEPTH = 300

/** States between two reports of progress: a fraction of a second. */
const YIELD_EVERY = 1000

/** What is searched, and how: all states, unless walks or goals are given. */
export interface SearchOptions {
  readonly configuration: ConfigurationName
  /** The number of random walks, which are drawn from the seed. */
  readonly walks?: number
  readonly seed: number
  /** States to reach, in this order. */
  readonly goals?: readonly Goal[]
}

export function search({ configuration, goals, seed, walks }: SearchOptions): RunningSearch {
  const config = CONFIGURATIONS[configuration]
  if (walks !== undefined) return walkAround(config, seed, walks)
  return goals === undefined ? visitAll(config) : seek(config, goals)
}

/** A configuration in words. */
export function describeConfiguration(name: ConfigurationName): string {
  const config: ModelConfig = CONFIGURATIONS[name]
  const { ballots, crashes, mode, proposals, quorums, servers, slots, trims = 0 } = config
  const bounds = [plural(ballots, 'ballot'), plural(proposals, 'proposal'), plural(slots, 'slot')]
  if (trims > 0) bounds.push(plural(trims, 'trim'))
  const restarts = plural(crashes, 'restart')
  const sizes = quorums === undefined ? '' : `, quorums of ${quorums.phase1} and ${quorums.phase2}`
  return `${name}: ${plural(servers, 'server')} in ${mode} mode${sizes}, up to ${bounds.join(', ')} and ${restarts}`
}

function* visitAll(config: ModelConfig): RunningSearch {
  const world = new ModelWorld(config)
  const found = yield* breadthFirst(world, { every: YIELD_EVERY })
  const { progress } = found
  const goals = [...found.goals]
  if (found.violation !== undefined) {
    return { progress, goals, ...counterexample(config, found.violation, actionsAlong(world, found.path)) }
  }
  const end = found.end === 'unproven' ? 'unproven' : 'exhausted'
  return { end, detail: found.unspent, progress, goals, ...NO_PATH }
}

function* walkAround(config: ModelConfig, seed: number, walks: number): RunningSearch {
  const options = { seed, walks, depth: WALK_DEPTH, every: 1 }
  const { actions, goals: seen, progress, violation } = yield* randomWalks(config, options)
  const goals = [...seen]
  if (violation !== undefined) return { progress, goals, ...counterexample(config, violation, actions) }
  return { end: 'walked', detail: undefined, progress, goals, ...NO_PATH }
}

function* seek(config: ModelConfig, wanted: readonly Goal[]): RunningSearch {
  const found = yield* staged(new ModelWorld(config), wanted, { every: YIELD_EVERY })
  const { actions, stages, violation } = found
  const sum = (amount: 'states' | 'transitions') =>
    stages.reduce((all, { progress }) => all + progress[amount], 0)
  const frontier = stages.at(-1)?.progress.frontier ?? 0
  const serverStates = stages.at(-1)?.progress.serverStates ?? 0
  const progress = {
    states: sum('states'),
    transitions: sum('transitions'),
    depth: actions.length,
    frontier,
    serverStates,
  }
  const goals = stages.map(({ goal }) => goal)
  if (violation !== undefined) return { progress, goals, ...counterexample(config, violation, actions) }
  const detail = wanted[stages.length]
  const end = detail === undefined ? 'reached' : 'unreached'
  return { end, detail, progress, goals, ...wayOf(config, replay(config, actions)) }
}

/** The shortest way to the violation that can be found. */
function counterexample(
  config: ModelConfig,
  violation: string,
  actions: readonly Action[],
): FoundPath & Pick<Findings, 'end' | 'detail'> {
  const smallest = minimise(config, actions)
  return { end: 'violation', detail: smallest.violation ?? violation, ...wayOf(config, smallest) }
}

function wayOf(config: ModelConfig, way: ModelTrace): FoundPath {
  return {
    steps: way.steps.map(({ words }) => words),
    actions: way.steps.map(({ action }) => action),
    trace: traceLines(config, way),
  }
}
