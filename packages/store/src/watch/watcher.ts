import type { KeyRange, WatchEvent } from '../operations/operations.js'

/** What is to be watched. */
export interface WatchRequest extends KeyRange {
  /** Changes of this revision and later ones; 0 for those after the present one. */
  readonly startRevision: number
  /** Whether events have what was there before. */
  readonly previous: boolean
  readonly puts: boolean
  readonly deletes: boolean
}

/** What a watcher is given next. */
export type WatchNews =
  /** All events of one revision or several are together. `revision` is that of the last. */
  | { readonly type: 'events'; readonly revision: number; readonly events: readonly WatchEvent[] }
  /** History that it needs is gone; it ends. */
  | { readonly type: 'compacted'; readonly compacted: number }

/** The events of one revision that a watcher is to get. */
export interface RevisionEvents {
  readonly revision: number
  readonly events: readonly WatchEvent[]
  /** What they count. */
  readonly bytes: number
}

/**
 * - `behind`: it is filled from history.
 * - `current`: it gets what changes when that changes.
 * - `over`: it was cancelled, or has ended.
 */
export type WatcherState = 'behind' | 'current' | 'over'

/** One who watches keys. */
export interface Watcher {
  readonly request: WatchRequest
  readonly state: WatcherState
  /**
   * What is next; undefined where there is nothing yet: `onReady` tells when there is. History is
   * read a little at a time: then the answer is `later`, and it is to be asked in another turn.
   */
  take(): WatchNews | 'later' | undefined
  /**
   * The revision up to which this watcher has got everything; undefined while something is waiting
   * for it, or while its first revision is yet to come.
   */
  progress(): number | undefined
  cancel(): void
}
