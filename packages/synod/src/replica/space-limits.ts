import { PADDING, type PaddingOptions } from '../journal/padding.js'

/** From how little free space on a server warns, and refuses; and what it allocates beforehand. */
export interface SpaceLimits {
  /**
   * With less than this beyond its reserves it warns, and leads no more if another server has more.
   */
  readonly lowBytes: number
  /** With less than this beyond its reserves it counts as full. */
  readonly fullBytes: number
  /**
   * Allocated for what is under way, to trim with, and for the next snapshot besides the size of
   * the last one.
   */
  readonly groupsBytes: number
  readonly trimBytes: number
  readonly snapshotBytes: number
  /** The zeros that the journal writes ahead of its groups. */
  readonly padding: PaddingOptions
}

const LOW_BYTES = 256 << 20
const FULL_BYTES = 64 << 20
const GROUPS_RESERVE_BYTES = 16 << 20
const TRIM_RESERVE_BYTES = 1 << 20
const SNAPSHOT_RESERVE_BYTES = 8 << 20

export const SPACE_LIMITS: SpaceLimits = {
  lowBytes: LOW_BYTES,
  fullBytes: FULL_BYTES,
  groupsBytes: GROUPS_RESERVE_BYTES,
  trimBytes: TRIM_RESERVE_BYTES,
  snapshotBytes: SNAPSHOT_RESERVE_BYTES,
  padding: PADDING,
}
