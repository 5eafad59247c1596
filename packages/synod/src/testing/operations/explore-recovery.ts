import { SynodError } from '../../errors.js'
import { recover } from '../../journal/recovery.js'
import { changeOf } from '../../machine/change-codec.js'
import { Executor } from '../../machine/executor.js'
import {
  type Ballot,
  type ServerId,
  type Slot,
  ZERO_BALLOT,
  compareBallots,
  maxBallot,
} from '../../paxos/ballot.js'
import { DEFAULT_WINDOW, type Mode } from '../../paxos/config.js'
import { Membership, foundingMembership } from '../../paxos/membership.js'
import { Paxos } from '../../paxos/paxos.js'
import { type Quorums, majorities } from '../../paxos/quorum.js'
import { NO_OP } from '../../paxos/value.js'
import { type RecoveredCluster, recoverCluster } from '../../recovery/recover-cluster.js'
import { readParts } from '../../snapshots/read-snapshot.js'
import { findSnapshot, snapshotName } from '../../snapshots/snapshot-store.js'
import { Chance } from '../chance.js'
import { coreConfig } from '../core-config.js'
import { drawQuorums } from '../draw-quorums.js'
import { Violation } from '../simulator/checks/violation.js'
import { MemoryDisk } from '../simulator/hardware/disk.js'
import { DATA_DIR, World, peerAddressOf } from '../simulator/world.js'
import { Chronicle, type Executed } from './chronicle.js'

const PATIENCE_MS = 60_000

/** So often at most a recovery is cut short. */
const CUTS = 3

type Recovered = World<string, number, null, readonly string[], Chronicle>

/**
 * A cluster works under faults, until most of its disks are lost for good. What is left of it is made a new cluster by
 * `recoverCluster`, which may be cut short at any change of the disk. Then: the new cluster holds exactly what a plain reading of the
 * directories says; it holds all that was acknowledged, if every quorum left one of its directories; nothing that was handed out
 * before is handed out again; the directories are as they were; and others join it. Throws a Violation.
 */
export async function exploreRecovery(mode: Mode, seed: number): Promise<void> {
  const run = new Run(mode, new Chance(seed ^ 0x7265636f))
  await run.work()
  run.lose()
  await run.recover()
  await run.goOn()
}

class Run {
  readonly #chance: Chance
  readonly #mode: Mode
  readonly #founders: number
  readonly #quorums: Quorums | undefined
  readonly #old: Recovered
  /** What the old cluster executed, by slot, and what it acknowledged. */
  readonly #truth = new Map<Slot, string>()
  readonly #acknowledged = new Set<string>()
  #written = 0
  /** The highest of all that was handed out. */
  #highest: Ballot = ZERO_BALLOT
  #time_ms = 0
  #isReplaced = false
  readonly #cuts: (readonly [ServerId, ServerId])[] = []
  /** The directories that are left, and what is in them, by path on the new disk. */
  readonly #left = new Map<ServerId, string>()
  #isDamaged = false
  #disk = new MemoryDisk()
  #recovered: { readonly as: RecoveredCluster; readonly executed: readonly Executed[] } | undefined

