import type { AnyMachine } from 'synod/internal/machine/machine.js'
import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { Callers } from './callers.js'
import type { TimeWatch } from './checks/time-watch.js'
import { Violation } from './checks/violation.js'
import type { WatchedMachine } from './checks/watched-machine.js'
import type { Nemesis } from './faults/nemesis.js'
import type { Plan } from './faults/plan.js'
import { LIVENESS_BOUND_MS, awaitLiveness } from './liveness.js'
import { TooLateError } from './timeline.js'
import type { Upgrade } from './upgrade.js'
import type { World } from './world.js'

/**
 * Within this time of its own, a replica notices that its clients are gone, and gives back what it
 * held. Half a frame alone would last longer.
 */
const RELEASE_BOUND_MS = 3000

export interface HealedPhaseParts<M extends AnyMachine> {
  readonly plan: Plan
  readonly world: World<WatchedMachine<M>>
  readonly nemesis: Nemesis<WatchedMachine<M>>
  readonly callers: Callers<M>
  readonly upgrade: Upgrade
  readonly time: TimeWatch
}

/**
 * The end of a simulation, when everything is healed: each client must be answered, the replicas
 * must come to the same state, and none may hold anything for clients that are gone.
 */
export class HealedPhase<M extends AnyMachine> {
  readonly #parts: HealedPhaseParts<M>
  #recoveryMs = 0

  constructor(parts: HealedPhaseParts<M>) {
    this.#parts = parts
  }

  /** From the healing to the last answer. */
  get recoveryMs(): number {
    return this.#recoveryMs
  }

  /** Heals everything. Rejects with a Violation. */
  async run(): Promise<void> {
    const { callers, nemesis, plan, time, world } = this.#parts
    nemesis.heal()
    const healedMs = world.clock.now()
    await awaitLiveness(world, 'an operation did not end', callers.stop())
    if (plan.live) {
      await this.#awaitRaise()
      const sound = this.#members.filter((id) => !nemesis.wrecked.has(id) && !plan.left.includes(id))
      const isMember = (id: ServerId) => this.#members.includes(id)
      await awaitLiveness(
        world,
        'a client was not answered',
        callers.finish(sound, LIVENESS_BOUND_MS, isMember),
      )
      this.#recoveryMs = world.clock.now() - healedMs
      await awaitLiveness(world, 'the replicas did not come to the same state', () => {
        const same = sound.filter((id) => this.#members.includes(id))
        const watermarks = same.map((id) => world.server(id).replica?.status().watermarks)
        return watermarks.every(
          (watermark) =>
            watermark?.executed === watermarks[0]?.executed && watermark?.executed === watermark?.chosen,
        )
      })
      await awaitLiveness(world, 'a disk that is not full any more counts as full', () =>
        sound.every((id) => !isMember(id) || world.server(id).replica?.status().space.state !== 'full'),
      )
      await awaitLiveness(
        world,
        'log time did not come to the right time',
        () => time.wrongTimes(sound).length === 0,
        'wrong-time',
      )
    }
    await this.#dismissClients()
    this.#checkOutdated()
  }

  /** All servers have been upgraded: so all agree on what they know now. */
  async #awaitRaise(): Promise<void> {
    const { upgrade, world } = this.#parts
    if (!upgrade.isPlanned) return
    await awaitLiveness(world, 'the members did not agree on the next version', () =>
      this.#members.every((id) => {
        const status = world.server(id).replica?.status()
        return status !== undefined && upgrade.hasAgreed(status)
      }),
    )
    upgrade.onRaise()
  }

  /** A server on an old copy of its directory has promised and voted what it does not know of. */
  #checkOutdated(): void {
    const { nemesis, world } = this.#parts
    for (const id of nemesis.outdated) {
      if (!world.running.includes(id)) continue
      const { admitted, voting } = world.status(id)
      if (admitted && voting)
        throw new Violation('unexpected-failure', `s${id} votes with an old copy of its directory`)
    }
  }

  /** All clients end. Then no replica holds anything for them. */
  async #dismissClients(): Promise<void> {
    const { plan, world } = this.#parts
    for (let client = 1; client <= plan.clients; client++) world.killClient(`c${client}`)
    const holding = () =>
      world.running.filter((id) => {
        const { clients, held } = world.status(id)
        return clients > 0 || held.bytes > 0 || held.unfinishedBytes > 0
      })
    try {
      await world.run(() => holding().length === 0, RELEASE_BOUND_MS)
    } catch (error) {
      if (!(error instanceof TooLateError)) throw error
      const what = holding().map((id) => {
        const { clients, held } = world.status(id)
        return `s${id} still holds ${JSON.stringify(held)} for ${clients} clients, though none is left`
      })
      throw new Violation('over-limit', what.join('\n'), { cause: error })
    }
  }

  /** The members by the longest log, if there is one. */
  get #members(): ServerId[] {
    const { world } = this.#parts
    const all = world.running.map((id) => world.status(id))
    const [longest] = all.sort((a, b) => b.watermarks.chosen - a.watermarks.chosen)
    return longest?.members.map(({ server }) => server) ?? world.ids
  }
}
