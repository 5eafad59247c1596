import type { AnyMachine } from 'synod'

/** The store that the replicas of this program hold. bin.ts names it; the commands serve any. */
export interface ServedStore<M extends AnyMachine> {
  /** Makes the state machine, in its initial state. `size` is how many keys it holds. */
  readonly machine: () => M & { readonly size: number }
}
