import { copyBytes } from 'synod/internal/bytes/copy-bytes.js'

/**
 * Where a record stands: its offset in the heap in units of 8 bytes, from 1. 0 stands for none.
 */
export type RecordRef = number

export const NONE: RecordRef = 0

/** What a key became in one revision. */
export interface NewRecord {
  readonly key: string
  /** Undefined for a deletion. */
  readonly value: Uint8Array | undefined
  readonly revision: number
  /** Which change of its revision it is, from 0. */
  readonly part: number
  /** The revision that created the key. */
  readonly created: number
  /** How often the key was put since then. */
  readonly version: number
  /** A small number for the lease; 0 for none. */
  readonly lease: number
  /** The record of the key before this one. */
  readonly previous: RecordRef
}

// A record: previous (u32), size of the value (u32), revision (u48), size of the key (u16), flags
// (u8), the fields that the flags name, key, value. It begins at a multiple of 8 bytes.
const VALUE_SIZE_WORD = 1
const REVISION_WORD = 2
const KEY_SIZE_WORD = 3
const FLAGS_BYTE = 16
const HEAD_BYTES = 17

const DELETION = 1
/** Created (u48) and version (u48) follow; without it the record is the first one of its key. */
const HAS_VERSION = 2
/** Lease (u32) follows. */
const HAS_LEASE = 4
/** Part (u32) follows; without it the part is 0. */
const HAS_PART = 8

const VERSION_BYTES = 12
const LEASE_BYTES = 4
const PART_BYTES = 4

/** Where the key begins in a record, by its flags. */
const KEY_OFFSETS = Array.from(
  { length: 16 },
  (_, flags) =>
    HEAD_BYTES +
    ((flags & HAS_VERSION) === 0 ? 0 : VERSION_BYTES) +
    ((flags & HAS_LEASE) === 0 ? 0 : LEASE_BYTES) +
    ((flags & HAS_PART) === 0 ? 0 : PART_BYTES),
)

const UNIT_BYTES = 8
const WORDS_PER_UNIT = 2
const TWO_POW_32 = 2 ** 32

/** The size of a block unless told otherwise. */
const BLOCK_BYTES = 1 << 20

/** A call to write text costs as much as to write this many characters one by one. */
const LONG_KEY_BYTES = 64

/** Records in one piece of memory, one behind the other. */
interface Block {
  readonly bytes: Buffer
  readonly words: Uint32Array
  /** How many units of the heap's space it takes: a large record has a block of its own. */
  readonly units: number
  usedBytes: number
  liveBytes: number
}

/**
 * The records of all keys, packed into blocks: ten million records as objects would take three
 * times the memory, and the garbage collector would walk over them again and again. A record is
 * never changed, apart from where the one before it stands.
 */
export class RecordHeap {
  /** By the number of the first unit, divided by the units of a normal block. */
  readonly #blocks: (Block | undefined)[] = []
  readonly #blockUnits: number
  readonly #shift: number
  #current: Block | undefined
  #currentIndex = -1
  readonly #freeIndexes: number[] = []
  #liveBytes = 0
  #usedBytes = 0

