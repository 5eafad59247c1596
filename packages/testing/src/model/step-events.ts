import type { JournalRecord } from 'synod/internal/paxos/records.js'
import type { ReplicaEvent } from 'synod/internal/trace/trace-event.js'
import { toPlainData } from 'synod/internal/trace/shown.js'
import { describeValue } from '../describe.js'
import type { Choice } from './choices.js'
import { valueOf } from './config.js'
import type { Messages } from './messages.js'
import type { StepOutcome } from './outcomes.js'
import type { KnownState, ServerStates } from './server-states.js'

/** What happens in a search, as the events of a trace. docs/reference/trace.md lists the kinds. */
export type ModelEvent =
  ReplicaEvent | { readonly event: 'invoke' | 'violation'; readonly [detail: string]: unknown }

/** A step of one server as the events of a trace, in order. */
export function stepEvents(
  choice: Choice,
  before: KnownState,
  outcome: StepOutcome,
  states: ServerStates,
): ModelEvent[] {
  const { server } = before
  const after = states.get(outcome.state)
  const crashes = choice.type === 'crash' || outcome.keeps !== undefined
  const chosen = before.saved.learner.chosen
  const events = cause(choice, before, states)
  const records = [...before.pending, ...outcome.wrote]
  const durable = records.slice(0, crashes ? keptBy(choice, outcome) : records.length - after.pending.length)
  if (durable.length > 0) events.push({ event: 'durable', server, records: durable.map(plain) })
  for (const number of states.messages.inSet(outcome.said))
    events.push({ event: 'send', ...exchange(number, states.messages) })
  if (after.failure !== undefined)
    events.push({ event: 'failed', server, code: 'internal', message: after.failure })
  if (crashes) events.push({ event: 'stop', server }, { event: 'start', server })
  else if (after.saved.learner.chosen > chosen)
    events.push({ event: 'chosen', server, first: chosen + 1, last: after.saved.learner.chosen })
  return events
}

function cause(
  choice: Choice,
  { server, usage }: KnownState,
  { config, messages }: ServerStates,
): ModelEvent[] {
  if (choice.type === 'deliver') return [{ event: 'message', ...exchange(choice.message, messages) }]
  if (choice.type !== 'propose') return []
  const value = describeValue(valueOf(config, server, usage.proposals + 1))
  return [{ event: 'invoke', client: `s${server}`, request: { type: 'command', command: { value } } }]
}

function keptBy(choice: Choice, { keeps = 0 }: StepOutcome): number {
  return choice.type === 'crash' ? choice.keeps : keeps
}

function exchange(number: number, messages: Messages) {
  const { from, message, to } = messages.get(number)
  return { from: `s${from}`, to: `s${to}`, message: toPlainData(message, describeValue) }
}

function plain(record: JournalRecord): unknown {
  return toPlainData(record, describeValue)
}
