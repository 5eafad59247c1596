import type { ServerId } from '../ballot.js'
import { type RandomState, randomBetween } from '../random.js'
import type { QueuedRequest } from './request-queue.js'

/**
 * A server that is not the favourite holds back while the chosen prefix grows without pauses of
 * this many phases.
 */
const PAUSE_PHASES = 4

/** Nothing is under way in a slot that is only promised, if no promise is newer than this. */
const MIN_IDLE_MS = 100

/** It holds back no longer than this. */
const MAX_HEAD_START_MS = 2000

/** Back-off doubles with each preemption in a slot, up to this. */
const MAX_BACKOFF_MS = 500

/**
 * A request that has lost more slots than this begins the next at a higher ballot: higher by the
 * slots lost beyond that.
 */
const LOST_SLOTS = 3
const MOST_RAISED = 16

/** What the pace of a server depends on. */
export interface ContentionState {
  /** The server that goes first; 0 while there is none. */
  favourite: ServerId
  /** Another server, whose proposal was chosen last; 0 for none. */
  challenger: ServerId
  /** When the chosen watermark last moved. */
  movedMs: number
  /** When this server last promised a slot to another one, or started. */
  promisedMs: number
  /** How long phases took lately, from question to quorum: a running average. */
  phaseMs: number
}

/**
 * When a request may be proposed. All servers get the same requests at the same time, and would
 * preempt each other if all proposed them. So the favourite goes first, and the others follow when
 * it makes no progress.
 */
export function proposeAtMs(
  { arrivedMs, fromMs }: QueuedRequest,
  pace: ContentionState,
  self: ServerId,
): number {
  if (pace.favourite === self) return arrivedMs
  const pausedMs = pace.movedMs + PAUSE_PHASES * pace.phaseMs
  return Math.min(Math.max(fromMs, pausedMs), arrivedMs + MAX_HEAD_START_MS)
}

/** From when on slots that are only promised count as empty. */
export function idleAtMs({ phaseMs, promisedMs }: ContentionState): number {
  return promisedMs + Math.max(MIN_IDLE_MS, PAUSE_PHASES * phaseMs)
}

/**
 * A slot was chosen with a proposal of `server`. The favourite changes only when another server
 * has won twice in a row: one that fills a single hole is none.
 */
export function noteWinner(state: ContentionState, server: ServerId): void {
  if (server === state.favourite) {
    state.challenger = 0
  } else if (state.favourite === 0 || server === state.challenger) {
    state.favourite = server
    state.challenger = 0
  } else {
    state.challenger = server
  }
}

/** How long an instance waits that was preempted, and had been `preemptions` times before. */
export function drawBackoff(preemptions: number, { phaseMs }: ContentionState, random: RandomState): number {
  const backoffMs = Math.min(2 * phaseMs * 2 ** preemptions, MAX_BACKOFF_MS)
  return randomBetween(random, backoffMs, 2 * backoffMs)
}

/**
 * By how much to raise the ballot of a request that has lost slots: among equal numbers the highest
 * server wins each time.
 */
export function raiseFor(lost: number): number {
  return Math.min(Math.max(0, lost - LOST_SLOTS), MOST_RAISED)
}
