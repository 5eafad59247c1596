import { type Ballot, type ServerId, type Slot, ZERO_BALLOT, maxBallot } from 'synod/internal/paxos/ballot.js'
import type { Mode } from 'synod/internal/paxos/config.js'
import type { Quorums } from 'synod/internal/paxos/quorum.js'
import type { SnapshotPolicy } from 'synod/internal/replica/snapshots.js'
import type { Chance } from '../chance.js'
import { drawQuorums } from '../draw-quorums.js'
import { describePosition } from '../simulator/checks/executions.js'
import { MemoryDisk } from '../simulator/hardware/disk.js'
import { DATA_DIR, World, peerAddressOf } from '../simulator/world.js'
import { RecordingMachine, type Executed } from './recording-machine.js'

const PATIENCE_MS = 60_000

export type RecordingWorld = World<RecordingMachine>

/** What a replica sent as a snapshot. */
export interface Backup {
  readonly slot: Slot
  /** The ballot that the replica was at when it began. */
  readonly seq: number
  readonly bytes: Buffer
}

/**
 * A cluster that works under faults, until most of its disks are lost for good; and what of it must
 * not be lost.
 */
export class DisasterCluster {
  readonly founders: number
  readonly quorums: Quorums | undefined
  readonly world: RecordingWorld
  /** What was executed, by `describePosition`, and what was acknowledged. */
  readonly truth = new Map<string, Executed>()
  readonly acknowledged = new Set<string>()
  written = 0
  /** The highest ballot of any server, and the latest time of any command. */
  highest: Ballot = ZERO_BALLOT
  timeMs = 0
  /** Its log tells of another server than the founders. */
  isReplaced = false
  readonly backups: Backup[] = []
  /** The directories that are left, by server, and the disk that they are on. */
  readonly left = new Map<ServerId, string>()
  readonly disk = new MemoryDisk()
  /** The one of them in which a bit has turned over, if any. */
  damaged: string | undefined
  readonly #chance: Chance
  readonly #cuts: (readonly [ServerId, ServerId])[] = []

  constructor(mode: Mode, chance: Chance) {
    this.#chance = chance
    this.founders = chance.pick([1, 2, 3, 3, 3, 4, 5])
    this.quorums = drawQuorums(this.founders, chance.seed())
    const latencyMs = 0.1 * 100 ** chance.next()
    this.world = new World({
      mode,
      servers: this.founders,
      quorums: this.quorums,
      seed: chance.seed(),
      network: { latencyMs: () => chance.between(0, latencyMs) },
      machine: () =>
        new RecordingMachine((executed) => {
          this.#onExecuted(executed)
        }),
      options: { heartbeatMs: 50 + 2 * latencyMs, electionTimeoutMs: 300 + 10 * latencyMs },
    })
    this.world.onStep = () => {
      for (const id of this.world.running)
        this.highest = maxBallot(this.highest, this.world.status(id).ballot)
    }
  }