  constructor(mode: Mode, chance: Chance) {
    this.#chance = chance
    this.#mode = mode
    this.#founders = chance.pick([1, 2, 3, 3, 3, 4, 5])
    this.#quorums = drawQuorums(this.#founders, chance.seed())
    const latency_ms = 0.1 * 100 ** chance.next()
    this.#old = new World({
      mode,
      servers: this.#founders,
      quorums: this.#quorums,
      seed: chance.seed(),
      network: { latency_ms: () => chance.between(0, latency_ms) },
      machine: () =>
        new Chronicle((executed) => {
          this.#onExecuted(executed)
        }),
      options: { heartbeat_ms: 50 + 2 * latency_ms, electionTimeout_ms: 300 + 10 * latency_ms },
    })
    this.#old.onStep = () => {
      for (const id of this.#old.running)
        this.#highest = maxBallot(this.#highest, this.#old.status(id).ballot)
    }
  }

  #onExecuted({ slot, text, time_ms }: Executed): void {
    this.#truth.set(slot, text)
    this.#time_ms = Math.max(this.#time_ms, time_ms)
  }

  #policy() {
    const everySlots = 1 + this.#chance.below(this.#chance.pick([3, 30]))
    return {
      snapshots: { everySlots, everyBytes: 2 ** 40, keepSlots: this.#chance.below(10), chunkBytes: 100 },
    }
  }

  /** Commands all the while, and servers that fail and come back. */
  async work(): Promise<void> {
    const chance = this.#chance
    const old = this.#old
    await old.settled(Promise.all(old.ids.map((id) => old.begin(id, this.#policy()))), PATIENCE_MS)
    await old.ready()
    if (chance.happens(0.3)) await this.#replace()
    for (let step = 5 + chance.below(25); step > 0; step--) {
      const { running } = old
      if (running.length > 0 && chance.happens(0.8)) this.#propose(chance.pick(running), 1 + chance.below(5))
      if (running.length > 0 && chance.happens(0.15)) this.#stop(chance.pick(running))
      if (running.length > 0 && chance.happens(0.15)) this.#cutOff(chance.pick(running))
      if (chance.happens(0.2)) this.#reunite()
      const down = old.ids.filter((id) => !old.isUp(id))
      if (down.length > 0 && chance.happens(0.3)) await old.open(chance.pick(down), this.#policy())
      await old.wait(chance.between(0, chance.pick([3, 50, 1500])))
    }
  }

  /** The log comes to tell of another server, which may vote by the end or not. */
  async #replace(): Promise<void> {
    const old = this.#old
    const [id, replaces] = [this.#founders + 1, this.#chance.below(this.#founders + 1)]
    this.#isReplaced = true
    const change = { add: id, address: peerAddressOf(id), ...(replaces === 0 ? {} : { replaces }) }
    await old.settled(old.replica(1).changeMembership(change), PATIENCE_MS)
    old.add(id)
    await old.open(id, this.#policy())
    await old.wait(this.#chance.below(2000))
  }

  #propose(id: ServerId, count: number): void {
    for (; count > 0; count--) {
      const text = `w${++this.#written}`
      this.#old
        .replica(id)
        .propose(text)
        .then(
          () => this.#acknowledged.add(text),
          () => undefined,
        )
    }
  }

  #stop(id: ServerId): void {
    if (this.#chance.happens(0.5)) this.#old.kill(id)
    else this.#old.crash(id, () => this.#chance.next())
  }

  /** It may have led, and go on for a while with votes that nobody else casts. */
  #cutOff(id: ServerId): void {
    for (const other of this.#old.ids) {
      if (other === id) continue
      this.#old.partition(id, other)
      this.#cuts.push([id, other])
    }
    if (this.#old.isUp(id)) this.#propose(id, 1 + this.#chance.below(3))
  }

  #reunite(): void {
    for (const [one, other] of this.#cuts.splice(0)) this.#old.reunite(one, other)
  }

  /** All processes end, and only some of the directories are left. */
  lose(): void {
    const chance = this.#chance
    const old = this.#old
    // Who was down before knows the least.
    const down = old.ids.filter((id) => !old.isUp(id))
    for (const id of old.running) this.#stop(id)
    const shuffled = [...(chance.happens(0.3) && down.length > 0 ? down : old.ids)].sort(
      () => chance.next() - 0.5,
    )
    const left = shuffled.slice(0, 1 + chance.below(shuffled.length))
    this.#isDamaged = chance.happens(0.2)
    const damaged = chance.pick(left)
    for (const id of left) {
      const files = old.server(id).disk.snapshot(DATA_DIR)
      const directory = `/left/s${id}`
      this.#left.set(id, directory)
      void this.#disk.makeDirectory(directory)
      for (const [name, content] of files) this.#disk.put(`${directory}/${name}`, content)
      if (this.#isDamaged && id === damaged) this.#damage(directory, files)
    }
  }

  #damage(directory: string, files: ReadonlyMap<string, Buffer>): void {
    const chance = this.#chance
    const [name, content] = chance.pick([...files].filter(([, { length }]) => length > 0))
    this.#disk.flip(`${directory}/${name}`, chance.below(content.length), chance.below(8))
  }

  async recover(): Promise<void> {
    const chance = this.#chance
    const before = this.#contents()
    for (let attempt = 1; this.#recovered === undefined; attempt++) {
      const target = attempt === 1 ? DATA_DIR : `${DATA_DIR}-${attempt}`
      const machine = new Chronicle()
      if (attempt <= CUTS && chance.happens(0.5)) this.#disk.dieAfter(chance.below(25))
      try {
        const as = await this.#old.settled(this.#recoverInto(target, machine), PATIENCE_MS)
        this.#recovered = { as, executed: machine.executed }
        // What it has said is done outlives a power failure.
        this.#disk.crash(() => this.#chance.next())
      } catch (error) {
        if (attempt > CUTS || (await this.#isGivenUp(error, target))) {
          this.#refused(error)
          return
        }
      }
      if (this.#contents() !== before)
        throw new Violation('agreement', 'a recovery has changed the directories that it reads')
    }
    this.#compare(this.#recovered.executed, await this.#plainReading())
    this.#checkAcknowledged()
  }

  #recoverInto(dataDir: string, machine: Chronicle): Promise<RecoveredCluster> {
    return recoverCluster({
      from: [...this.#left.values()],
      dataDir,
      id: 1,
      address: peerAddressOf(1),
      machine,
      host: {
        disk: this.#disk,
        clock: this.#old.clock,
        network: this.#old.network.host('operator'),
        randomBytes: (size) => Buffer.from(Array.from({ length: size }, () => this.#chance.below(256))),
      },
    })
  }

  /** Whether it was not cut short. What was must not start. */
  async #isGivenUp(error: unknown, target: string): Promise<boolean> {
    if (!(error instanceof SynodError) || error.code !== 'journal-failed') return true
    if (this.#chance.happens(0.7)) this.#disk.crash(() => this.#chance.next())
    else this.#disk.restart()
    await this.#requireUnusable(target)
    return false
  }

  /** What is damaged may be refused, and what a server that has just joined knows; nothing else may. */
  #refused(error: unknown): void {
    const isFair = error instanceof SynodError && error.code === 'journal-damaged'
    if (!isFair || !(this.#isDamaged || this.#isReplaced)) throw error
  }

  async #requireUnusable(target: string): Promise<void> {
    let names: string[]
    try {
      names = await this.#disk.list(target)
    } catch {
      return
    }
    const { finding, identity } = await recover(this.#disk, target)
    if (
      finding.case === 'new'
        ? !names.some((name) => name.endsWith('.snapshot'))
        : finding.outcome === 'refuse'
    )
      return
    // The identity came last: what it stands for is whole.
    const found = identity === null ? undefined : await findSnapshot(this.#disk, target, identity)
    if (found?.newest === undefined || finding.case !== 'clean')
      throw new Violation(
        'agreement',
        `a recovery that was cut short left ${names.join(', ')}: ${finding.case}`,
      )
  }

  #contents(): string {
    const all = [...this.#left.values()].flatMap((directory) => [...this.#disk.snapshot(directory)])
    return all.map(([name, content]) => `${name} ${content.toString('latin1')}`).join('\n')
  }

  /** What the directories hold, read by the core itself, slot by slot: what is chosen, or else the highest vote, or else nothing. */
  async #plainReading(): Promise<readonly Executed[] | undefined> {
    if (this.#isDamaged) return undefined
    const servers = Array.from({ length: this.#founders }, (_, index) => index + 1)
    const machine = new Chronicle()
    const membership = () =>
      new Membership(foundingMembership(servers, this.#quorums), DEFAULT_WINDOW[this.#mode])
    const executor = new Executor(machine, membership())
    const logs: Paxos[] = []
    let newest: Slot = 0
    for (const [id, directory] of this.#left) {
      const { identity, records } = await recover(this.#disk, directory)
      const config = { ...coreConfig(id, servers, this.#mode, this.#quorums), changeOf, window: 2 ** 40 }
      logs.push(Paxos.recover(config, records, 1, 0))
      const found = identity === null ? undefined : await findSnapshot(this.#disk, directory, identity)
      const slot = found?.newest?.slot ?? 0
      if (slot <= newest) continue
      newest = slot
      await executor.restore(readParts(this.#disk, `${directory}/${snapshotName(slot)}`))
    }
    for (const { slot, text } of machine.executed)
      if (this.#truth.get(slot) !== text)
        throw new Violation('agreement', `slot ${slot} of a snapshot is wrong`)
    const last = Math.max(newest, ...logs.map(({ log }) => log.state.voted))
    for (let slot = newest + 1; slot <= last; slot++) {
      const found = logs.map(({ log }) => log.find(slot)).filter((state) => state !== undefined)
      const chosen = found.find((state) => state.chosen !== undefined)?.chosen
      const [vote] = found
        .filter(({ value }) => value !== undefined)
        .sort((a, b) => compareBallots(b.ballot, a.ballot))
      executor.execute(slot, chosen ?? vote?.value ?? NO_OP)
    }
    return machine.executed
  }

  #compare(executed: readonly Executed[], plain: readonly Executed[] | undefined): void {
    const [is, wanted] = [executed, plain ?? executed].map((list) =>
      list.map(({ slot, text }) => `${slot} ${text}`).join('\n'),
    )
    if (is !== wanted)
      throw new Violation('agreement', `recovered:\n${is ?? ''}\nwhat the directories hold:\n${wanted ?? ''}`)
  }

  #checkAcknowledged(): void {
    const { as, executed } = this.#recovered ?? fail()
    const texts = executed.map(({ text }) => text)
    if (new Set(texts).size < texts.length)
      throw new Violation('executed-twice', `recovered: ${texts.join(' ')}`)
    if (!this.#isReplaced && !this.#isDamaged) {
      const { phase2 } = this.#quorums ?? majorities(this.#founders)
      const mayLack = this.#founders - this.#left.size >= phase2
      if (as.mayLack !== mayLack)
        throw new Violation('agreement', `${this.#left.size} of ${this.#founders} were given: ${as.mayLack}`)
    }
    if (as.mayLack) return
    const lost = [...this.#acknowledged].filter((text) => !texts.includes(text))
    if (lost.length > 0)
      throw new Violation(
        'not-linearizable',
        `acknowledged, and lost: ${lost.join(', ')}; recovered: ${texts.join(' ')}`,
      )
  }

  /** The new cluster works, and others join it. */
  async goOn(): Promise<void> {
    if (this.#recovered === undefined) return
    const { as, executed } = this.#recovered
    const chance = this.#chance
    let after: Executed[] = []
    const world: Recovered = new World({
      mode: this.#mode,
      servers: 1,
      seed: chance.seed(),
      machine: () => new Chronicle((each) => after.push(each)),
      options: { dataDir: as.dataDir },
    })
    // Time goes on: the old cluster ended before the new one begins.
    await world.wait(this.#old.clock.now())
    world.server(1).disk = this.#disk
    await world.open(1, this.#policy())
    await world.ready()
    const joined = chance.below(3)
    for (let id = 2; id <= 1 + joined; id++) {
      await world.settled(
        world.replica(1).changeMembership({ add: id, address: peerAddressOf(id) }),
        PATIENCE_MS,
      )
      world.add(id)
      await world.open(id, this.#policy())
    }
    after = []
    const text = `w${++this.#written}`
    await world.settled(world.replica(1 + chance.below(1 + joined)).propose(text), PATIENCE_MS)
    const wanted = [...executed.map((each) => each.text), text]
    for (const id of world.ids) {
      const found = await world.settled(world.replica(id).read(null), PATIENCE_MS)
      if (String(found) !== String(wanted))
        throw new Violation(
          'not-linearizable',
          `s${id} of the new cluster reads ${String(found)}, not ${String(wanted)}`,
        )
    }
    this.#checkBeyond(world, after)
  }

  /** Slots, ballots and time go on above all that the old cluster had handed out. */
  #checkBeyond(world: Recovered, after: readonly Executed[]): void {
    const slot = Math.max(0, ...this.#truth.keys())
    const isBelow = after.some((each) => each.slot <= slot || each.time_ms < this.#time_ms)
    if (after.length === 0 || isBelow) {
      const was = `slot ${slot}, ${this.#time_ms} ms`
      throw new Violation(
        'agreement',
        `the old cluster came to ${was}, the new one begins with ${JSON.stringify(after)}`,
      )
    }
    const { ballot } = world.status(1)
    if (ballot.seq > 0 && ballot.seq <= this.#highest.seq)
      throw new Violation(
        'agreement',
        `the new cluster uses ballot ${ballot.seq}, the old one came to ${this.#highest.seq}`,
      )
  }
}

function fail(): never {
  throw new RangeError('nothing was recovered')
}
