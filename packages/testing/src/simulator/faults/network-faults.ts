import type { AnyMachine } from 'synod/internal/machine/machine.js'
import type { Chance } from '../../chance.js'
import type { ChunkFault, Direction } from '../hardware/socket.js'
import { PEER_PORT, type Site, type World, hostOf } from '../world.js'
import type { Fault } from './faults.js'
import type { LastingFaults } from './lasting-faults.js'
import { type FrameFaultRates, frameFault, flipBit } from './frame-fault.js'
import type { Plan } from './plan.js'

export type NetworkFault = Fault & {
  kind: 'cut' | 'isolation' | 'flapping' | 'reset' | 'lossy' | 'garbling' | 'slow-way'
}

export interface NetworkFaultsParts<M extends AnyMachine> {
  readonly plan: Plan
  readonly world: World<M>
  readonly chance: Chance
  readonly lasting: LastingFaults
}

/** Carries out the faults of the network. */
export class NetworkFaults<M extends AnyMachine> {
  readonly #parts: NetworkFaultsParts<M>
  readonly #rates = new Map<string, FrameFaultRates>()
  readonly #toGarble = new Set<string>()
  /** By way, how much longer bytes take. */
  readonly #delaysMs = new Map<string, number>()

  constructor(parts: NetworkFaultsParts<M>) {
    this.#parts = parts
  }

  /** For the network: what happens to bytes on a way. */
  chunkFault(way: Direction): ChunkFault | undefined {
    const { chance, plan } = this.#parts
    const kinds = new Set(plan.faults.map(({ kind }) => kind))
    const key = `${way.from} ${way.to}`
    const faults: ChunkFault[] = []
    if (kinds.has('lossy') && way.port === PEER_PORT)
      faults.push(frameFault(() => this.#rates.get(key), chance))
    if (kinds.has('garbling'))
      faults.push((chunk) => (this.#toGarble.delete(key) ? [flipBit(chunk, chance)] : [chunk]))
    if (faults.length < 2) return faults[0]
    return (chunk) => faults.reduce<readonly Uint8Array[]>((pieces, fault) => pieces.flatMap(fault), [chunk])
  }

  /** How much longer than usual bytes take on this way. */
  delayMs(from: string, to: string): number {
    return this.#delaysMs.get(`${from} ${to}`) ?? 0
  }

  strike(fault: NetworkFault): void {
    const { lasting, world } = this.#parts
    const { network } = world
    if (fault.kind === 'isolation') {
      const others = world.ids.filter((id) => id !== fault.server)
      for (const other of others) world.partition(fault.server, other)
      lasting.until(fault.forMs, () => {
        for (const other of others) this.#reunite(fault.server, other, fault.reset)
      })
      return
    }
    const [from, to] = [hostOf(fault.from), hostOf(fault.to)]
    const key = `${from} ${to}`
    switch (fault.kind) {
      case 'slow-way':
        this.#delaysMs.set(key, fault.delayMs)
        lasting.until(fault.forMs, () => this.#delaysMs.delete(key))
        break
      case 'cut':
        if (fault.oneWay) network.cutWay(from, to)
        else network.cut(from, to)
        lasting.until(fault.forMs, () => {
          if (fault.oneWay) network.healWay(from, to)
          else network.heal(from, to)
          if (fault.reset) world.breakConnections(fault.from, fault.to)
        })
        break
      case 'flapping':
        this.#flap(fault.from, fault.to, fault.periodMs, Math.ceil(fault.forMs / fault.periodMs / 2))
        break
      case 'reset':
        world.breakConnections(fault.from, fault.to)
        break
      case 'lossy':
        this.#rates.set(key, fault)
        lasting.until(fault.forMs, () => this.#rates.delete(key))
        break
      case 'garbling':
        this.#toGarble.add(key)
        lasting.until(fault.forMs, () => this.#toGarble.delete(key))
        break
    }
  }

  #flap(a: Site, b: Site, periodMs: number, times: number): void {
    if (times === 0) return
    const { lasting, world } = this.#parts
    world.partition(a, b)
    lasting.until(periodMs, () => {
      this.#reunite(a, b, false)
      world.clock.timer(periodMs, () => {
        if (!lasting.isHealed) this.#flap(a, b, periodMs, times - 1)
      })
    })
  }

  #reunite(a: Site, b: Site, reset: boolean): void {
    this.#parts.world.reunite(a, b)
    if (reset) this.#parts.world.breakConnections(a, b)
  }
}
