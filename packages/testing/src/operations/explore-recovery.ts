import { SynodError } from 'synod/internal/errors.js'
import { loadIdentity } from 'synod/internal/journal/identity.js'
import { recover } from 'synod/internal/journal/recovery.js'
import { changeOf } from 'synod/internal/machine/change-codec.js'
import { Executor } from 'synod/internal/machine/executor.js'
import { comparePositions } from 'synod/internal/machine/position.js'
import { type Slot, compareBallots } from 'synod/internal/paxos/ballot.js'
import { DEFAULT_WINDOW, type Mode } from 'synod/internal/paxos/config.js'
import { Membership, foundingMembership } from 'synod/internal/paxos/membership.js'
import { Paxos } from 'synod/internal/paxos/paxos.js'
import { majorities } from 'synod/internal/paxos/quorum.js'
import { NO_OP } from 'synod/internal/paxos/value.js'
import { type RecoveredCluster, recoverCluster } from 'synod/internal/recovery/recover-cluster.js'
import { restoreCluster } from 'synod/internal/recovery/restore-cluster.js'
import { readParts } from 'synod/internal/snapshots/read-snapshot.js'
import { findSnapshot, snapshotName } from 'synod/internal/snapshots/snapshot-store.js'
import { Chance } from '../chance.js'
import { coreConfig } from '../core-config.js'
import { Violation } from '../simulator/checks/violation.js'
import { describePosition } from '../simulator/checks/executions.js'
import { MemoryDisk } from '../simulator/hardware/disk.js'
import { DATA_DIR, World, peerAddressOf } from '../simulator/world.js'
import { RecordingMachine, type Executed } from './recording-machine.js'
import { type RecordingWorld, DisasterCluster, snapshotPolicy } from './disaster-cluster.js'

const FILE = '/backup.snapshot'
const PATIENCE_MS = 60_000

/** So often at most a recovery is cut short. */
const CUTS = 3

/**
 * A cluster loses most disks, and `recoverCluster`, cut short anywhere, makes a new one of the
 * rest: it must hold what the directories say and, if each quorum left one, all that was
 * acknowledged, and reuse no id. Backups are restored as well. Throws a Violation.
 */
export async function exploreRecovery(mode: Mode, seed: number): Promise<void> {
  const chance = new Chance(seed ^ 0x7265636f)
  const doomed = new DisasterCluster(mode, chance)
  await doomed.work()
  doomed.lose()
  const run = new Run(mode, chance, doomed)
  await run.recover()
  await run.runNewCluster()
  await run.restore()
}

class Run {
  readonly #mode: Mode
  readonly #chance: Chance
  readonly #before: DisasterCluster
  #recovered: { readonly as: RecoveredCluster; readonly executed: readonly Executed[] } | undefined

  constructor(mode: Mode, chance: Chance, doomed: DisasterCluster) {
    this.#mode = mode
    this.#chance = chance
    this.#before = doomed
  }

