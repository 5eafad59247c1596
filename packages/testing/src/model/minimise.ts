import type { Action } from './actions.js'
import type { ModelConfig } from './config.js'
import { type ModelTrace, replayIn } from './replay.js'
import type { StepFunction } from './running-server.js'
import { ModelWorld } from './world.js'

/**
 * The shortest trace found that breaks the same invariant as `actions` do: takes actions out, many
 * at a time and then one by one, as long as the rest still breaks it. (Zeller, Hildebrandt:
 * Simplifying and Isolating Failure-Inducing Input, TSE 2002.)
 */
export function minimise(config: ModelConfig, actions: readonly Action[], step?: StepFunction): ModelTrace {
  const world = new ModelWorld(config, { forgets: false, ...(step === undefined ? {} : { step }) })
  let best = replayIn(world, actions)
  if (best.violation === undefined) throw new RangeError('these actions break no invariant')
  const kind = kindOf(best.violation)
  for (let size = best.steps.length; size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.steps.length;) {
      const rest = best.steps.filter((_, i) => i < at || i >= at + size)
      const trace = replayIn(
        world,
        rest.map(({ action }) => action),
      )
      if (trace.violation !== undefined && kindOf(trace.violation) === kind) best = trace
      else at += size
    }
  }
  return best
}

/** What kind of invariant is broken, wherever it is. */
export function kindOf(violation: string): string {
  return violation.replaceAll(/\d+/g, '#')
}
