import type { Slot } from '../ballot.js'
import type { Context } from '../proposer.js'
import type { Instances } from './instances.js'

/**
 * Which slots of the window this server can work on: none while it does not know who is a member.
 */
export class WorkableSlots {
  readonly #context: Context
  readonly #instances: Instances

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
    if (!membership.isKnown) return
    const first = learner.state.chosen + 1
    for (let slot = first; slot < first + config.window; slot++) {
      if (!membership.at(slot).voters.includes(config.self)) return
      if (!log.isChosen(slot) && !this.#instances.has(slot)) yield slot
    }
  }

  /**
   * The first slot of the window that no server is known to use, if this server votes in it. A slot
   * that is only promised to another server is in use, unless all has been `isIdle` for a while.
   */
  findEmpty(isIdle: boolean): Slot | undefined {
    const { config, learner, membership } = this.#context
    if (!membership.isKnown) return undefined
    const { chosen } = learner.state
    let slot = chosen + 1
    while (slot <= chosen + config.window && !this.#isEmpty(slot, isIdle)) slot++
    if (slot > chosen + config.window) return undefined
    return membership.at(slot).voters.includes(config.self) ? slot : undefined
  }

  #isEmpty(slot: Slot, isIdle: boolean): boolean {
    const { config, log } = this.#context
    const state = log.find(slot)
    if (log.isChosen(slot)) return false
    if (state === undefined) return true
    if (state.value !== undefined || this.#instances.has(slot)) return false
    const { seq, server } = state.promised
    return seq === 0 || server === config.self || isIdle
  }
}
