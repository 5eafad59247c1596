import type { ApplyContext, Following, Machine } from 'synod'
import { storeCodecs } from './codec/codecs.js'
import type { FrozenKeys, KeyHistory, KeySpaceOptions } from './keys/key-space.js'
import type { Answer, Command, Query, Result } from './operations/operations.js'
import { execute } from './state/commands.js'
import { answer, statusOf } from './state/queries.js'
import { restoreStore, snapshotOf } from './state/snapshot.js'
import { type StoreState, emptyState } from './state/state.js'
import { followWatch } from './watch/follow-watch.js'
import { WatchHub } from './watch/watch-hub.js'

/**
 * A coordination store, as a state machine: keys in order, at every revision that is not compacted,
 * with transactions and leases. The model is that of etcd. No operation throws: one that cannot be
 * done is `refused`, and has changed nothing.
 *
 * @example
 * const replica = await Replica.open({ id: 1, cluster, dataDir, machine: new Store() })
 */
export class Store implements Machine<Command, Result, Query, Answer> {
  readonly codecs = storeCodecs
  /** Each answer is made for the one who asked. */
  readonly immutableAnswers = true
  readonly #options: KeySpaceOptions
  #state: StoreState
  readonly #listeners = new Set<() => void>()
  #watches: WatchHub | undefined

  constructor(options: KeySpaceOptions = {}) {
    this.#options = options
    this.#state = emptyState(options)
  }

  /** The keys as they are; another object after `restore`. */
  get keys(): KeyHistory {
    return this.#state.keys
  }

  /** Log time as of the newest command; 0 before the first. */
  get stampMs(): number {
    return this.#state.clock.stampMs
  }

  /** Whether time must go on without commands: there are leases, or compaction is under way. */
  get needsTicks(): boolean {
    return statusOf(this.#state).needsTicks
  }

  /** The watchers of this replica. */
  get watches(): WatchHub {
    return (this.#watches ??= new WatchHub(this))
  }

  /** Has a function called after each command, and after `restore`. Returns what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The keys as they are now, to be read over many turns. */
  freeze(): FrozenKeys {
    return this.keys.freeze()
  }

  apply(command: Command, { timeMs }: Pick<ApplyContext, 'timeMs'>): Result {
    const result = execute(this.#state, command, timeMs)
    this.#report()
    return result
  }

  frees({ type }: Command): boolean {
    return type === 'delete' || type === 'compact' || type === 'revoke' || type === 'tick'
  }

  query(query: Query): Answer {
    if (query.type === 'watch') throw new Error('a watch is followed, not read')
    return answer(this.#state, query)
  }

  /** Waits for what a watch asks about. Throws for a query of any other kind. */
  follow(query: Query, onReady: () => void): Following<Answer> {
    if (query.type !== 'watch') throw new Error(`a ${query.type} is read, not followed`)
    return followWatch(this.watches, query, onReady)
  }

  snapshot(): Iterable<Uint8Array> {
    return snapshotOf(this.#state)
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.#state = await restoreStore(chunks, this.#options)
    this.#report()
  }

  #report(): void {
    for (const listener of this.#listeners) listener()
  }
}
