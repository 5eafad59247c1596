import { Chance } from '../chance.js'
import { type Action, actionOf } from './actions.js'
import type { Choice } from './choices.js'
import type { ModelConfig } from './config.js'
import type { Goal } from './goals.js'
import { type StepFunction, stepCore } from './running-server.js'
import { TupleTable } from './tuple-table.js'
import { type ModelCluster, ModelWorld } from './world.js'

/**
 * What is known of servers takes much room, and walks seldom meet: beyond this many states it is
 * forgotten.
 */
const MAX_SERVER_STATES = 50_000

export interface RandomOptions {
  readonly seed: number
  readonly walks: number
  /** A walk ends after this many steps. */
  readonly depth: number
  /** Yields each time when this many more steps have been taken. */
  readonly every?: number
  readonly step?: StepFunction
}

export interface RandomProgress {
  /** Walks that have ended. */
  readonly walks: number
  /** Different states that have been reached; one may count again when walks are far apart. */
  readonly states: number
  /** Steps that have been taken. */
  readonly transitions: number
  /** How many steps the longest walk took. */
  readonly depth: number
}

export interface RandomResult {
  readonly progress: RandomProgress
  /** The goals that some state reaches. */
  readonly goals: ReadonlySet<Goal>
  readonly violation: string | undefined
  /** What leads to the violation. */
  readonly actions: readonly Action[]
}

/**
 * Walks into the depth at random, again and again from new servers, and checks each state. A walk
 * ends at its depth, or where nothing changes any more.
 */
export function* randomWalks(
  config: ModelConfig,
  options: RandomOptions,
): Generator<RandomProgress, RandomResult> {
  const { seed, walks, depth, every = 1000, step = stepCore } = options
  const chance = new Chance(seed)
  const goals = new Set<Goal>()
  const progress = { walks: 0, states: 0, transitions: 0, depth: 0 }
  let world = new ModelWorld(config, { forgets: false, step })
  let known = new TupleTable(config.servers)
  for (; progress.walks < walks; progress.walks++) {
    if (world.sites.states.size > MAX_SERVER_STATES) {
      world = new ModelWorld(config, { forgets: false, step })
      known = new TupleTable(config.servers)
    }
    const taste = drawTaste(chance)
    const actions: Action[] = []
    for (let cluster = world.start(); actions.length < depth;) {
      const went = takeStep(world, cluster, taste, chance)
      if (went === undefined) break
      cluster = went.next
      actions.push(went.action)
      progress.transitions++
      const { size } = known
      if (known.add(cluster) === size) progress.states++
      progress.depth = Math.max(progress.depth, actions.length)
      const assessment = world.assess(cluster)
      for (const goal of assessment.goals) goals.add(goal)
      if (assessment.violation !== undefined) {
        return { progress, goals, violation: assessment.violation, actions }
      }
      if (progress.transitions % every === 0) yield { ...progress }
    }
  }
  return { progress, goals, violation: undefined, actions: [] }
}

/**
 * Each walk has its own taste: how likely it takes each kind of choice, next to hearing a message
 * or syncing. So some walks are calm enough to get values chosen, others full of crashes or
 * ballots. (Groce, Zhang, Eide, Chen, Regehr: Swarm Testing, ISSTA 2012.)
 */
type Taste = Readonly<Record<Choice['type'], number>>

const LIKELIHOODS = [1, 1 / 4, 1 / 16, 1 / 64]

function drawTaste(chance: Chance): Taste {
  const draw = () => chance.pick(LIKELIHOODS)
  return { deliver: 1, sync: 1, tick: draw(), campaign: draw(), propose: draw(), crash: draw(), trim: draw() }
}

interface TakenStep {
  readonly next: ModelCluster
  readonly action: Action
}

/** A step that changes something; undefined if nothing does any more. */
function takeStep(
  world: ModelWorld,
  cluster: ModelCluster,
  taste: Taste,
  chance: Chance,
): TakenStep | undefined {
  const { sites } = world
  const choices = [...cluster].flatMap((site, index) =>
    sites.choices(site).map((choice) => ({ index, choice, weight: taste[choice.type] })),
  )
  while (choices.length > 0) {
    const { index, choice } = takeOne(choices, chance)
    const state = world.state(cluster, index)
    if (choice.type === 'deliver' && sites.heard(state, choice.message).length === 0) continue
    const outcomes = sites.outcomes(choice, state)
    if (outcomes.length === 0) continue
    const outcome = chance.pick(outcomes)
    const next = cluster.slice()
    if (!world.move(cluster, next, index, outcome) || next.every((site, i) => site === cluster[i])) continue
    return { next, action: actionOf(state.server, choice, outcome.keeps, sites.states.messages) }
  }
  return undefined
}

/** Takes one out of a list that is not empty, the likelier the more weight it has. */
function takeOne<T extends { readonly weight: number }>(list: T[], chance: Chance): T {
  let rest = chance.between(
    0,
    list.reduce((sum, { weight }) => sum + weight, 0),
  )
  const one = list.find(({ weight }) => (rest -= weight) < 0) ?? chance.pick(list)
  list.splice(list.indexOf(one), 1)
  return one
}
