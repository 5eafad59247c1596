import { Budget } from './budget.js'
import type { Clock } from '../../clock.js'
import { Turns } from './turns.js'
import { UnfinishedFrames } from './unfinished-frames.js'

/** From here on clients are refused what they ask for. */
export const MAX_HELD_BYTES = 96 << 20

/**
 * Results of commands are kept beyond that; from here on the client that has the most unread is
 * disconnected.
 */
export const MAX_HELD_AT_ALL_BYTES = 128 << 20

/** A frame of a client: what it gathers before it sends, and one message of the largest kind. */
export const MAX_CLIENT_FRAME_BYTES = 2 << 20

/** The limits that the connections of all clients of a replica share, however many there are. */
export interface ClientLoad {
  readonly budget: Budget
  readonly frames: UnfinishedFrames
  readonly turns: Turns
}

export function openClientLoad(clock: Clock): ClientLoad {
  return {
    budget: new Budget(MAX_HELD_BYTES),
    frames: new UnfinishedFrames(clock),
    turns: new Turns(clock),
  }
}
