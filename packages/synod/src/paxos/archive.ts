import type { Slot } from './ballot.js'
import type { Value } from './value.js'

/** A snapshot frees many blocks at once, and they are soon used again. */
const FREE_BLOCKS_KEPT = 64

const WORD_BYTES = 8

interface Block {
  readonly bytes: Uint8Array
  usedBytes: number
  /** The last slot of which it holds a value. */
  last: Slot
}

/** Where an archive holds a value. */
export interface ArchivedValue {
  readonly bytes: Uint8Array
  readonly start: number
  readonly length: number
}

/**
 * Values of slots in order, in memory that is used again: as arrays of their own, each would get
 * old, and only a collection of the whole heap would free it. Only copies are handed out.
 */
export class Archive {
  /** In the order of their slots. */
  readonly #blocks: Block[] = []
  readonly #free: Uint8Array[] = []
  readonly #blockBytes: number

  /** `blockBytes` is the size of a block, unless a value needs more. */
  constructor(blockBytes: number) {
    this.#blockBytes = blockBytes
  }

  /** The slots must be in order. */
  put(slot: Slot, value: Value): ArchivedValue {
    // Both begin alike within a word: otherwise V8 copies shared memory byte by byte, which takes
    // 7 × the time.
    const offset = value.byteOffset % WORD_BYTES
    let block = this.#blocks.at(-1)
    let start = startOf(block, offset)
    if (block === undefined || start + value.length > block.bytes.length) {
      block = { bytes: this.#take(offset + value.length), usedBytes: 0, last: slot }
      this.#blocks.push(block)
      start = offset
    }
    block.bytes.set(value, start)
    block.usedBytes = start + value.length
    block.last = slot
    return { bytes: block.bytes, start, length: value.length }
  }

  /** A copy of a value that was put in, and has not been dropped. */
  read({ bytes, length, start }: ArchivedValue): Value {
    return new Uint8Array(bytes.subarray(start, start + length))
  }

  /** Drops the values of the slots up to this one. */
  drop(slot: Slot): void {
    for (let [first] = this.#blocks; first !== undefined && first.last <= slot; [first] = this.#blocks) {
      this.#blocks.shift()
      if (first.bytes.length === this.#blockBytes && this.#free.length < FREE_BLOCKS_KEPT)
        this.#free.push(first.bytes)
    }
  }

  #take(sizeBytes: number): Uint8Array {
    if (sizeBytes > this.#blockBytes) return new Uint8Array(sizeBytes)
    return this.#free.pop() ?? new Uint8Array(this.#blockBytes)
  }
}

/** The first free place of a block that is at this offset within a word. */
function startOf(block: Block | undefined, offset: number): number {
  const usedBytes = block?.usedBytes ?? 0
  return usedBytes + ((offset - (usedBytes % WORD_BYTES) + WORD_BYTES) % WORD_BYTES)
}
