import { type Action, actionOf, sameAction } from './actions.js'
import type { ModelConfig } from './config.js'
import { describeStep } from './describe-step.js'
import type { StepFunction } from './running-server.js'
import { type ModelEvent, stepEvents } from './step-events.js'
import { type ModelCluster, ModelWorld } from './world.js'

/** A step and its effects, in words and as the events of a trace. */
export interface TraceStep {
  readonly action: Action
  readonly words: string
  readonly events: readonly ModelEvent[]
}

export interface ModelTrace {
  /** The actions that were possible, up to the violation. */
  readonly steps: readonly TraceStep[]
  /** The invariant that is broken in the end. */
  readonly violation: string | undefined
}

interface Taken extends Omit<TraceStep, 'action'> {
  readonly next: ModelCluster
}

/**
 * Lets these things happen to new servers, one after the other. What is not possible is skipped.
 */
export function replay(config: ModelConfig, actions: readonly Action[], step?: StepFunction): ModelTrace {
  return replayIn(
    new ModelWorld(config, { forgets: false, ...(step === undefined ? {} : { step }) }),
    actions,
  )
}

/** The same in a world that exists. It must not forget. */
export function replayIn(world: ModelWorld, actions: readonly Action[]): ModelTrace {
  const steps: TraceStep[] = []
  let cluster = world.start()
  let { violation } = world.assess(cluster)
  for (const action of actions) {
    if (violation !== undefined) break
    const taken = take(world, cluster, action)
    if (taken === undefined) continue
    const { next, ...told } = taken
    steps.push({ action, ...told })
    cluster = next
    violation = world.assess(cluster).violation
  }
  return { steps, violation }
}

function take(world: ModelWorld, cluster: ModelCluster, action: Action): Taken | undefined {
  const { sites } = world
  const { messages } = sites.states
  const index = action.server - 1
  const number = cluster[index]
  if (number === undefined) return undefined
  const { state } = sites.get(number)
  const { crash, ...happening } = action
  const choice = sites
    .choices(number)
    .find((choice) => sameAction(happening, actionOf(state.server, choice, undefined, messages)))
  if (choice === undefined) return undefined
  const outcome = sites.outcomes(choice, state).find(({ keeps }) => keeps === crash?.keeps)
  const next = cluster.slice()
  if (outcome === undefined || !world.move(cluster, next, index, outcome)) return undefined
  return {
    next,
    words: describeStep(choice, state, outcome, sites.states),
    events: stepEvents(choice, state, outcome, sites.states),
  }
}
