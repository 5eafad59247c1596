import type { ServerId } from '../ballot.js'
import { type RandomState, randomBetween } from '../random.js'
import type { QueuedRequest } from './request-queue.js'

/**
 * A server that is not the favourite holds back while the chosen prefix grows without pauses of
 * this many phases.
 */
const PAUSE_PHASES = 4

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
  /** The server whose proposal was chosen last; 0 while that is not known. */
  favourite: ServerId
  /** When the chosen watermark last moved. */
  movedMs: number
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
