import { join } from 'node:path'
import type { ClusterParameters } from 'synod/internal/cluster/parameters.js'
import { inspectJournal } from 'synod/internal/journal/inspect.js'
import type { Journal } from 'synod/internal/journal/journal.js'
import { type OpenedJournal, openJournal } from 'synod/internal/journal/open-journal.js'
import { recover } from 'synod/internal/journal/recovery.js'
import type { JournalRecord } from 'synod/internal/paxos/records.js'
import { Chance } from '../chance.js'
import { type DiskOperation, MemoryDisk } from '../simulator/hardware/disk.js'
import { Violation } from '../simulator/checks/violation.js'

const DIRECTORY = '/data'
const PARAMETERS: ClusterParameters = { mode: 'leader', quorums: null, leaseMs: 0, window: 8192 }
const LIVES = 12

/** Another acceptor, whose journal is heard of. */
const OTHER = 'ff'.repeat(16)

/** No write takes more turns of the event loop. */
const MOST_TURNS = 500

/**
 * A journal with small segments goes through many lives with crashes, power failures, failed writes
 * and fsyncs, a full disk, at last bit rot. Each time it must hold all that it reported durable and
 * was not trimmed, or say that it is damaged; an old copy must show. Throws a Violation.
 */
export async function exploreJournal(seed: number): Promise<void> {
  const run = new Run(new Chance(seed ^ 0x6a6f7572), new Chance(seed ^ 0x66756c6c))
  for (let life = 0; life < LIVES; life++) await run.live()
  await run.restoreCopy()
  await run.rot()
}

class Run {
  readonly #chance: Chance
  /** Says when the disk gets full. It draws on its own, so that all else stays as it is. */
  readonly #fullness: Chance
  readonly #padding: { readonly fromBytes: number; readonly mostBytes: number }
  readonly #reserve: { readonly groupsBytes: number; readonly trimBytes: number }
  readonly #isShort: boolean
  readonly #disk = new MemoryDisk()
  readonly #segmentSizeBytes: number
  readonly #trims: number
  /** Each record has a ballot of its own, by which it is known again. */
  #records: JournalRecord[] = []
  /** This many of them were reported durable. */
  #sure = 0
  #slot = 0
  #next = 1
  /** The last group that was durable, as the journal said. */
  #position = 0
  /**
   * What was heard of another acceptor's journal, and how much of it was written with a group that
   * is durable.
   */
  #heard = 0
  #heardForSure = 0
  /** The directory as it was at some time, and the position that the journal had told by then. */
  #copy: { readonly files: ReadonlyMap<string, Buffer>; readonly position: number } | undefined

