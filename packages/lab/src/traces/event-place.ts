/** Where something stands in the order of a picture: by its time, then by these. */
export interface EventPlace {
  readonly atMs: number
  /** The place of its line in the trace; halves are between two lines. */
  readonly order: number
  /** Before (−1), with (0) or after (1) what its line tells of. */
  readonly side: -1 | 0 | 1
}

/** Negative, zero or positive as `a` is before, at or after `b`. */
export function comparePlaces(a: EventPlace, b: EventPlace): number {
  return a.atMs - b.atMs || a.order - b.order || a.side - b.side
}

export function laterPlace(a: EventPlace | undefined, b: EventPlace | undefined): EventPlace | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return comparePlaces(a, b) >= 0 ? a : b
}
