import type { Ballot } from 'synod/internal/paxos/ballot.js'
import type { JournalRecord } from 'synod/internal/paxos/records.js'
import type { Choice } from './choices.js'
import { type ModelConfig, serversOf, valueOf } from './config.js'
import type { Due } from './normalise.js'
import { RunningServer, type StepFunction } from './running-server.js'
import type { KnownState, ServerState, ServerStates } from './server-states.js'

/** What may come of a choice. */
export interface StepOutcome extends Move {
  /**
   * The server crashed after the step, before all of its records were durable; this many of them
   * survived.
   */
  readonly keeps: number | undefined
  readonly wrote: readonly JournalRecord[]
}

/**
 * What happens to a server: the number of the state that it gets into, and of the set of messages
 * that leave.
 */
export interface Move {
  readonly state: number
  readonly said: number
}

/** All that may come of a choice, within what the configuration allows this one server. */
export function outcomesOf(
  choice: Choice,
  state: KnownState,
  states: ServerStates,
  step: StepFunction,
): StepOutcome[] {
  const { config } = states
  const server = new RunningServer(states, state, step, dueIn(choice))
  const outcomes: StepOutcome[] = []
  const add = (next: ServerState, keeps?: number) =>
    outcomes.push({
      state: states.number(next),
      said: states.messages.set(server.sent),
      keeps,
      wrote: server.wrote,
    })
  if (choice.type === 'crash') {
    add(server.crashed(choice.keeps))
    return outcomes
  }
  take(choice, server, state, states)
  for (let durable = 0; config.sync === 'eager' && server.pending.length > 0;) {
    const { length } = server.pending
    if (state.usage.crashes < config.crashes) {
      for (let keeps = 0; keeps < length; keeps++) add(server.crashed(keeps), durable + keeps)
    }
    server.sync(length)
    durable += length
  }
  const next = server.state
  if (!isWithin(next, config)) return []
  add(next)
  return outcomes
}

function take(
  choice: Exclude<Choice, { type: 'crash' }>,
  server: RunningServer,
  state: KnownState,
  states: ServerStates,
): void {
  switch (choice.type) {
    case 'deliver': {
      const { from, message } = states.messages.get(choice.message)
      server.step({ type: 'message', from, message })
      server.catchUp()
      break
    }
    case 'tick':
      server.step({ type: 'tick' })
      break
    case 'campaign':
      campaign(server, state, choice.seen, states.config)
      break
    case 'propose': {
      const id = state.usage.proposals + 1
      server.step({ type: 'propose', proposals: [{ id, value: valueOf(states.config, state.server, id) }] })
      if (server.keepsProposals || server.sent.length > 0) server.countProposal()
      break
    }
    case 'trim':
      server.step({ type: 'trim', slot: state.saved.learner.chosen })
      server.countTrim()
      break
    case 'sync':
      server.sync(1)
  }
}

/**
 * A campaign begins when patience is at its end. What else has no time of its own finds nothing
 * due: a tick may follow.
 */
function dueIn(choice: Choice): Due {
  if (choice.type === 'campaign') return 'everything'
  return 'due' in choice ? choice.due : 'nothing'
}

/** The tick makes the server ask around; the answers make it a candidate. */
function campaign(server: RunningServer, state: KnownState, seen: Ballot, config: ModelConfig): void {
  server.step({ type: 'tick' })
  for (const from of serversOf(config)) {
    if (from === state.server || server.role !== 'follower') continue
    server.step({
      type: 'message',
      from,
      message: {
        type: 'probe-answer',
        round: state.saved.leader.round + 1,
        missing: true,
        ballot: seen,
        chosen: 0,
      },
    })
  }
}

function isWithin(
  { saved, usage, failure }: ServerState,
  { slots, ballots, proposals }: ModelConfig,
): boolean {
  if (failure !== undefined) return true
  const begun = [...usage.begun.values()].every((seqs) => seqs.size <= ballots)
  return begun && usage.proposals <= proposals && saved.log.voted <= slots
}
