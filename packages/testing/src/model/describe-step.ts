import { type ServerId, formatBallot } from 'synod/internal/paxos/ballot.js'
import type { PaxosState } from 'synod/internal/paxos/paxos.js'
import { describeMessage, describeRecord } from '../describe.js'
import type { Choice } from './choices.js'
import type { StepOutcome } from './outcomes.js'
import type { KnownState, ServerStates } from './server-states.js'

/** A step of one server on one line: what happened to it, and what it did. */
export function describeStep(
  choice: Choice,
  before: KnownState,
  outcome: StepOutcome,
  states: ServerStates,
): string {
  const after = states.get(outcome.state)
  const { wrote } = outcome
  const said = states.messages.inSet(outcome.said)
  const deeds = [
    ...wrote.map((record) => `writes ${describeRecord(record)}`),
    ...(outcome.keeps === undefined ? becomes(before.saved, after.saved) : []),
    ...says(said, states),
    ...(outcome.keeps === undefined
      ? []
      : [`crashes before that is durable, keeping ${records(outcome.keeps)}; restarts`]),
    ...(after.failure === undefined ? [] : [`fails: ${after.failure}`]),
  ]
  const what = `s${before.server} ${describeChoice(choice, before, states)}`
  return deeds.length === 0 ? what : `${what}: ${deeds.join('; ')}`
}

function describeChoice(choice: Choice, { pending }: KnownState, { messages }: ServerStates): string {
  switch (choice.type) {
    case 'deliver': {
      const { from, message } = messages.get(choice.message)
      const late = choice.due === 'nothing' ? '' : ', late'
      return `hears [${describeMessage(message)}] from s${from}${late}`
    }
    case 'tick':
      return choice.due === 'everything' ? 'runs out of patience' : `has its timer run out (${choice.due})`
    case 'campaign':
      return choice.seen.seq === 0 ? 'campaigns' : `campaigns, having heard of ${formatBallot(choice.seen)}`
    case 'propose':
      return 'gets a proposal'
    case 'trim':
      return 'drops the slots that it knows to be chosen'
    case 'sync':
      return 'has one more record durable'
    case 'crash':
      return pending.length === 0
        ? 'crashes and restarts'
        : `crashes, losing ${records(pending.length - choice.keeps)}, and restarts`
  }
}

function becomes({ leader: before }: PaxosState, { leader: after }: PaxosState): string[] {
  if (before.role.name === after.role.name) return []
  const { name, ballot } = after.role
  return [name === 'follower' ? 'is a follower again' : `is ${name} at ${formatBallot(ballot)}`]
}

/** Each message once, with all that it goes to. */
function says(said: readonly number[], { messages }: ServerStates): string[] {
  const receivers = new Map<string, ServerId[]>()
  for (const number of said) {
    const { to, message } = messages.get(number)
    const words = describeMessage(message)
    receivers.set(words, [...(receivers.get(words) ?? []), to])
  }
  return [...receivers].map(
    ([words, to]) => `sends [${words}] to ${to.map((server) => `s${server}`).join(' and ')}`,
  )
}

function records(count: number): string {
  return count === 1 ? '1 record' : `${count} records`
}
