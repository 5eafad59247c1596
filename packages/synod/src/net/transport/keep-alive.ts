import type { Clock } from '../../clock.js'

/** How often the accepting side says that it is there, as long as something arrives. */
export const KEEP_ALIVE_MS = 1000

/** How long the dialling side waits for a sign of life, up to a second less. */
export const DEAD_AFTER_MS = 5000

/** What a side of a connection does to tell one that is dead from one that is idle. */
export interface KeepAlive {
  /** Something was handed to the network. */
  onSent(): void
  /** Something arrived. */
  onReceived(): void
  stop(): void
}

/**
 * The side that was dialled: where something arrives and it has nothing to say, it gives a sign of
 * life.
 */
export class KeepAliveSender implements KeepAlive {
  readonly #clock: Clock
  readonly #sign: () => void
  readonly #isPaused: () => boolean
  #cancel: (() => void) | undefined
  #wrote = false

  /** While it is paused, reading nothing since it has enough to do, it goes on giving signs. */
  constructor(clock: Clock, sign: () => void, isPaused: () => boolean) {
    this.#clock = clock
    this.#sign = sign
    this.#isPaused = isPaused
  }

  onSent(): void {
    this.#wrote = true
  }

  onReceived(): void {
    if (this.#cancel === undefined) this.#wait()
  }

  stop(): void {
    this.#cancel?.()
  }

  #wait(): void {
    this.#wrote = false
    this.#cancel = this.#clock.timer(KEEP_ALIVE_MS, () => {
      this.#cancel = undefined
      if (!this.#wrote) this.#sign()
      if (this.#isPaused()) this.#wait()
    })
  }
}

/**
 * The side that dialled: when it has written and receives nothing for long, it dials again. The
 * system takes minutes to notice, and as long to find that the network is back. Only seconds in
 * which this process ran count.
 */
export class KeepAliveWatch implements KeepAlive {
  readonly #clock: Clock
  readonly #onDead: () => void
  #cancel: (() => void) | undefined
  /** It has written, and heard nothing since. */
  #waits = false
  #silentMs = 0

  constructor(clock: Clock, onDead: () => void) {
    this.#clock = clock
    this.#onDead = onDead
  }

  onSent(): void {
    if (this.#waits) return
    this.#waits = true
    this.#silentMs = 0
    if (this.#cancel === undefined) this.#wait()
  }

  /**
   * What was under way already when it wrote counts too. If that was the last that got through, the
   * next write will tell.
   */
  onReceived(): void {
    this.#waits = false
  }

  stop(): void {
    this.#cancel?.()
  }

  #wait(): void {
    this.#cancel = this.#clock.timer(KEEP_ALIVE_MS, () => {
      this.#cancel = undefined
      if (!this.#waits) return
      this.#silentMs += KEEP_ALIVE_MS
      if (this.#silentMs < DEAD_AFTER_MS) this.#wait()
      else this.#onDead()
    })
  }
}
