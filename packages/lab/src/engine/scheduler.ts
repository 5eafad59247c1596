import type { Cluster, ServerId, Transit } from 'synod-testing/script'
import type { Recorder } from './recorder.js'
import type { LabSession } from './lab-session.js'
import { messageReference } from './message-reference.js'

/** How a cluster runs by itself. */
export interface RunSpeed {
  /** Draws the time that each message takes. */
  readonly seed: number
  /** How long a message takes, at the least and at the most. */
  readonly latencyMs: readonly [low: number, high: number]
  /**
   * How long a write to a stuck disk takes until it is synced; undefined until the user syncs it.
   */
  readonly syncMs: number | undefined
}

export const DEFAULT_PACE: RunSpeed = { seed: 1, latencyMs: [1, 3], syncMs: undefined }

/** What happens next, when, and the command for it. */
interface Due {
  readonly atMs: number
  readonly command: string
  /** The command itself moves the clock to where it is due. */
  readonly movesClock: boolean
}

/**
 * The next command of a cluster that runs by itself: the event that is due first by its clock, or
 * the passing of time. A function of the session alone, so a run can be stopped and resumed.
 * Undefined if nothing will ever happen.
 */
export function nextCommand(session: LabSession, pace: RunSpeed = DEFAULT_PACE): string | undefined {
  const { stage, recorder, violation } = session
  if (stage === undefined || recorder === undefined || violation !== undefined) return undefined
  const { cluster } = stage
  const due = first([arrival(cluster, recorder, pace), sync(cluster, recorder, pace), timer(cluster)])
  if (due === undefined) return undefined
  const { atMs, command, movesClock } = due
  const leftMs = atMs - cluster.nowMs
  return movesClock || leftMs <= 0 ? command : `pass ${ceilToMicroseconds(leftMs)} ms`
}

function arrival(cluster: Cluster, recorder: Recorder, pace: RunSpeed): Due | undefined {
  let next: Transit | undefined
  let atMs = Infinity
  for (const transit of cluster.network.transits) {
    if (cluster.server(transit.to).paused) continue
    const id = recorder.idOf(transit)
    const arrivesMs = (recorder.sentAtMs[id] ?? 0) + latencyOf(id, pace)
    if (arrivesMs < atMs) [next, atMs] = [transit, arrivesMs]
  }
  if (next === undefined) return undefined
  return { atMs, command: `deliver ${messageReference(cluster.network.transits, next)}`, movesClock: false }
}

function sync(cluster: Cluster, recorder: Recorder, { syncMs }: RunSpeed): Due | undefined {
  if (syncMs === undefined) return undefined
  return first(
    cluster.ids.map((id) => {
      const { isRunning, isWriting } = cluster.server(id)
      if (!isRunning || !isWriting) return undefined
      const atMs = recorder.writingSinceMs(id) + syncMs
      return { atMs, command: `sync s${id}`, movesClock: false }
    }),
  )
}

function timer(cluster: Cluster): Due | undefined {
  return first(
    cluster.ids.map((id: ServerId) => {
      const { deadlineMs, isRunning } = cluster.server(id)
      if (!isRunning || deadlineMs === Infinity) return undefined
      return { atMs: deadlineMs, command: `tick s${id}`, movesClock: true }
    }),
  )
}

/** What is due first; of those due together the one that stands first. */
function first(all: readonly (Due | undefined)[]): Due | undefined {
  let found: Due | undefined
  for (const due of all) if (due !== undefined && due.atMs < (found?.atMs ?? Infinity)) found = due
  return found
}

/**
 * Drawn by the message, so that it is the same however often the session is played. In whole
 * microseconds.
 */
function latencyOf(message: number, { seed, latencyMs: [low, high] }: RunSpeed): number {
  let hash = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(message + 1, 0xc2b2ae35)
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d)
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b)
  const share = ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
  return Math.round((low + (high - low) * share) * 1000) / 1000
}

/** Never less, so that what waits for this time is due then; and never nothing. */
function ceilToMicroseconds(durationMs: number): number {
  return Math.max(1, Math.ceil(durationMs * 1000)) / 1000
}
