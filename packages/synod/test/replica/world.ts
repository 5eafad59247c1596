import type { Client } from '../../src/client/client.js'
import { checkWatermarks } from '../../src/paxos/invariants.js'
import type { ServerId } from '../../src/paxos/ballot.js'
import type { Mode } from '../../src/paxos/config.js'
import type { PaddingOptions } from '../../src/journal/padding.js'
import type { ReplicaOptions } from '../../src/replica/options.js'
import type { MemoryNetworkOptions } from '../../../testing/src/simulator/hardware/network.js'
import { type Site, World as SimulatedWorld } from '../../../testing/src/simulator/world.js'
import { type Note, Notes } from './notes.js'

export type NotesClient = Client<Notes>
export type Options = Partial<ReplicaOptions<Notes>>

export interface WorldOptions {
  readonly servers?: number
  readonly mode?: Mode
  /** How long leases last; there are none unless given. */
  readonly leaseMs?: number
  readonly seed?: number
  /** For every replica. */
  readonly options?: Options
  readonly network?: MemoryNetworkOptions
  /** How long an fsync takes; 1 ms unless given. */
  readonly syncMs?: number
  /** The zeros ahead of what a journal holds: few, and soon, unless given. */
  readonly padding?: PaddingOptions
}

/** A simulated world of replicas that take notes, which are compared as they are taken. */
export class World extends SimulatedWorld<Notes> {
  /** What was executed at each position, by the first server to do so. */
  readonly #executed = new Map<string, Note>()
  readonly #partitions: (readonly [Site, Site])[] = []
  #violation: Error | undefined

  constructor(options: WorldOptions = {}) {
    super({
      ...options,
      machine: (id) =>
        new Notes((note) => {
          this.#note(id, note)
        }),
    })
    this.onStep = () => {
      if (this.#violation !== undefined) throw this.#violation
    }
  }

  /** A cluster that has formed, with a leader that all know in leader mode. */
  static async formed(options?: WorldOptions): Promise<World> {
    const world = new World(options)
    await world.openAll()
    await world.ready()
    return world
  }

  get random(): () => number {
    return () => this.chance.next()
  }

  /** What the state machine of a server has executed. */
  texts(id: ServerId): string[] {
    return this.server(id).machine.texts
  }

  override partition(a: Site, b: Site): void {
    super.partition(a, b)
    this.#partitions.push([a, b])
  }

  /** From now on nothing passes between this server and any other one. */
  isolate(id: ServerId): void {
    for (const other of this.ids) if (other !== id) this.partition(id, other)
  }

  /** Ends all partitions. What hung is reset. */
  heal(): void {
    for (const [a, b] of this.#partitions.splice(0)) {
      this.reunite(a, b)
      this.breakConnections(a, b)
    }
  }

  /** Replicas that executed the same slots have the same state, and watermarks are in order. */
  checkAgreement(): void {
    const digests = new Map<number, number>()
    for (const id of this.running) {
      const { watermarks, digest } = this.status(id)
      checkWatermarks(watermarks)
      const other = digests.get(watermarks.executed) ?? digest
      if (other !== digest)
        throw new Error(`digests differ at slot ${watermarks.executed}\n${this.describe()}`)
      digests.set(watermarks.executed, digest)
    }
  }

  /** Waits until all that run have executed the same, and checks that. */
  async converged(): Promise<void> {
    await this.run(() => {
      const marks = this.running.map((id) => this.status(id).watermarks)
      const voted = Math.max(...marks.map((each) => each.voted))
      return marks.every(({ executed }) => executed >= voted)
    })
    this.checkAgreement()
  }

  #note(id: ServerId, note: Note): void {
    const place = `${note.position.slot}.${note.position.index}`
    const before = this.#executed.get(place)
    if (before === undefined) this.#executed.set(place, note)
    else if (before.text !== note.text || before.timeMs !== note.timeMs) {
      const what = `${JSON.stringify(note)} where another had executed ${JSON.stringify(before)}`
      this.#violation ??= new Error(`s${id} has executed ${what}`)
    }
  }
}