  /** `blockBytes` is a power of two, from 64. */
  constructor(blockBytes = BLOCK_BYTES) {
    this.#blockUnits = blockBytes / UNIT_BYTES
    this.#shift = Math.log2(this.#blockUnits)
    if (!Number.isInteger(this.#shift) || blockBytes < 64)
      throw new RangeError(`a block of ${blockBytes} bytes`)
  }

  get blockBytes(): number {
    return this.#blockUnits * UNIT_BYTES
  }

  /** The bytes of the records that are in use. */
  get liveBytes(): number {
    return this.#liveBytes
  }

  /** The bytes of all blocks, as far as they are filled. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  append(record: NewRecord): RecordRef {
    const { created, key, lease, part, previous, revision, value, version } = record
    const hasVersion = value !== undefined && (version !== 1 || created !== revision)
    let flags = value === undefined ? DELETION : 0
    let size = HEAD_BYTES + key.length + (value?.length ?? 0)
    if (hasVersion) {
      flags |= HAS_VERSION
      size += VERSION_BYTES
    }
    if (lease !== 0) {
      flags |= HAS_LEASE
      size += LEASE_BYTES
    }
    if (part !== 0) {
      flags |= HAS_PART
      size += PART_BYTES
    }
    const ref = this.#allocate(size)
    const { bytes, words } = this.#blockOf(ref)
    const word = this.#wordOf(ref)
    words[word] = previous
    words[word + VALUE_SIZE_WORD] = value?.length ?? 0
    words[word + REVISION_WORD] = revision % TWO_POW_32
    words[word + KEY_SIZE_WORD] = Math.floor(revision / TWO_POW_32) + (key.length << 16)
    let at = word * 4 + FLAGS_BYTE
    bytes[at++] = flags
    if (hasVersion) {
      bytes.writeUIntLE(created, at, 6)
      bytes.writeUIntLE(version, at + 6, 6)
      at += VERSION_BYTES
    }
    if (lease !== 0) at = bytes.writeUInt32LE(lease, at)
    if (part !== 0) at = bytes.writeUInt32LE(part, at)
    at = writeKey(bytes, at, key)
    if (value !== undefined) copyBytes(value, bytes, at)
    return ref
  }

  previous(ref: RecordRef): RecordRef {
    return this.#word(ref, 0)
  }

  setPrevious(ref: RecordRef, previous: RecordRef): void {
    this.#blockOf(ref).words[this.#wordOf(ref)] = previous
  }

  revision(ref: RecordRef): number {
    return this.#word(ref, REVISION_WORD) + (this.#word(ref, KEY_SIZE_WORD) & 0xffff) * TWO_POW_32
  }

  part(ref: RecordRef): number {
    const flags = this.#flags(ref)
    if ((flags & HAS_PART) === 0) return 0
    const { bytes } = this.#blockOf(ref)
    return bytes.readUInt32LE(this.#keyAt(ref, flags) - PART_BYTES)
  }

  isDeletion(ref: RecordRef): boolean {
    return (this.#flags(ref) & DELETION) !== 0
  }

  created(ref: RecordRef): number {
    if ((this.#flags(ref) & HAS_VERSION) === 0) return this.revision(ref)
    return this.#blockOf(ref).bytes.readUIntLE(this.#wordOf(ref) * 4 + HEAD_BYTES, 6)
  }

  version(ref: RecordRef): number {
    if ((this.#flags(ref) & HAS_VERSION) === 0) return 1
    return this.#blockOf(ref).bytes.readUIntLE(this.#wordOf(ref) * 4 + HEAD_BYTES + 6, 6)
  }

  lease(ref: RecordRef): number {
    const flags = this.#flags(ref)
    if ((flags & HAS_LEASE) === 0) return 0
    const before = (flags & HAS_VERSION) === 0 ? 0 : VERSION_BYTES
    return this.#blockOf(ref).bytes.readUInt32LE(this.#wordOf(ref) * 4 + HEAD_BYTES + before)
  }

  key(ref: RecordRef): string {
    const at = this.#keyAt(ref, this.#flags(ref))
    return this.#blockOf(ref).bytes.toString('latin1', at, at + this.keyBytes(ref))
  }

  /** Negative where the record's key comes before this one, positive after it, 0 where it is it. */
  compareKey(ref: RecordRef, key: string): number {
    const { bytes, words } = this.#blockOf(ref)
    const word = this.#wordOf(ref)
    const at = word * 4 + (KEY_OFFSETS[bytes[word * 4 + FLAGS_BYTE] ?? 0] ?? 0)
    const size = (words[word + KEY_SIZE_WORD] ?? 0) >>> 16
    const common = Math.min(size, key.length)
    for (let i = 0; i < common; i++) {
      const difference = (bytes[at + i] ?? 0) - key.charCodeAt(i)
      if (difference !== 0) return difference
    }
    return size - key.length
  }

  /** A copy: records move. */
  value(ref: RecordRef): Uint8Array {
    const at = this.#keyAt(ref, this.#flags(ref)) + this.keyBytes(ref)
    return new Uint8Array(this.#blockOf(ref).bytes.subarray(at, at + this.valueSize(ref)))
  }

  /** As `Buffer.compare` of the record's value with another one. */
  compareValue(ref: RecordRef, value: Uint8Array): number {
    const at = this.#keyAt(ref, this.#flags(ref)) + this.keyBytes(ref)
    return this.#blockOf(ref).bytes.compare(value, 0, value.length, at, at + this.valueSize(ref))
  }

  /** As `Buffer.compare` of two records' values. */
  compareValues(ref: RecordRef, other: RecordRef): number {
    const at = this.#keyAt(other, this.#flags(other)) + this.keyBytes(other)
    const { bytes } = this.#blockOf(other)
    return this.compareValue(ref, bytes.subarray(at, at + this.valueSize(other)))
  }

  valueSize(ref: RecordRef): number {
    return this.#word(ref, VALUE_SIZE_WORD)
  }

  keyBytes(ref: RecordRef): number {
    return this.#word(ref, KEY_SIZE_WORD) >>> 16
  }

  /** Of key and value. */
  contentBytes(ref: RecordRef): number {
    return this.keyBytes(ref) + this.valueSize(ref)
  }

  /** Nothing asks for this record any more. */
  free(ref: RecordRef): void {
    const size = this.#size(ref)
    this.#liveBytes -= size
    this.#blockOf(ref).liveBytes -= size
  }

  /**
   * The block that gives back the most space for what has to be moved: its records, in the order in
   * which they stand. Undefined where no block is less than half in use. When all that are in use
   * have been moved, `drop` gives its memory back.
   */
  leastUsedBlock(): { readonly block: number; readonly refs: Iterable<RecordRef> } | undefined {
    let least = -1
    let leastShare = 0.5
    for (const [index, block] of this.#blocks.entries()) {
      if (block === undefined || block === this.#current) continue
      const share = block.liveBytes / block.bytes.length
      if (share >= leastShare) continue
      least = index
      leastShare = share
    }
    return least < 0 ? undefined : { block: least, refs: this.#refsIn(least) }
  }

  /** Puts a copy of a record behind all others. */
  move(ref: RecordRef): RecordRef {
    const size = this.#size(ref)
    const { bytes: from } = this.#blockOf(ref)
    const start = this.#wordOf(ref) * 4
    const moved = this.#allocate(size)
    copyBytes(from.subarray(start, start + size), this.#blockOf(moved).bytes, this.#wordOf(moved) * 4)
    return moved
  }

  /** Gives back the memory of a block in which nothing is in use. */
  drop(index: number): void {
    const block = this.#blocks[index]
    if (block === undefined) return
    this.#liveBytes -= block.liveBytes
    this.#usedBytes -= block.usedBytes
    this.#blocks[index] = undefined
    for (let unit = 0; unit < block.units; unit += this.#blockUnits)
      this.#freeIndexes.push(index + unit / this.#blockUnits)
  }

  *#refsIn(index: number): Generator<RecordRef> {
    const block = this.#blocks[index]
    if (block === undefined) return
    for (let at = 0; at < block.usedBytes;) {
      const ref = index * this.#blockUnits + at / UNIT_BYTES + 1
      at += this.#size(ref)
      yield ref
    }
  }

  #allocate(sizeBytes: number): RecordRef {
    const size = Math.ceil(sizeBytes / UNIT_BYTES) * UNIT_BYTES
    let block = this.#current
    let index = this.#currentIndex
    if (block === undefined || block.usedBytes + size > block.bytes.length) {
      ;({ block, index } = this.#newBlock(size))
    }
    const ref = index * this.#blockUnits + block.usedBytes / UNIT_BYTES + 1
    block.usedBytes += size
    block.liveBytes += size
    this.#usedBytes += size
    this.#liveBytes += size
    return ref
  }

  /** A record that is larger than a block has one of its own, which takes the space of several. */
  #newBlock(sizeBytes: number): { block: Block; index: number } {
    const { blockBytes } = this
    const isLarge = sizeBytes > blockBytes
    const places = Math.ceil(sizeBytes / blockBytes)
    const bytes = Buffer.allocUnsafeSlow(isLarge ? sizeBytes : blockBytes)
    const words = new Uint32Array(bytes.buffer)
    const block = { bytes, words, units: places * this.#blockUnits, usedBytes: 0, liveBytes: 0 }
    const index = isLarge ? this.#blocks.length : (this.#freeIndexes.pop() ?? this.#blocks.length)
    this.#blocks[index] = block
    for (let more = 1; more < places; more++) this.#blocks[index + more] = undefined
    if (!isLarge) {
      this.#current = block
      this.#currentIndex = index
    }
    return { block, index }
  }

  #blockOf(ref: RecordRef): Block {
    const block = this.#blocks[(ref - 1) >>> this.#shift]
    if (block === undefined) throw new RangeError(`there is no record at ${ref}`)
    return block
  }

  #wordOf(ref: RecordRef): number {
    return ((ref - 1) & (this.#blockUnits - 1)) * WORDS_PER_UNIT
  }

  #word(ref: RecordRef, index: number): number {
    return this.#blockOf(ref).words[this.#wordOf(ref) + index] ?? 0
  }

  #flags(ref: RecordRef): number {
    return this.#blockOf(ref).bytes[this.#wordOf(ref) * 4 + FLAGS_BYTE] ?? 0
  }

  #keyAt(ref: RecordRef, flags: number): number {
    return this.#wordOf(ref) * 4 + (KEY_OFFSETS[flags] ?? 0)
  }

  #size(ref: RecordRef): number {
    const end = this.#keyAt(ref, this.#flags(ref)) + this.contentBytes(ref)
    const bytes = end - this.#wordOf(ref) * 4
    return Math.ceil(bytes / UNIT_BYTES) * UNIT_BYTES
  }
}

/** Returns where it ends. */
function writeKey(bytes: Buffer, at: number, key: string): number {
  if (key.length >= LONG_KEY_BYTES) return at + bytes.write(key, at, 'latin1')
  for (let i = 0; i < key.length; i++) bytes[at + i] = key.charCodeAt(i)
  return at + key.length
}
