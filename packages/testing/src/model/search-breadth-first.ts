import type { Goal } from './goals.js'
import { TupleTable, grown } from './tuple-table.js'
import type { Assessment, ModelCluster, ModelWorld } from './world.js'

/** How far a search has come. */
export interface BreadthFirstProgress {
  /** Different states that have been reached. */
  readonly states: number
  /** Steps that have been taken from one state to another, or to one that was known. */
  readonly transitions: number
  /** How many steps the last state is away from the first. */
  readonly depth: number
  /** States that have been reached, but not gone on from. */
  readonly frontier: number
  /** Different states of single servers. */
  readonly serverStates: number
}

export interface BreadthFirstOptions {
  /** Where to begin; by default with new servers. */
  readonly from?: ModelCluster
  /** Ends at a state that reaches this. */
  readonly until?: Goal
  /** Ends with `limit` beyond this many states. */
  readonly maxStates?: number
  /** Yields each time when this many more states have been explored. */
  readonly every?: number
}

export interface BreadthFirstResult {
  /**
   * `exhausted`: there are no other states. `unproven`: there may be, as messages were dropped that
   * were not spent.
   */
  readonly end: 'exhausted' | 'unproven' | 'violation' | 'goal' | 'limit'
  readonly progress: BreadthFirstProgress
  /** The goals that some state reaches. */
  readonly goals: ReadonlySet<Goal>
  /** The invariant that is broken. */
  readonly violation: string | undefined
  /** Which message was not spent. */
  readonly unspent: string | undefined
  /**
   * The states on a shortest way to the violation or the goal, from the first on; empty if there is
   * none.
   */
  readonly path: readonly ModelCluster[]
}

/** Goes through all states that a cluster can be in, the nearest first, and checks each. */
export function* breadthFirst(
  world: ModelWorld,
  options: BreadthFirstOptions = {},
): Generator<BreadthFirstProgress, BreadthFirstResult> {
  const { from = world.start(), until, maxStates = Infinity, every = 100_000 } = options
  const width = world.config.servers
  const table = new TupleTable(width)
  const goals = new Set<Goal>()
  const stop: { at: Assessment | undefined } = { at: undefined }
  let parents = new Int32Array(1024)
  let transitions = 0
  let depth = 0
  /** The first state of the next depth. */
  let boundary = 1
  let at = 0
  const cluster = new Int32Array(width)
  const next = new Int32Array(width)

  const visit = (state: ModelCluster): void => {
    const assessment = world.assess(state)
    for (const goal of assessment.goals) goals.add(goal)
    const isWanted = until !== undefined && assessment.goals.has(until)
    if (assessment.violation !== undefined || isWanted) stop.at = assessment
  }
  const progress = (): BreadthFirstProgress => ({
    states: table.size,
    transitions,
    depth,
    frontier: table.size - at,
    serverStates: world.sites.states.size,
  })
  const result = (
    end: BreadthFirstResult['end'],
    rest: Partial<BreadthFirstResult> = {},
  ): BreadthFirstResult => ({
    end,
    progress: progress(),
    goals,
    violation: undefined,
    unspent: undefined,
    path: [],
    ...rest,
  })

  table.add(from)
  visit(from)
  for (; stop.at === undefined && at < table.size; at++) {
    if (table.size >= maxStates) return result('limit')
    if (at === boundary) {
      depth++
      boundary = table.size
    }
    table.read(at, cluster)
    world.successors(cluster, next, (index) => {
      if (stop.at !== undefined) return
      transitions++
      const { size } = table
      if (table.add(next) !== size) return
      if (parents.length <= size) parents = grown(parents)
      parents[size] = at
      if (world.state(next, index).evidence !== world.state(cluster, index).evidence) visit(next)
    })
    if (at % every === every - 1) yield progress()
  }
  if (stop.at !== undefined) {
    const { violation } = stop.at
    return result(violation === undefined ? 'goal' : 'violation', {
      violation,
      path: pathTo(table, parents, width),
    })
  }
  const unspent = world.refuteForgetting()
  return result(unspent === undefined ? 'exhausted' : 'unproven', { unspent })
}

/** The way to the last state. */
function pathTo(table: TupleTable, parents: Int32Array, width: number): ModelCluster[] {
  const path: ModelCluster[] = []
  for (let number = table.size - 1; ; number = parents[number] ?? 0) {
    const state = new Int32Array(width)
    table.read(number, state)
    path.unshift(state)
    if (number === 0) return path
  }
}
