import { join } from 'node:path'
import { Writer } from '../bytes/writer.js'
import type { ClusterId } from '../cluster/cluster-id.js'
import { parameterDifference } from '../cluster/parameters.js'
import { SynodError } from '../errors.js'
import type { Disk, DiskFile } from '../storage/disk.js'
import { Reserve } from '../storage/reserve.js'
import { type Ballot, type Slot, ZERO_BALLOT } from '../paxos/ballot.js'
import {
  type SnapshotOwner,
  type SnapshotFilePart,
  OtherVersion,
  SnapshotFault,
  encodeSnapshotHeader,
  writeEnd,
  writePart,
} from './format.js'
import { readHeader, readParts } from './read-snapshot.js'

/**
 * A snapshot while it is being written, and until then the space for it; and one while it arrives.
 */
const BEING_WRITTEN = 'snapshot.new'
const ARRIVING = 'snapshot.arriving'
const NAME = /^(\d{16})\.snapshot$/

/**
 * How much is encoded and written at once: the state machine's work for it must not hold others up
 * for long.
 */
const WRITE_BYTES = 1 << 16

/**
 * How much is written between two fsyncs: the journal's own must not wait until a whole snapshot is
 * on the disk.
 */
const SYNC_BYTES = 1 << 20

/** A snapshot that is durable. */
export interface StoredSnapshot {
  readonly slot: Slot
  readonly sizeBytes: number
}

/** A snapshot that was found and cannot be used. */
export interface DamagedSnapshot {
  readonly name: string
  readonly reason: string
}

export function snapshotName(slot: Slot): string {
  return `${String(slot).padStart(16, '0')}.snapshot`
}

/**
 * The next snapshot may be larger than the last one by this share, and by what the store is opened
 * with.
 */
const GROWTH = 0.25

