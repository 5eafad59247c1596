import type { Slot } from '../paxos/ballot.js'

/**
 * Where a command stands in the log, as plain data: its slot, and its place in the batch of that
 * slot, from 0.
 */
export interface Position {
  readonly slot: Slot
  readonly index: number
}

/**
 * Negative, zero or positive as `a` is before, at or after `b`.
 *
 * @example
 * const isNew = comparePositions(position, last) > 0
 */
export function comparePositions(a: Position, b: Position): number {
  return a.slot - b.slot || a.index - b.index
}
