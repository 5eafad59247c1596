import {
  type Ballot,
  compareBallots,
  maxBallot,
  sameBallot,
  ZERO_BALLOT,
  type Slot,
} from 'synod/internal/paxos/ballot.js'
import { Log } from 'synod/internal/paxos/log.js'
import type { Accepted, Message, PromiseMessage } from 'synod/internal/paxos/messages.js'
import type { PaxosState } from 'synod/internal/paxos/paxos.js'
import type { ModelConfig } from './config.js'

/**
 * Whether a message looks spent: as if it could do nothing in this state of a server, nor in any
 * later one. `durable` is the server after a restart. This is a guess, to be proven afterwards.
 * Where slots may be dropped, only a promise for every slot outlives them.
 */
export function looksIrrelevant(
  message: Message,
  saved: PaxosState,
  durable: PaxosState,
  config: ModelConfig,
): boolean {
  const { trims = 0 } = config
  const slotBound = trims > 0 ? (state: PaxosState) => state.acceptor.promised : boundInSlot
  if (message.type === 'prepare') {
    const bound = message.scope === 'log' ? logBound(durable) : slotBound(durable, message.slot)
    return compareBallots(message.ballot, bound) < 0
  }
  if (message.type === 'accept') {
    const { ballot, first, values } = message
    return values.some((_, offset) => compareBallots(ballot, slotBound(durable, first + offset)) < 0)
  }
  if (message.type === 'promise') return !awaitsPromise(saved, message, config)
  if (message.type === 'accepted') return !awaitsVote(saved, message)
  return message.type === 'chosen' && isChosen(durable, message.first, message.last)
}

function awaitsPromise(
  { leader: { role }, leaderless }: PaxosState,
  message: PromiseMessage,
  { values }: ModelConfig,
): boolean {
  if (message.scope === 'log') {
    // A leader asks again where the membership may change.
    const isAsking = role.name === 'candidate' || (role.name === 'leader' && values !== undefined)
    return isAsking && sameBallot(role.ballot, message.ballot)
  }
  const instance = leaderless.instances.get(message.slot)
  return instance?.step === 'prepare' && sameBallot(instance.ballot, message.ballot)
}

function awaitsVote({ leader: { role }, leaderless }: PaxosState, { ballot, first }: Accepted): boolean {
  if (role.name === 'leader' && sameBallot(role.ballot, ballot)) return role.flights.has(first)
  const instance = leaderless.instances.get(first)
  return instance?.step === 'accept' && sameBallot(instance.ballot, ballot)
}

function logBound({ acceptor }: PaxosState): Ballot {
  return maxBallot(acceptor.promised, acceptor.voted)
}

function boundInSlot({ acceptor, log }: PaxosState, slot: Slot): Ballot {
  const state = new Log(log).find(slot)
  return maxBallot(acceptor.promised, maxBallot(state?.promised ?? ZERO_BALLOT, state?.ballot ?? ZERO_BALLOT))
}

function isChosen({ log }: PaxosState, first: Slot, last: Slot): boolean {
  const slots = new Log(log)
  for (let slot = first; slot <= last; slot++) if (!slots.isChosen(slot)) return false
  return true
}