  constructor(chance: Chance, fullness: Chance) {
    this.#chance = chance
    this.#fullness = fullness
    this.#isShort = fullness.happens(0.5)
    this.#reserve = { groupsBytes: fullness.below(2000), trimBytes: fullness.below(300) }
    this.#padding = {
      fromBytes: fullness.below(300),
      mostBytes: fullness.happens(0.5) ? 0 : 1 + fullness.below(500),
    }
    this.#segmentSizeBytes = Math.ceil(40 * 100 ** chance.next())
    this.#trims = chance.happens(0.2) ? 0 : chance.next() ** 2 / 2
  }

  async live(): Promise<void> {
    const chance = this.#chance
    const disk = this.#disk
    const dies = chance.happens(0.6)
    disk.lag = () => (this.#fullness.happens(0.7) ? 0 : this.#fullness.below(6))
    if (dies) disk.dieAfter(chance.below(60))
    const failed = { is: false }
    const durable = { upTo: 0 }
    const opened = await this.#open(durable, failed, dies)
    if (opened?.damage !== undefined)
      throw new Violation(
        'agreement',
        `a journal that only crashed says that it is damaged: ${opened.damage.message}`,
      )
    if (opened !== undefined) {
      const { journal } = opened
      const before = this.#recovered(opened)
      this.#checkPositions(journal)
      const isFailing = !dies && chance.happens(0.2)
      const fault = isFailing ? chance.pick(['write', 'sync', 'syncDirectory'] as const) : undefined
      if (this.#fullness.happens(0.5))
        for (const reserve of journal.reserves) await reserve.refill().catch(() => undefined)
      if (this.#fullness.happens(0.5)) disk.fill(this.#fullness.below(400))
      await this.#write(journal, failed, fault)
      if (failed.is && !dies && !isFailing)
        throw new Violation('unexpected-failure', 'a full disk ended a journal')
      if (chance.happens(0.3)) await journal.close().catch(() => undefined)
      this.#sure = Math.max(this.#sure, before + durable.upTo)
      this.#position = Math.max(this.#position, journal.groupCount)
    }
    if (chance.happens(0.2) && this.#position > 0)
      this.#copy = { files: disk.durable(DIRECTORY).snapshot(DIRECTORY), position: this.#position }
    disk.capacityBytes = Infinity
    if (chance.happens(0.6)) disk.crash(() => chance.next())
    else disk.restart()
  }

  /** There is space again after a while. */
  async #wait(): Promise<void> {
    await new Promise((done) => setImmediate(done))
    if (this.#fullness.happens(0.2)) this.#disk.capacityBytes = Infinity
  }

  /** Undefined if that failed, as the process died before it had it, or a bit has turned over. */
  async #open(
    durable: { upTo: number },
    failed: { is: boolean },
    mayFail = true,
  ): Promise<OpenedJournal | undefined> {
    const chance = this.#chance
    let timeMs = 0
    try {
      return await openJournal({
        disk: this.#disk,
        directory: DIRECTORY,
        identity: { cluster: 'explored', parameters: PARAMETERS, founders: [1], server: 1, addresses: {} },
        randomBytes: (size) => Buffer.from(Array.from({ length: size }, () => chance.below(256))),
        now: () => timeMs++,
        segmentSizeBytes: this.#segmentSizeBytes,
        reserve: this.#reserve,
        padding: this.#padding,
        space: { isShort: this.#isShort, refused: () => undefined, wait: () => this.#wait() },
        onDurable: (upTo) => {
          durable.upTo = upTo
        },
        onFailure: () => {
          failed.is = true
        },
      })
    } catch (error) {
      if (mayFail) return undefined
      throw error
    }
  }

  /**
   * Checks what was found, and takes note of it. Answers how many records that were ever written
   * are in it, or were made needless.
   */
  #recovered(opened: OpenedJournal): number {
    const missing = this.#missing(opened.records)
    if (missing !== undefined)
      throw new Violation(
        'agreement',
        `${JSON.stringify(missing)} was durable, and the journal has forgotten it`,
      )
    const last = opened.records.at(-1)
    const known =
      last === undefined ? 0 : this.#records.findIndex((record) => numberOf(record) === numberOf(last)) + 1
    // What was written and did not become durable has never been.
    this.#records.length = Math.max(known, this.#sure)
    return this.#records.length
  }

  #checkPositions(journal: Journal): void {
    const heard = journal.groupCounts.of(OTHER)
    if (journal.groupCount < this.#position)
      throw new Violation(
        'agreement',
        `group ${this.#position} was durable, and the journal ends with ${journal.groupCount}`,
      )
    if (heard < this.#heardForSure)
      throw new Violation(
        'agreement',
        `that another acceptor had come to ${this.#heardForSure} was durable, and ${heard} is left of it`,
      )
    this.#heard = heard
  }

  /** An old copy of the directory is put in the place of what is there. */
  async restoreCopy(): Promise<void> {
    if (this.#copy === undefined) return
    const copy = MemoryDisk.with(DIRECTORY, this.#copy.files)
    const { end } = await recover(copy, DIRECTORY)
    const position = (end?.nextSequence ?? 1) - 1
    const lost = this.#position > this.#copy.position
    if (position >= this.#copy.position && (!lost || position < this.#position)) return
    throw new Violation(
      'agreement',
      `a copy that was made when group ${this.#copy.position} was durable, of ${this.#position}, ends with ${position}`,
    )
  }

  #missing(found: readonly JournalRecord[]): JournalRecord | undefined {
    const numbers = new Set(found.map(numberOf))
    const trims = found.filter((record) => record.type === 'trim')
    const trim = Math.max(0, ...trims.map(({ slot }) => slot))
    const trimmedAt = Math.max(0, ...trims.map(numberOf))
    return this.#records
      .slice(0, this.#sure)
      .find(
        (record) =>
          !numbers.has(numberOf(record)) && (numberOf(record) > trimmedAt || lastSlot(record) > trim),
      )
  }

  async #write(journal: Journal, failed: { is: boolean }, fault?: DiskOperation): Promise<void> {
    const chance = this.#chance
    const groups = chance.below(12)
    const faultAt = this.#fullness.below(groups + 1)
    for (let group = 0; group < groups && !failed.is; group++) {
      if (group === faultAt && fault !== undefined) this.#disk.failNext(fault)
      const records = Array.from({ length: 1 + chance.below(4) }, () => this.#draw())
      this.#records.push(...records)
      if (chance.happens(0.3)) journal.groupCounts.record(OTHER, ++this.#heard)
      const heard = this.#heard
      const position = journal.append(records)
      journal.flush()
      // Now and then the next group gathers while this one is written.
      if (chance.happens(0.4)) continue
      await untilDurable(journal, position, failed)
      if (journal.durable >= position) this.#heardForSure = heard
    }
    await untilDurable(journal, journal.appended, failed)
  }

  #draw(): JournalRecord {
    const chance = this.#chance
    const ballot = { seq: this.#next++, server: 1 }
    if (chance.happens(this.#trims)) {
      const slot = Math.max(1, this.#slot - chance.below(4))
      return { type: 'trim', slot, promised: ballot, voted: ballot }
    }
    if (chance.happens(0.2)) return { type: 'promise', scope: 'log', slot: 0, ballot }
    const values = Array.from({ length: 1 + chance.below(3) }, () =>
      Buffer.alloc(chance.below(80), this.#next),
    )
    const first = this.#slot + 1
    this.#slot += values.length
    return { type: 'vote', ballot, first, values }
  }

  /** Bits turn over in what lies before the last group. */
  async rot(): Promise<void> {
    const chance = this.#chance
    const disk = this.#disk
    disk.clearFaults()
    disk.writeBack()
    if ((await disk.list(DIRECTORY).catch(() => [])).length === 0) return
    const { segments } = await inspectJournal(DIRECTORY, disk)
    const last = segments.at(-1)
    const files = segments
      .map((segment) => ({
        name: segment.name,
        sizeBytes: segment === last ? (segment.groups.at(-1)?.offset ?? 0) : segment.sizeBytes,
      }))
      .filter(({ sizeBytes }) => sizeBytes > 0)
    if (files.length === 0) return
    for (let bit = 1 + chance.below(3); bit > 0; bit--) {
      const { name, sizeBytes } = chance.pick(files)
      disk.flip(join(DIRECTORY, name), chance.below(sizeBytes), chance.below(8))
    }
    const opened = await this.#open({ upTo: 0 }, { is: false })
    if (opened === undefined || opened.damage !== undefined) return
    const missing = this.#missing(opened.records)
    if (missing === undefined) return
    throw new Violation(
      'agreement',
      `bits have turned over, and nobody says so: ${JSON.stringify(missing)} is gone`,
    )
  }
}

function numberOf(record: JournalRecord): number {
  if (record.type === 'trim') return record.promised.seq
  return 'ballot' in record ? record.ballot.seq : 0
}

/** Told here again, as what reads it must not be taken for granted. */
function lastSlot(record: JournalRecord): number {
  return record.type === 'vote' ? record.first + record.values.length - 1 : 0
}

/** Until these records are durable, or the journal has failed, or its process is dead. */
async function untilDurable(journal: Journal, position: number, failed: { is: boolean }): Promise<void> {
  for (let turn = 0; turn < MOST_TURNS && journal.durable < position && !failed.is; turn++)
    await new Promise((done) => setImmediate(done))
}