  #onExecuted(executed: Executed): void {
    this.truth.set(describePosition(executed.position), executed)
    this.timeMs = Math.max(this.timeMs, executed.timeMs)
  }

  /** Commands all the while, and servers that fail and come back. */
  async work(): Promise<void> {
    const chance = this.#chance
    const { world } = this
    await world.settled(
      Promise.all(world.ids.map((id) => world.begin(id, snapshotPolicy(this.#chance)))),
      PATIENCE_MS,
    )
    await world.ready()
    if (chance.happens(0.3)) await this.#replace()
    for (let step = 5 + chance.below(25); step > 0; step--) {
      const { running } = world
      if (running.length > 0 && chance.happens(0.8)) this.#propose(chance.pick(running), 1 + chance.below(5))
      if (running.length > 0 && chance.happens(0.15)) this.#stop(chance.pick(running))
      if (running.length > 0 && chance.happens(0.15)) this.#cutOff(chance.pick(running))
      if (chance.happens(0.2)) this.#reunite()
      if (running.length > 0 && chance.happens(0.1)) this.#save(chance.pick(running))
      const down = world.ids.filter((id) => !world.isUp(id))
      if (down.length > 0 && chance.happens(0.3))
        await world.open(chance.pick(down), snapshotPolicy(this.#chance))
      await world.wait(chance.between(0, chance.pick([3, 50, 1500])))
    }
  }

  /** The log comes to tell of another server, which may vote by the end or not. */
  async #replace(): Promise<void> {
    const { world } = this
    const [id, replaces] = [this.founders + 1, this.#chance.below(this.founders + 1)]
    this.isReplaced = true
    const change = { add: id, address: peerAddressOf(id), ...(replaces === 0 ? {} : { replaces }) }
    await world.settled(world.replica(1).changeMembership(change), PATIENCE_MS)
    world.add(id)
    await world.open(id, snapshotPolicy(this.#chance))
    await world.wait(this.#chance.below(2000))
  }

  #propose(id: ServerId, count: number): void {
    for (; count > 0; count--) {
      const text = `w${++this.written}`
      this.world
        .replica(id)
        .execute(text)
        .then(
          () => this.acknowledged.add(text),
          () => undefined,
        )
    }
  }

  #save(id: ServerId): void {
    const { seq } = this.world.status(id).ballot
    const bytes = this.world
      .replica(id)
      .saveSnapshot()
      .then(async (saved) => {
        const pieces: Uint8Array[] = []
        for await (const piece of saved) pieces.push(piece)
        return { slot: saved.slot, seq, bytes: Buffer.concat(pieces) }
      })
    bytes.then(
      (backup) => this.backups.push(backup),
      () => undefined,
    )
  }

  #stop(id: ServerId): void {
    if (this.#chance.happens(0.5)) this.world.kill(id)
    else this.world.crash(id, () => this.#chance.next())
  }

  /** It may have led, and go on for a while with votes that no other server casts. */
  #cutOff(id: ServerId): void {
    for (const other of this.world.ids) {
      if (other === id) continue
      this.world.partition(id, other)
      this.#cuts.push([id, other])
    }
    if (this.world.isUp(id)) this.#propose(id, 1 + this.#chance.below(3))
  }

  #reunite(): void {
    for (const [one, other] of this.#cuts.splice(0)) this.world.reunite(one, other)
  }

  get isDamaged(): boolean {
    return this.damaged !== undefined
  }

  /** All processes end, and only some of the directories are left. */
  lose(): void {
    const chance = this.#chance
    const { world } = this
    // Who was down before knows the least.
    const down = world.ids.filter((id) => !world.isUp(id))
    for (const id of world.running) this.#stop(id)
    const shuffled = [...(chance.happens(0.3) && down.length > 0 ? down : world.ids)].sort(
      () => chance.next() - 0.5,
    )
    const left = shuffled.slice(0, 1 + chance.below(shuffled.length))
    const isDamaged = chance.happens(0.2)
    const damaged = chance.pick(left)
    for (const id of left) {
      const files = world.server(id).disk.snapshot(DATA_DIR)
      const directory = `/left/s${id}`
      this.left.set(id, directory)
      void this.disk.makeDirectory(directory)
      for (const [name, content] of files) this.disk.put(`${directory}/${name}`, content)
      if (isDamaged && id === damaged) this.#damage(directory, files)
    }
  }

  #damage(directory: string, files: ReadonlyMap<string, Buffer>): void {
    const chance = this.#chance
    this.damaged = directory
    const [name, content] = chance.pick([...files].filter(([, { length }]) => length > 0))
    this.disk.flip(`${directory}/${name}`, chance.below(content.length), chance.below(8))
  }
}

export function snapshotPolicy(chance: Chance): { readonly snapshots: SnapshotPolicy } {
  const everySlots = 1 + chance.below(chance.pick([3, 30]))
  return { snapshots: { everySlots, everyBytes: 2 ** 40, keepSlots: chance.below(10), chunkBytes: 100 } }
}
