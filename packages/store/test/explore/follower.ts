import type { Chance } from '../../../testing/src/chance.js'
import type { Store } from '../../src/index.js'
import type { Command } from '../../src/index.js'
import { WatchHub } from '../../src/watch/watch-hub.js'
import type { Draw } from './draw.js'
import { same } from './same.js'
import type { Twin } from './twin.js'
import { WatchCheck } from './watch-check.js'

const MOST_WATCHERS = 8

/**
 * A replica with watchers that falls behind now and then, and catches up by the commands that it
 * missed, or by a snapshot.
 */
export class Follower {
  readonly store: Store
  readonly #hub: WatchHub
  readonly #chance: Chance
  readonly #draw: Draw
  readonly #twin: Twin
  #watchers: WatchCheck[] = []
  /** Undefined while it follows. */
  #missed: (readonly [Command, number])[] | undefined

  constructor(store: Store, twin: Twin, draw: Draw, chance: Chance) {
    this.store = store
    // Little waits: watchers are filled from history all the time.
    this.#hub = new WatchHub(store, { waitingBytes: 2000, heldBytes: 8000 })
    this.#twin = twin
    this.#draw = draw
    this.#chance = chance
  }

  /** A command that others have executed. */
  async apply(command: Command, timeMs: number, snapshot: () => Iterable<Uint8Array>): Promise<void> {
    const chance = this.#chance
    if (this.#missed === undefined && chance.happens(0.01)) this.#missed = []
    if (this.#missed === undefined) this.store.apply(command, { timeMs })
    else this.#missed.push([command, timeMs])
    if (this.#missed !== undefined && chance.happens(0.05)) await this.#catchUp(snapshot)
    this.#watch()
  }

  /** Every watcher takes what there is. */
  async end(snapshot: () => Iterable<Uint8Array>): Promise<void> {
    await this.#catchUp(snapshot)
    for (const watcher of this.#watchers) watcher.take(Infinity)
    for (const watcher of this.#watchers) if (!watcher.isOver) watcher.cancel()
    same('the watchers that are left', this.#hub.size, 0)
  }

  async #catchUp(snapshot: () => Iterable<Uint8Array>): Promise<void> {
    const missed = this.#missed ?? []
    this.#missed = undefined
    if (missed.length > 0 && this.#chance.happens(0.5)) await this.store.restore(streamOf(snapshot()))
    else for (const [command, timeMs] of missed) this.store.apply(command, { timeMs })
  }

  #watch(): void {
    const chance = this.#chance
    const { keys } = this.store
    if (this.#watchers.length < MOST_WATCHERS && chance.happens(0.05)) {
      const watcher = this.#hub.watch(this.#draw.watch(keys), () => undefined)
      this.#watchers.push(new WatchCheck(watcher, this.store, this.#twin))
    }
    for (const watcher of this.#watchers) {
      if (chance.happens(0.1)) watcher.take(1 + chance.below(3))
      if (!watcher.isOver && chance.happens(0.002)) watcher.cancel()
    }
    this.#watchers = this.#watchers.filter(({ isOver }) => !isOver)
  }
}

export async function* streamOf(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  // What a generator yields is valid until its next step.
  for (const chunk of chunks) yield Buffer.from(chunk)
}
