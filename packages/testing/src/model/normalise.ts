/*
 * The model has no clock: before each step all times of a saved state are set anew, so that the due
 * timers are past and the others far ahead. The search chooses which timers are due.
 * docs/internals/model.md says why that loses no behaviour.
 */
import { MIN_AVERAGE_MS } from 'synod/internal/paxos/average.js'
import type { ServerId, Slot } from 'synod/internal/paxos/ballot.js'
import type { LeaderModeState } from 'synod/internal/paxos/leader/leader-mode.js'
import type { LeaderlessState } from 'synod/internal/paxos/leaderless/leaderless-mode.js'
import type { Message } from 'synod/internal/paxos/messages.js'
import type { PaxosState } from 'synod/internal/paxos/paxos.js'
import { type ModelConfig, serversOf } from './config.js'

/** The time of every step. */
export const NOW_MS = 0

const FAR_MS = 1e9

/**
 * Which timers a step finds due: none, all, a single one of the timers a server runs side by side.
 * The timer `slot n` is that of a leaderless instance, `place` that of the first request which
 * waits for a slot, `hole` that of filling holes.
 */
export type Due = 'nothing' | 'everything' | 'resend' | 'heartbeat' | 'hole' | 'place' | `slot ${Slot}`

/**
 * Sets every time of a saved state, in place. Deadlines that are due, and ages that are old, lie in
 * the past.
 */
export function setTimes(state: PaxosState, due: Due): void {
  const timeMs = (timer: Due) => (due === 'everything' || due === timer ? -FAR_MS : FAR_MS)
  const { fetch } = state.learner
  if (fetch !== null) fetch.untilMs = timeMs('everything')
  setLeaderTimes(state.leader, timeMs)
  setLeaderlessTimes(state.leaderless, timeMs)
}

function setLeaderTimes({ role }: LeaderModeState, timeMs: (timer: Due) => number): void {
  switch (role.name) {
    case 'follower':
      role.heardMs = timeMs('everything')
      role.untilMs = timeMs('everything')
      role.patienceMs = 0
      role.yielded = false
      break
    case 'candidate':
      role.phase1.resendMs = timeMs('resend')
      role.untilMs = timeMs('everything')
      break
    case 'leader':
      role.heartbeatMs = timeMs('heartbeat')
      role.phase1.resendMs = timeMs('resend')
      for (const server of role.contact.keys()) role.contact.set(server, timeMs('everything'))
      for (const flight of role.flights.values()) flight.sentMs = timeMs('heartbeat')
  }
}

function setLeaderlessTimes(state: LeaderlessState, timeMs: (timer: Due) => number): void {
  state.heartbeatMs = timeMs('heartbeat')
  if (state.holeMs !== Infinity) state.holeMs = timeMs('hole')
  state.movedMs = timeMs('place')
  const [first] = state.waiting
  for (const [id, request] of state.requests) {
    const dueMs = timeMs(id === first ? 'place' : 'everything')
    state.requests.set(id, { ...request, arrivedMs: dueMs, proposedMs: dueMs, fromMs: dueMs })
  }
  for (const instance of state.instances.values()) {
    instance.sinceMs = timeMs('everything')
    if (instance.step !== 'ready') instance.untilMs = timeMs(`slot ${instance.slot}`)
  }
  state.dueMs = Math.min(...[...state.instances.values()].map(({ untilMs }) => untilMs))
}

/**
 * Forgets, in place, what cannot matter to safety, so that states which differ in no more than that
 * are one.
 */
export function normalise(state: PaxosState, config: ModelConfig, self: ServerId): void {
  setTimes(state, 'nothing')
  state.random.seed = 0
  state.reads.number = 0
  // There are no leases in the model.
  state.leasePromise.untilMs = 0
  state.leasePromise.firmMs = 0
  if (!config.delivers.includes('fetch')) state.learner.fetch = null
  const { leader, leaderless } = state
  leader.round = Math.min(leader.round, 1)
  if (leader.role.name === 'leader') {
    leader.role.round = 0
    leader.role.progress.clear()
    // It has a quorum of promises: whose they were matters only if the membership may change.
    if (config.values === undefined) {
      const all = serversOf(config)
      const { votes } = leader.role.phase1
      leader.role.phase1 = { first: 1, from: all, voters: all, next: new Map(), votes, resendMs: FAR_MS }
    }
  }
  const { chosen } = state.learner
  const votes = state.membership.configurations[0]?.voters.includes(self) === true
  if (config.mode === 'leader' || !config.proposers.includes(self)) {
    // It fills no holes.
    leaderless.voted = 0
    leaderless.watermark = 0
    leaderless.holeMs = Infinity
  } else if (!votes) {
    // Nor does this one, and if it comes to vote, it looks for holes then.
    leaderless.watermark = chosen
    leaderless.holeMs = Infinity
  } else if (
    leaderless.watermark === chosen &&
    Math.max(leaderless.voted, state.log.voted) <= chosen &&
    leaderless.waiting.size === 0
  ) {
    // The timer of holes would find nothing to do, and turn itself off.
    leaderless.holeMs = Infinity
  }
  leaderless.requestMs = MIN_AVERAGE_MS
  leaderless.phaseMs = MIN_AVERAGE_MS
  leaderless.favourite = config.preparedSlots !== undefined && config.proposers.includes(self) ? self : 0
  leaderless.challenger = 0
  leaderless.promisedMs = -Infinity
  leaderless.heard.clear()
  leaderless.reachesQuorum = false
  for (const instance of leaderless.instances.values()) instance.preemptions = 0
}

export function normaliseMessage(message: Message): Message {
  if (message.type === 'heartbeat' || message.type === 'heartbeat-answer') return { ...message, round: 0 }
  if (message.type === 'probe' || message.type === 'probe-answer') return { ...message, round: 1 }
  return message
}

/** What ticks a server in this state may get. */
export function ticksOf({ leader, leaderless }: PaxosState, { mode, delivers }: ModelConfig): Due[] {
  const heartbeat: Due[] = delivers.includes('heartbeat') ? ['heartbeat'] : []
  if (mode === 'leader') {
    switch (leader.role.name) {
      case 'follower':
        return delivers.includes('probe') ? ['everything'] : []
      case 'candidate':
        return ['resend', 'everything']
      case 'leader':
        return [...heartbeat, 'everything']
    }
  }
  const instances = [...leaderless.instances.values()]
    .filter(({ step }) => step !== 'ready')
    .map(({ slot }): Due => `slot ${slot}`)
  const hole: Due[] = leaderless.holeMs === Infinity ? [] : ['hole']
  return [...heartbeat, ...instances, ...hole, ...(leaderless.waiting.size === 0 ? [] : ['place' as const])]
}
