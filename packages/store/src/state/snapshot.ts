import { MalformedError, Reader } from 'synod/internal/bytes/reader.js'
import { Writer } from 'synod/internal/bytes/writer.js'
import { readKey, readLease, readOptional, writeKey, writeLease, writeOptional } from '../codec/fields.js'
import type { KeyRecord, KeySpaceOptions } from '../keys/key-space.js'
import type { LeaseId } from '../keys/key-value.js'
import { RestoredKeys } from '../keys/restored-keys.js'
import { LeaseClock } from '../leases/lease-clock.js'
import { type Lease, Leases } from '../leases/leases.js'
import { Quota } from './quota.js'
import type { StoreState } from './state.js'

/** A chunk is cut when it has this many bytes. */
const CHUNK_BYTES = 64 << 10

// A chunk is of one kind, and holds entries up to its end.
const HEAD = 1
const LEASES = 2
const KEYS = 3

const FORMAT = 1

/** The state as of this call, in chunks that are made one by one. */
export function* snapshotOf(state: StoreState): Generator<Uint8Array, void, undefined> {
  const head = encodeHead(state)
  const leases = state.leases.snapshot()
  const frozen = state.keys.freeze()
  try {
    yield head
    yield* chunksOf(LEASES, leases, writeLeaseEntry)
    yield* chunksOf(KEYS, frozen.records(), writeRecord)
  } finally {
    frozen.close()
    leases.return?.()
  }
}

function* chunksOf<T>(
  kind: number,
  entries: Iterable<T>,
  write: (writer: Writer, entry: T) => void,
): Generator<Uint8Array, void, undefined> {
  const writer = new Writer(2 * CHUNK_BYTES)
  writer.u8(kind)
  for (const entry of entries) {
    write(writer, entry)
    if (writer.length < CHUNK_BYTES) continue
    yield writer.take()
    writer.u8(kind)
  }
  if (writer.length > 1) yield writer.take()
}

function encodeHead({ clock, keys, quota }: StoreState): Uint8Array {
  const writer = new Writer()
  writer.u8(HEAD)
  writer.u8(FORMAT)
  writer.f64(clock.nowMs)
  writer.f64(clock.stampMs)
  writer.varint(quota.bytes)
  writer.boolean(quota.isFull)
  writer.varint(keys.revision)
  writer.varint(keys.compacted)
  writeOptional(writer, keys.oldest, ({ part, revision }) => {
    writer.varint(revision)
    writer.varint(part)
  })
  return writer.view()
}

function writeLeaseEntry(writer: Writer, [id, { deadlineMs, ttlSeconds }]: [LeaseId, Lease]): void {
  writeLease(writer, id)
  writer.varint(ttlSeconds)
  writer.f64(deadlineMs)
}

function writeRecord(writer: Writer, record: KeyRecord): void {
  writeKey(writer, record.key)
  writer.varint(record.revision)
  writer.varint(record.part)
  writer.varint(record.created)
  writer.varint(record.version)
  writeLease(writer, record.lease)
  writeOptional(writer, record.value, (value) => {
    writer.bytes(value)
  })
}

/** The state that a snapshot tells. Rejects with a MalformedError. */
export async function restoreStore(
  chunks: AsyncIterable<Uint8Array>,
  options: KeySpaceOptions,
): Promise<StoreState> {
  let restoration: Restoration | undefined
  for await (const chunk of chunks) {
    const reader = new Reader(chunk)
    const kind = reader.u8()
    if (restoration === undefined && kind === HEAD) restoration = new Restoration(reader, options)
    else if (restoration === undefined) throw new MalformedError('a snapshot without a head')
    else if (kind === LEASES) while (reader.remaining > 0) restoration.addLease(reader)
    else if (kind === KEYS) while (reader.remaining > 0) restoration.addRecord(reader)
    else throw new MalformedError(`no chunk has the kind ${kind}`)
  }
  if (restoration === undefined) throw new MalformedError('an empty snapshot')
  return restoration.end()
}

class Restoration {
  readonly #clock: LeaseClock
  readonly #leases: Leases
  readonly #quota: Quota
  readonly #keys: RestoredKeys

  constructor(reader: Reader, options: KeySpaceOptions) {
    const format = reader.u8()
    if (format !== FORMAT) throw new MalformedError(`the store has format ${format}, not ${FORMAT}`)
    this.#clock = new LeaseClock({ nowMs: reader.f64(), stampMs: reader.f64() })
    this.#leases = new Leases(this.#clock)
    this.#quota = new Quota({ bytes: reader.varint(), isFull: reader.boolean() })
    const [revision, compacted] = [reader.varint(), reader.varint()]
    const readChange = () => ({ revision: reader.varint(), part: reader.varint() })
    const oldest = readOptional(reader, readChange, undefined)
    reader.end()
    this.#keys = new RestoredKeys({ revision, compacted, oldest }, options, (key, lease) => {
      if (!this.#leases.has(lease)) throw new MalformedError('a key with a lease that is not there')
      this.#leases.attach(lease, key)
    })
  }

  addLease(reader: Reader): void {
    const id = readLease(reader)
    if (this.#leases.has(id)) throw new MalformedError('a lease twice')
    this.#leases.restore(id, { ttlSeconds: reader.varint(), deadlineMs: reader.f64() })
  }

  addRecord(reader: Reader): void {
    this.#keys.add({
      key: readKey(reader),
      revision: reader.varint(),
      part: reader.varint(),
      created: reader.varint(),
      version: reader.varint(),
      lease: readLease(reader),
      value: readOptional(reader, () => reader.bytes(), undefined),
    })
  }

  end(): StoreState {
    return { keys: this.#keys.end(), clock: this.#clock, leases: this.#leases, quota: this.#quota }
  }
}
