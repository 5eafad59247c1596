import type { Ballot, ServerId } from 'synod/internal/paxos/ballot.js'
import { describeMessage } from '../describe.js'
import { structuralKey } from '../linearizability/structural-key.js'
import type { Choice } from './choices.js'
import type { Messages } from './messages.js'
import type { Due } from './normalise.js'
import type { ModelCluster, ModelWorld } from './world.js'

type Happening =
  | { readonly type: 'deliver'; readonly from: ServerId; readonly message: string; readonly due: Due }
  | { readonly type: 'tick'; readonly due: Due }
  | { readonly type: 'campaign'; readonly seen: Ballot }
  | { readonly type: 'propose' }
  | { readonly type: 'trim' }
  | { readonly type: 'sync' }
  | { readonly type: 'crash'; readonly keeps: number }

/**
 * What happens to a server, as plain data that means the same in every run of one configuration: a
 * `Choice` with its message in the words of describeMessage. With `crash` the server crashes after
 * it, before its records are durable; `crash` says how many of them survive.
 */
export type Action = Happening & { readonly server: ServerId; readonly crash?: { readonly keeps: number } }

export function actionOf(
  server: ServerId,
  choice: Choice,
  keeps: number | undefined,
  messages: Messages,
): Action {
  const rest = keeps === undefined ? { server } : { server, crash: { keeps } }
  if (choice.type !== 'deliver') return { ...choice, ...rest }
  const { from, message } = messages.get(choice.message)
  return { ...choice, from, message: describeMessage(message), ...rest }
}

/**
 * What happened on a way through the states of a cluster, each of which is one step away from the
 * one before.
 */
export function actionsAlong(world: ModelWorld, path: readonly ModelCluster[]): Action[] {
  return path.slice(1).map((cluster, i) => actionBetween(world, path[i] ?? cluster, cluster))
}

function actionBetween(world: ModelWorld, before: ModelCluster, after: ModelCluster): Action {
  const { sites } = world
  const next = after.slice()
  for (const [index, number] of before.entries()) {
    const { state } = sites.get(number)
    for (const choice of sites.choices(number)) {
      for (const outcome of sites.outcomes(choice, state)) {
        world.move(before, next, index, outcome)
        if (next.every((site, i) => site === after[i])) {
          return actionOf(state.server, choice, outcome.keeps, sites.states.messages)
        }
      }
    }
  }
  throw new RangeError('the two states are not one step apart')
}

/** Whether two actions are the same. */
export function sameAction(a: Action, b: Action): boolean {
  return structuralKey(a) === structuralKey(b)
}
