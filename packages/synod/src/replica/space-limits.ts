/** From how little free space on a server warns, and refuses; and what it allocates beforehand. */
export interface SpaceLimits {
  /**
   * With less than this beyond its reserves it warns, and leads no more if another server has more.
   */
  readonly low_bytes: number
  /** With less than this beyond its reserves it counts as full. */
  readonly full_bytes: number
  /**
   * Allocated for what is under way, to trim with, and for the next snapshot besides the size of
   * the last one.
   */
  readonly groups_bytes: number
  readonly trim_bytes: number
  readonly snapshot_bytes: number
}

const LOW_BYTES = 256 << 20
const FULL_BYTES = 64 << 20
const GROUPS_RESERVE_BYTES = 16 << 20
const TRIM_RESERVE_BYTES = 1 << 20
const SNAPSHOT_RESERVE_BYTES = 8 << 20

export const SPACE_LIMITS: SpaceLimits = {
  low_bytes: LOW_BYTES,
  full_bytes: FULL_BYTES,
  groups_bytes: GROUPS_RESERVE_BYTES,
  trim_bytes: TRIM_RESERVE_BYTES,
  snapshot_bytes: SNAPSHOT_RESERVE_BYTES,
}
