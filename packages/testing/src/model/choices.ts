import { type Ballot, ZERO_BALLOT } from 'synod/internal/paxos/ballot.js'
import type { ModelConfig } from './config.js'
import { type Due, ticksOf } from './normalise.js'
import type { KnownState, ServerStates } from './server-states.js'

/** What can happen to one server next. */
export type Choice =
  /**
   * A message that `from` has sent arrives; messages stay in the network, so it may do so again.
   */
  | { readonly type: 'deliver'; readonly message: number; readonly due: 'nothing' | 'everything' }
  | { readonly type: 'tick'; readonly due: Due }
  /**
   * The server misses the leader, a quorum says that it does too, and it begins a ballot. The
   * servers that are asked tell of the highest ballot that they know: here of `seen`. All times and
   * answers of probes come to no more than that.
   */
  | { readonly type: 'campaign'; readonly seen: Ballot }
  /** A client proposes a value at this server. */
  | { readonly type: 'propose' }
  /** A snapshot holds all that the server knows to be chosen: it drops these slots. */
  | { readonly type: 'trim' }
  /** The first record that is not yet durable becomes so. */
  | { readonly type: 'sync' }
  /**
   * The server crashes: of the records not yet durable the first `keeps` survive. It restarts at
   * once.
   */
  | { readonly type: 'crash'; readonly keeps: number }

/** What a server can do by itself, apart from messages. */
export function ownChoices(state: KnownState, config: ModelConfig): Choice[] {
  if (state.failure !== undefined) return []
  const { saved, pending, usage } = state
  const choices: Choice[] = []
  if (config.proposers.includes(state.server)) {
    if (canCampaign(state, config)) choices.push({ type: 'campaign', seen: ZERO_BALLOT })
    for (const due of ticksOf(saved, config)) choices.push({ type: 'tick', due })
    if (usage.proposals < config.proposals) choices.push({ type: 'propose' })
  }
  if (usage.trims < (config.trims ?? 0) && saved.learner.chosen > saved.log.trimmed)
    choices.push({ type: 'trim' })
  if (pending.length > 0) choices.push({ type: 'sync' })
  if (usage.crashes < config.crashes) {
    for (let keeps = 0; keeps <= pending.length; keeps++) choices.push({ type: 'crash', keeps })
  }
  return choices
}

/** What a server can do about a message to it that is in the network. */
export function choicesFor(message: number, state: KnownState, states: ServerStates): Choice[] {
  if (state.failure !== undefined) return []
  const { message: content } = states.messages.get(message)
  const choices: Choice[] = [
    { type: 'deliver', message, due: 'nothing' },
    { type: 'deliver', message, due: 'everything' },
  ]
  if (content.type === 'prepare' && canCampaign(state, states.config)) {
    choices.push({ type: 'campaign', seen: content.ballot })
  }
  return choices
}

function canCampaign({ server, saved }: KnownState, { mode, proposers }: ModelConfig): boolean {
  return mode === 'leader' && proposers.includes(server) && saved.leader.role.name === 'follower'
}
