import type { Machine } from 'synod'

/** The store that the replicas of this program hold. bin.ts names it; the commands serve any. */
export interface ServedStore<Command, Result, Query, Answer> {
  /** Makes the state machine, in its initial state. `size` is how many keys it holds. */
  readonly machine: () => Machine<Command, Result, Query, Answer> & { readonly size: number }
}