/** The slots of the snapshots among the names of a directory, newest first. */
export function snapshotSlots(names: readonly string[]): Slot[] {
  return names
    .map((name) => NAME.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((a, b) => b - a)
}

/** What a directory holds. */
export interface FoundSnapshots {
  /** The newest one that is whole. */
  readonly newest: StoredSnapshot | undefined
  readonly damaged: readonly DamagedSnapshot[]
}

/**
 * Finds the newest snapshot that is whole. Every part of it is read and checked; nothing is
 * changed. Rejects with `journal-damaged` where another version of Synod wrote one.
 */
export async function findSnapshot(
  disk: Disk,
  directory: string,
  owner: SnapshotOwner,
): Promise<FoundSnapshots> {
  const damaged: DamagedSnapshot[] = []
  for (const slot of snapshotSlots(await disk.list(directory))) {
    const name = snapshotName(slot)
    try {
      const sizeBytes = await verify(disk, join(directory, name), owner, slot)
      return { newest: { slot, sizeBytes }, damaged }
    } catch (error) {
      if (!(error instanceof SnapshotFault)) throw error
      if (error instanceof OtherVersion) throw otherVersion(directory, name, error)
      damaged.push({ name, reason: error.message })
    }
  }
  return { newest: undefined, damaged }
}

/**
 * The snapshots in a data directory. One becomes visible as a whole: written under another name,
 * fsynced, renamed, and the directory fsynced. The one before is given up only after that: its
 * space is in reserve for the next one.
 */
export class SnapshotStore {
  readonly #disk: Disk
  readonly #directory: string
  #owner: SnapshotOwner
  #newest: StoredSnapshot | undefined
  #publishing: Promise<unknown> = Promise.resolve()
  /** Space for the next snapshot, of the size of the last one and more. */
  readonly reserve: Reserve
  /** What could not be used when the store was opened. */
  readonly damaged: readonly DamagedSnapshot[]

  private constructor(
    disk: Disk,
    directory: string,
    owner: SnapshotOwner,
    newest: StoredSnapshot | undefined,
    damaged: readonly DamagedSnapshot[],
    marginBytes: number,
  ) {
    this.#disk = disk
    this.#directory = directory
    this.#owner = owner
    this.#newest = newest
    this.damaged = damaged
    this.reserve = new Reserve(disk, directory, BEING_WRITTEN, () =>
      marginBytes === 0 ? 0 : Math.ceil((this.#newest?.sizeBytes ?? 0) * (1 + GROWTH)) + marginBytes,
    )
  }

  /**
   * Finds the newest whole snapshot in the directory, which must be locked, and checks each part.
   * Removes what is half written or older; damaged files are kept for analysis until a newer one is
   * there. Reserves the space of the last one and `marginBytes`; nothing for 0.
   */
  static async open(
    disk: Disk,
    directory: string,
    owner: SnapshotOwner,
    marginBytes = 0,
  ): Promise<SnapshotStore> {
    const names = await disk.list(directory)
    if (names.includes(ARRIVING)) await disk.remove(join(directory, ARRIVING))
    // The process before may have ended with the name of the newest one not durable yet.
    await disk.syncDirectory(directory)
    const { damaged, newest } = await findSnapshot(disk, directory, owner)
    for (const slot of snapshotSlots(names))
      if (slot < (newest?.slot ?? 0)) await disk.remove(join(directory, snapshotName(slot)))
    const store = new SnapshotStore(disk, directory, owner, newest, damaged, marginBytes)
    await store.reserve.refresh()
    return store
  }

  /** The cluster has formed: its snapshots bear this id from now on. */
  identify(clusterId: ClusterId): void {
    this.#owner = { ...this.#owner, clusterId }
  }

  get newest(): StoredSnapshot | undefined {
    return this.#newest
  }

  /** The parts of the newest snapshot. Throws a SnapshotFault where it is damaged. */
  parts(): AsyncIterable<SnapshotFilePart> {
    if (this.#newest === undefined) throw new RangeError('there is no snapshot')
    return readParts(this.#disk, this.#path(this.#newest.slot))
  }

  /** Bytes of the newest snapshot as it lies on the disk, to be sent to a peer. */
  read(offset: number, length: number): Promise<Buffer> {
    if (this.#newest === undefined) throw new RangeError('there is no snapshot')
    return this.#disk.readPart(this.#path(this.#newest.slot), offset, length)
  }

  /**
   * Writes a snapshot, a little at a time, and resolves when it is durable; `rest` is waited for
   * after each write, and `ballot` is the highest that was promised or voted at here. Rejects with
   * the error of the disk or of the parts; nothing but its space is left of it then.
   */
  async write(
    slot: Slot,
    parts: Iterable<SnapshotFilePart>,
    rest: () => Promise<void> | undefined = () => undefined,
    ballot: Ballot = ZERO_BALLOT,
  ): Promise<StoredSnapshot> {
    const { path } = this.reserve
    const file = await this.reserve.take()
    try {
      const sizeBytes = await writeAll(
        file,
        encodeSnapshotHeader({ ...this.#owner, slot, ballot }),
        parts,
        rest,
      )
      await file.close()
      return await this.#publish(path, { slot, sizeBytes })
    } finally {
      await file.close()
      await this.reserve.giveBack()
    }
  }

  /** Begins to take in a snapshot that arrives from a peer. */
  async receive(slot: Slot, sizeBytes: number): Promise<ArrivingSnapshot> {
    const path = join(this.#directory, ARRIVING)
    const file = await this.#disk.open(path, 'replace')
    const publish = async () => {
      const found = await verify(this.#disk, path, this.#owner, slot)
      if (found !== sizeBytes) throw new SnapshotFault(`${found} of ${sizeBytes} bytes have arrived`)
      return this.#publish(path, { slot, sizeBytes })
    }
    return new ArrivingSnapshot(slot, sizeBytes, file, publish)
  }

  /**
   * From here on it is the newest one, also after a power failure; unless there is a newer one by
   * now: one of its own may be finished while one of a peer arrives. One goes after the other.
   */
  #publish(path: string, snapshot: StoredSnapshot): Promise<StoredSnapshot> {
    const published = this.#publishing.then(() => this.#publishNext(path, snapshot))
    this.#publishing = published.catch(() => undefined)
    return published
  }

  async #publishNext(path: string, snapshot: StoredSnapshot): Promise<StoredSnapshot> {
    if (this.#newest !== undefined && this.#newest.slot >= snapshot.slot) {
      if (path !== this.reserve.path) await this.#disk.remove(path)
      return this.#newest
    }
    await this.#disk.rename(path, this.#path(snapshot.slot))
    await this.#disk.syncDirectory(this.#directory)
    this.#newest = snapshot
    const names = await this.#disk.list(this.#directory)
    for (const slot of snapshotSlots(names)) {
      if (slot === snapshot.slot) continue
      if (path === this.reserve.path) await this.#disk.rename(this.#path(slot), path).catch(() => undefined)
      else await this.#disk.remove(this.#path(slot)).catch(() => undefined)
    }
    return snapshot
  }

  #path(slot: Slot): string {
    return join(this.#directory, snapshotName(slot))
  }
}

/** A snapshot that arrives from a peer, from its first byte to its last. */
export class ArrivingSnapshot {
  readonly slot: Slot
  readonly sizeBytes: number
  readonly #file: DiskFile
  readonly #publish: () => Promise<StoredSnapshot>
  #arrivedBytes = 0
  #syncedBytes = 0

  constructor(slot: Slot, sizeBytes: number, file: DiskFile, publish: () => Promise<StoredSnapshot>) {
    this.slot = slot
    this.sizeBytes = sizeBytes
    this.#file = file
    this.#publish = publish
  }

  /** How much has been taken in: what comes next begins there. */
  get arrivedBytes(): number {
    return this.#arrivedBytes
  }

  get isComplete(): boolean {
    return this.#arrivedBytes === this.sizeBytes
  }

  async take(bytes: Uint8Array): Promise<void> {
    if (this.#arrivedBytes + bytes.length > this.sizeBytes)
      throw new SnapshotFault(`more than ${this.sizeBytes} bytes arrive`)
    await this.#file.write(bytes, this.#arrivedBytes)
    this.#arrivedBytes += bytes.length
    if (this.#arrivedBytes - this.#syncedBytes < SYNC_BYTES) return
    await this.#file.sync()
    this.#syncedBytes = this.#arrivedBytes
  }

  /**
   * Checks every part, and makes it the newest snapshot. Rejects with a SnapshotFault if it is not
   * what it should be.
   */
  async finish(): Promise<StoredSnapshot> {
    await this.#file.sync()
    await this.#file.close()
    return this.#publish()
  }

  async abandon(): Promise<void> {
    await this.#file.close()
  }
}

async function writeAll(
  file: DiskFile,
  header: Buffer,
  parts: Iterable<SnapshotFilePart>,
  rest: () => Promise<void> | undefined,
): Promise<number> {
  const writer = new Writer(WRITE_BYTES)
  let [sizeBytes, syncedBytes, frames] = [0, 0, 0]
  const write = async () => {
    const bytes = writer.take()
    await file.write(bytes, sizeBytes)
    sizeBytes += bytes.length
    if (sizeBytes - syncedBytes >= SYNC_BYTES) {
      await file.sync()
      syncedBytes = sizeBytes
    }
    await rest()
  }
  writer.raw(header)
  for (const part of parts) {
    writePart(writer, part)
    frames++
    if (writer.length >= WRITE_BYTES) await write()
  }
  writeEnd(writer, frames)
  await write()
  // What was in the file before may be longer.
  await file.truncate(sizeBytes)
  await file.sync()
  return sizeBytes
}

/** Reads all of it, and answers its size. Throws a SnapshotFault. */
async function verify(disk: Disk, path: string, owner: SnapshotOwner, slot: Slot): Promise<number> {
  const header = await readHeader(disk, path)
  checkOwner(header, owner)
  if (header.slot !== slot) throw new SnapshotFault(`it is of slot ${header.slot}, not of slot ${slot}`)
  const parts = readParts(disk, path)
  while ((await parts.next()).done !== true);
  return disk.size(path)
}

/**
 * It is not damage: a peer's snapshot in its place would throw away what the other version goes on
 * from.
 */
function otherVersion(directory: string, name: string, { message }: OtherVersion): SynodError {
  return new SynodError(
    'journal-damaged',
    `the data directory ${directory} is of another version of Synod: ${name}: ${message}; ` +
      `nothing in it was changed: start the server with the version of Synod that wrote it`,
  )
}

function checkOwner(found: SnapshotOwner, owner: SnapshotOwner): void {
  if (found.cluster !== owner.cluster || found.clusterId !== owner.clusterId) {
    const [its, own] = [found, owner].map(
      ({ cluster, clusterId }) => `'${cluster}' (${clusterId ?? 'no id'})`,
    )
    throw new SnapshotFault(`it belongs to cluster ${its}, not to ${own}`)
  }
  const difference = parameterDifference(owner.parameters, found.parameters)
  if (difference !== undefined)
    throw new SnapshotFault(`it is of a cluster with ${difference.theirs}, not with ${difference.ours}`)
}
