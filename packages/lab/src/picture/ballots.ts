import type { Ballot } from 'synod/testing/script'

// The picture knows only types of the core: what it needs to know of the order of ballots is here.

/** Negative, zero or positive as `a` is below, equal to or above `b`. */
export function compareBallots(a: Ballot, b: Ballot): number {
  return a.seq - b.seq || a.server - b.server
}