  readonly #randomBytes = (size: number) =>
    Buffer.from(Array.from({ length: size }, () => this.#chance.below(256)))

  async recover(): Promise<void> {
    const chance = this.#chance
    const before = this.#contents()
    for (let attempt = 1; this.#recovered === undefined; attempt++) {
      const target = attempt === 1 ? DATA_DIR : `${DATA_DIR}-${attempt}`
      const machine = new RecordingMachine()
      if (attempt <= CUTS && chance.happens(0.5)) this.#before.disk.dieAfter(chance.below(25))
      try {
        const as = await this.#before.world.settled(this.#recoverInto(target, machine), PATIENCE_MS)
        this.#recovered = { as, executed: machine.executed }
        // What it has said is done outlives a power failure.
        this.#before.disk.crash(() => this.#chance.next())
      } catch (error) {
        if (attempt > CUTS || (await this.#isGivenUp(error, target))) {
          this.#refused(error)
          return
        }
      }
      if (this.#contents() !== before)
        throw new Violation('agreement', 'a recovery has changed the directories that it reads')
    }
    await this.#requireNew(this.#recovered.as)
    this.#compare(this.#recovered.executed, await this.#plainReading())
    await this.#checkAcknowledged()
  }

  #recoverInto(dataDir: string, machine: RecordingMachine): Promise<RecoveredCluster> {
    return recoverCluster({
      from: [...this.#before.left.values()],
      dataDir,
      id: 1,
      address: peerAddressOf(1),
      machine,
      host: {
        disk: this.#before.disk,
        clock: this.#before.world.clock,
        network: this.#before.world.network.host('operator'),
        randomBytes: this.#randomBytes,
      },
    })
  }

  /** Whether it was not cut short. What was must not start. */
  async #isGivenUp(error: unknown, target: string): Promise<boolean> {
    if (!(error instanceof SynodError) || error.code !== 'journal-failed') return true
    if (this.#chance.happens(0.7)) this.#before.disk.crash(() => this.#chance.next())
    else this.#before.disk.restart()
    await this.#requireUnusable(target)
    return false
  }

  /**
   * What is damaged may be refused, and what a server that has just joined knows; nothing else may.
   */
  #refused(error: unknown): void {
    const code = error instanceof SynodError ? error.code : undefined
    // A server that joins has met no member yet.
    const hasNotJoined = code === 'invalid-options' && this.#before.isReplaced
    const isFair = code === 'journal-damaged' || hasNotJoined
    if (!isFair || !(this.#before.isDamaged || this.#before.isReplaced)) throw error
  }

  async #requireUnusable(target: string): Promise<void> {
    let names: string[]
    try {
      names = await this.#before.disk.list(target)
    } catch {
      return
    }
    const { finding } = await recover(this.#before.disk, target)
    if (
      finding.case === 'new'
        ? !names.some((name) => name.endsWith('.snapshot'))
        : finding.outcome === 'refuse'
    )
      return
    // The identity came last: what it stands for is whole.
    if ((await newestOf(this.#before.disk, target)) === 0 || finding.case !== 'clean')
      throw new Violation(
        'agreement',
        `a recovery that was cut short left ${names.join(', ')}: ${finding.case}`,
      )
  }

  #contents(): string {
    const all = [...this.#before.left.values()].flatMap((directory) => [
      ...this.#before.disk.snapshot(directory),
    ])
    return all.map(([name, content]) => `${name} ${content.toString('latin1')}`).join('\n')
  }

  /**
   * What the directories hold, read by the core itself, slot by slot: what is chosen, or else the
   * highest vote, or else nothing.
   */
  async #plainReading(): Promise<readonly Executed[] | undefined> {
    if (this.#before.isDamaged) return undefined
    const servers = Array.from({ length: this.#before.founders }, (_, index) => index + 1)
    const machine = new RecordingMachine()
    const membership = () =>
      new Membership(foundingMembership(servers, this.#before.quorums), DEFAULT_WINDOW[this.#mode])
    const executor = new Executor(machine, membership())
    const logs: Paxos[] = []
    let newest: Slot = 0
    for (const [id, directory] of this.#before.left) {
      const { records } = await recover(this.#before.disk, directory)
      const config = {
        ...coreConfig(id, servers, this.#mode, this.#before.quorums),
        changeOf,
        window: 2 ** 40,
      }
      logs.push(Paxos.recover(config, records, 1, 0))
      const slot = await newestOf(this.#before.disk, directory)
      if (slot <= newest) continue
      newest = slot
      await executor.restore(readParts(this.#before.disk, `${directory}/${snapshotName(slot)}`))
    }
    for (const executed of machine.executed)
      if (this.#before.truth.get(describePosition(executed.position))?.text !== executed.text)
        throw new Violation('agreement', `${describePosition(executed.position)} of a snapshot is wrong`)
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
      list.map((each) => `${describePosition(each.position)} ${each.text}`).join('\n'),
    )
    if (is !== wanted)
      throw new Violation('agreement', `recovered:\n${is ?? ''}\nwhat the directories hold:\n${wanted ?? ''}`)
  }

  async #checkAcknowledged(): Promise<void> {
    const { as, executed } = this.#recovered ?? fail()
    const texts = executed.map(({ text }) => text)
    if (new Set(texts).size < texts.length)
      throw new Violation('executed-twice', `recovered: ${texts.join(' ')}`)
    if (!this.#before.isReplaced && !this.#before.isDamaged) {
      const { phase2 } = this.#before.quorums ?? majorities(this.#before.founders)
      const mayLack = this.#before.founders - this.#before.left.size >= phase2
      if (as.mayLack !== mayLack)
        throw new Violation(
          'agreement',
          `${this.#before.left.size} of ${this.#before.founders} were given: ${as.mayLack}`,
        )
    }
    if (as.mayLack || (await this.#passesForTorn())) return
    const lost = [...this.#before.acknowledged].filter((text) => !texts.includes(text))
    if (lost.length > 0)
      throw new Violation(
        'not-linearizable',
        `acknowledged, and lost: ${lost.join(', ')}; recovered: ${texts.join(' ')}`,
      )
  }

  /** Damage to what was written last cannot be told from a write that was cut short. */
  async #passesForTorn(): Promise<boolean> {
    const { damaged, disk } = this.#before
    if (damaged === undefined) return false
    const { finding } = await recover(disk, damaged)
    return finding.case === 'torn-tail' || finding.case === 'torn-segment'
  }

  /** No client or server takes the new cluster for the old one. */
  async #requireNew({ acceptor, clusterId, dataDir }: RecoveredCluster): Promise<void> {
    const found = await loadIdentity(this.#before.disk, dataDir)
    if (found?.acceptor !== acceptor || found.clusterId !== clusterId)
      throw new Violation('agreement', `the directory is not of the cluster ${clusterId} that was told`)
    for (const directory of this.#before.left.values()) {
      const old = await loadIdentity(this.#before.disk, directory).catch(() => null)
      if (old?.clusterId === clusterId || old?.acceptor === acceptor)
        throw new Violation('stranger', `the new cluster can be taken for that of ${directory}`)
    }
  }

  /** The new cluster works, and others join it. */
  async runNewCluster(): Promise<void> {
    if (this.#recovered === undefined) return
    const { as, executed } = this.#recovered
    const chance = this.#chance
    let after: Executed[] = []
    const world: RecordingWorld = new World({
      mode: this.#mode,
      servers: 1,
      seed: chance.seed(),
      machine: () => new RecordingMachine((each) => after.push(each)),
      options: { dataDir: as.dataDir },
    })
    // Time goes on: the old cluster ended before the new one begins.
    await world.wait(this.#before.world.clock.now())
    world.server(1).disk = this.#before.disk
    await world.open(1, snapshotPolicy(this.#chance))
    await world.ready()
    const joined = chance.below(3)
    for (let id = 2; id <= 1 + joined; id++) {
      await world.settled(
        world.replica(1).changeMembership({ add: id, address: peerAddressOf(id) }),
        PATIENCE_MS,
      )
      world.add(id)
      await world.open(id, snapshotPolicy(this.#chance))
    }
    after = []
    const text = `w${++this.#before.written}`
    await world.settled(world.replica(1 + chance.below(1 + joined)).execute(text), PATIENCE_MS)
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

  /** What was saved becomes a cluster, too. */
  async restore(): Promise<void> {
    const backup = this.#before.backups.at(-1)
    if (backup === undefined) return
    const disk = new MemoryDisk()
    disk.put(FILE, backup.bytes)
    const machine = new RecordingMachine()
    const target = { dataDir: DATA_DIR, id: 1, address: peerAddressOf(1), machine }
    const restored = await restoreCluster({
      file: FILE,
      ...target,
      host: { disk, randomBytes: this.#randomBytes },
    })
    disk.crash(() => this.#chance.next())
    const texts = machine.query()
    const wanted = [...this.#before.truth.values()]
      .filter(({ position }) => position.slot <= backup.slot)
      .sort((a, b) => comparePositions(a.position, b.position))
      .map(({ text }) => text)
    if (restored.last !== backup.slot || String(texts) !== String(wanted))
      throw new Violation(
        'agreement',
        `restored up to slot ${restored.last}: ${String(texts)}, not ${String(wanted)}`,
      )
    const { records } = await recover(disk, DATA_DIR)
    const [trim] = records.filter((record) => record.type === 'trim')
    if (trim === undefined || trim.promised.seq <= backup.seq)
      throw new Violation(
        'agreement',
        `restored with ballots above ${trim?.promised.seq ?? 0}: ${backup.seq} was in use`,
      )
    const world: RecordingWorld = new World({
      mode: this.#mode,
      servers: 1,
      machine: () => new RecordingMachine(),
    })
    world.server(1).disk = disk
    await world.open(1)
    await world.ready()
    const found = await world.settled(world.replica(1).read(null), PATIENCE_MS)
    if (String(found) !== String(wanted))
      throw new Violation(
        'not-linearizable',
        `a restored cluster reads ${String(found)}, not ${String(wanted)}`,
      )
  }

  /** Slots, ballots and time go on above all that the old cluster had handed out. */
  #checkBeyond(world: RecordingWorld, after: readonly Executed[]): void {
    const slot = Math.max(0, ...[...this.#before.truth.values()].map(({ position }) => position.slot))
    const isBelow = after.some((each) => each.position.slot <= slot || each.timeMs < this.#before.timeMs)
    if (after.length === 0 || isBelow) {
      const was = `slot ${slot}, ${this.#before.timeMs} ms`
      throw new Violation(
        'agreement',
        `the old cluster came to ${was}, the new one begins with ${JSON.stringify(after)}`,
      )
    }
    const { ballot } = world.status(1)
    if (ballot.seq > 0 && ballot.seq <= this.#before.highest.seq)
      throw new Violation(
        'agreement',
        `the new cluster uses ballot ${ballot.seq}, the old one came to ${this.#before.highest.seq}`,
      )
  }
}

/** The slot of the newest snapshot that is whole; 0 for none. */
async function newestOf(disk: MemoryDisk, directory: string): Promise<Slot> {
  const identity = await loadIdentity(disk, directory)
  return identity === null ? 0 : ((await findSnapshot(disk, directory, identity)).newest?.slot ?? 0)
}

function fail(): never {
  throw new RangeError('nothing was recovered')
}
