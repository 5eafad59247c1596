import type { Operation } from '../../src/linearizability/history.js'
import type { Model } from '../../src/linearizability/model.js'

/** An operation from one time to another that was answered. */
export function call<I, O>(
  client: string,
  invoked: number,
  returned: number,
  input: I,
  output: O,
): Operation<I, O> {
  return { client, input, invoked, returned, output }
}

/** An operation of unknown outcome. */
export function unknown<I>(client: string, invoked: number, input: I): Operation<I, never> {
  return { client, input, invoked }
}

/**
 * Why an order of some operations is not one in which all of them can have happened; undefined if
 * it is.
 */
export function faultOf<S, I, O>(
  model: Model<S, I, O>,
  operations: readonly Operation<I, O>[],
  order: readonly Operation<I, O>[],
): string | undefined {
  if (new Set(order).size < order.length) return 'an operation twice'
  if (order.some((each) => !operations.includes(each))) return 'an operation of another history'
  if (operations.some((each) => each.returned !== undefined && !order.includes(each))) return 'one is missing'
  let latestCall = -Infinity
  for (const { invoked, returned = Infinity } of order) {
    if (returned < latestCall) return 'one comes after another that was called when it had returned'
    latestCall = Math.max(latestCall, invoked)
  }
  return statesAfter(model, order).length === 0 ? 'the model does not allow it' : undefined
}

/** All states that an order can lead to. */
export function statesAfter<S, I, O>(model: Model<S, I, O>, order: readonly Operation<I, O>[]): S[] {
  let states = [model.init]
  for (const { input, output } of order) states = states.flatMap((state) => model.step(state, input, output))
  return states
}

/**
 * Whether operations are linearizable, by trying every order of every choice of those of unknown
 * outcome.
 */
export function bruteForce<S, I, O>(model: Model<S, I, O>, operations: readonly Operation<I, O>[]): boolean {
  const tryFrom = (state: S, left: readonly Operation<I, O>[]): boolean => {
    if (left.every(({ returned }) => returned === undefined)) return true
    return left.some((next) => {
      const others = left.filter((each) => each !== next)
      if (others.some(({ returned = Infinity }) => returned < next.invoked)) return false
      return model.step(state, next.input, next.output).some((after) => tryFrom(after, others))
    })
  }
  return tryFrom(model.init, operations)
}
