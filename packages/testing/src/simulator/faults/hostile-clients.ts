import type { Clock } from 'synod/internal/clock.js'
import { type Network, type Socket, parseAddress } from 'synod/internal/net/transport/network.js'
import { Chance } from '../../chance.js'
import type { Fault } from './faults.js'
import { ACTS, type Allowance, type Memory, OPENINGS } from './hostile-frames.js'
import { clientAddressOf } from '../world.js'

export type HostileFault = Fault & { readonly kind: 'hostile-clients' | 'idle-clients' }

/** What hostile clients have of the world: a host of their own. */
export interface HostileHost {
  readonly clock: Clock
  readonly network: Network
}

/** A client does not go on where this many bytes of what it sent wait on its own side. */
const MOST_UNSENT_BYTES = 4 << 20

/** How many messages of floods all clients of a fault may send. */
const MOST_MESSAGES = 30_000

/** Idle clients come over so long a time. */
const CROWD_MS = 200

/** Hosts with such names are those of hostile clients. */
export const HOSTILE_HOST = /^h\d+$/

/** Sets the clients of a fault to work, on one host. They end with it. */
export function setHostile(fault: HostileFault, host: HostileHost): void {
  const chance = new Chance(fault.seed)
  const allowance: Allowance = { messages: MOST_MESSAGES }
  for (let client = 0; client < fault.clients; client++) {
    const own = chance.fork()
    if (fault.kind === 'hostile-clients') {
      host.clock.timer(own.between(0, fault.forMs / 4), () =>
        new HostileClient(fault, host, own, allowance).dial(),
      )
    } else {
      host.clock.timer(own.between(0, CROWD_MS), () => new IdleClient(fault, host, own, allowance).dial())
    }
  }
}

/**
 * Connects as it should, then asks for hardly anything. When its place was needed, it comes back
 * now and then.
 */
class IdleClient {
  readonly #fault: HostileFault
  readonly #host: HostileHost
  readonly #chance: Chance
  readonly #memory: Memory

  constructor(fault: HostileFault, host: HostileHost, chance: Chance, allowance: Allowance) {
    this.#memory = newMemory(allowance)
    this.#fault = fault
    this.#host = host
    this.#chance = chance
  }

  dial(): void {
    const { clock, network } = this.#host
    const chance = this.#chance
    const socket = network.connect(parseAddress(clientAddressOf(this.#fault.server)), {
      data: () => undefined,
      drained: () => undefined,
      closed: () => {
        clock.timer(chance.between(100, 10_000), () => {
          this.dial()
        })
      },
    })
    send(socket, OPENINGS.right, chance, this.#memory)
    if (chance.happens(0.1))
      clock.timer(chance.between(1, 2000), () => {
        send(socket, ACTS['commands-of-no-session'], chance, this.#memory)
      })
  }
}

/**
 * One connection after the other, each with its own part of the grammar, its own pace, and its own
 * way to read.
 */
class HostileClient {
  readonly #fault: HostileFault
  readonly #host: HostileHost
  readonly #chance: Chance
  readonly #acts: readonly string[]
  readonly #pausesMs: number
  /** How likely a frame that was begun goes on. */
  readonly #finishes: number
  readonly #allowance: Allowance

  constructor(fault: HostileFault, host: HostileHost, chance: Chance, allowance: Allowance) {
    this.#allowance = allowance
    this.#fault = fault
    this.#host = host
    this.#chance = chance
    const share = chance.between(0.05, 0.6)
    this.#acts = Object.keys(ACTS).filter(() => chance.happens(share))
    this.#pausesMs = chance.pick([2, 20, 200, 2000])
    this.#finishes = chance.pick([0, 0.3, 1])
  }

  dial(): void {
    const { clock, network } = this.#host
    const chance = this.#chance
    const opening = chance.happens(0.7) ? 'right' : chance.pick(Object.keys(OPENINGS))
    const memory = newMemory(this.#allowance)
    let isOver = false
    const socket = network.connect(parseAddress(clientAddressOf(this.#fault.server)), {
      data: () => undefined,
      drained: () => undefined,
      closed: () => {
        isOver = true
        clock.timer(chance.between(0.1, 10 * this.#pausesMs), () => {
          this.dial()
        })
      },
    })
    send(socket, OPENINGS[opening], chance, memory)
    this.#read(socket)
    const goOn = () => {
      if (isOver) return
      // Who holds back the rest of a frame stays for as long as it may.
      if (memory.rest.length === 0 && chance.happens(0.02)) socket.destroy()
      else this.#act(socket, memory)
      clock.timer(chance.between(0.1, this.#pausesMs), goOn)
    }
    clock.timer(chance.between(0, this.#pausesMs), goOn)
  }

  /** As it comes, slowly, or never. */
  #read(socket: Socket): void {
    const { clock } = this.#host
    const chance = this.#chance
    const dice = chance.next()
    if (dice < 0.4) return
    socket.pause()
    if (dice < 0.7) return
    const gulp = () => {
      socket.resume()
      clock.timer(0.1, () => {
        socket.pause()
        clock.timer(chance.between(1, 1000), gulp)
      })
    }
    clock.timer(chance.between(1, 1000), gulp)
  }

  #act(socket: Socket, memory: Memory): void {
    const chance = this.#chance
    if (this.#acts.length === 0 || socket.unsentBytes > MOST_UNSENT_BYTES) return
    if (memory.rest.length > 0) {
      if (!chance.happens(this.#finishes)) return
      const size = 1 + chance.below(memory.rest.length)
      socket.write(memory.rest.subarray(0, size))
      memory.rest = memory.rest.subarray(size)
      return
    }
    send(socket, ACTS[chance.pick(this.#acts)], chance, memory)
  }
}

function newMemory(allowance: Allowance): Memory {
  return { allowance, request: 0, last: new Uint8Array(0), rest: new Uint8Array(0) }
}

function send(
  socket: Socket,
  draw: ((chance: Chance, memory: Memory) => Uint8Array) | undefined,
  chance: Chance,
  memory: Memory,
): void {
  const bytes = draw?.(chance, memory) ?? new Uint8Array(0)
  memory.last = bytes
  socket.write(bytes)
}
