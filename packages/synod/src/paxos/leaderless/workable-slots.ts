import type { Slot } from '../ballot.js'
import type { Context } from '../proposer.js'
import type { Instances } from './instances.js'

/** Which slots of the window this server can work on. */
export class WorkableSlots {
  readonly #context: Context
  readonly #instances: Instances
  /** No slot before this one is empty: a slot in use stays so. */
  #firstEmpty: Slot = 1

  constructor(context: Context, instances: Instances) {
    this.#context = context
    this.#instances = instances
  }

  /**
   * The slots that are not known to be chosen, no further than the window, in which this server
   * votes and runs no instance.
   */
  *open(): Generator<Slot, void, undefined> {
    const { config, learner, log, membership } = this.#context
    const first = learner.state.chosen + 1
    for (let slot = first; slot < first + config.window; slot++) {
      if (!membership.at(slot).voters.includes(config.self)) return
      if (!log.isChosen(slot) && !this.#instances.has(slot)) yield slot
    }
  }

  /** The first slot of the window that no server is known to use, if this server votes in it. */
  findEmpty(): Slot | undefined {
    const { config, learner, membership } = this.#context
    const { chosen } = learner.state
    let slot = Math.max(this.#firstEmpty, chosen + 1)
    while (slot <= chosen + config.window && !this.#isEmpty(slot)) slot++
    this.#firstEmpty = slot
    if (slot > chosen + config.window) return undefined
    return membership.at(slot).voters.includes(config.self) ? slot : undefined
  }

  /** It has no vote, no chosen value, and no promise to any server, this one included. */
  #isEmpty(slot: Slot): boolean {
    const { log } = this.#context
    const state = log.find(slot)
    return (
      !log.isChosen(slot) && (state === undefined || (state.value === undefined && state.promised.seq === 0))
    )
  }
}
