import { type Linked, LinkedList } from '../linked-list.js'

/** What an item costs besides its bytes. */
const ITEM_BYTES = 1024

/** How many small items an owner has when its turn comes. */
const ITEMS_IN_TURN = 2

/** An item that waits on behalf of an owner. */
export interface Owned<Item> extends Linked<Item> {
  readonly owner: object
}

/** What waits of one owner, in the order of arrival. */
interface Line<Item extends Owned<Item>> extends Linked<Line<Item>> {
  readonly items: LinkedList<Item>
  creditBytes: number
}

/**
 * A queue in which owners take turns, so that one who asks for little does not wait for all that
 * others have asked for before. (Deficit round robin: M. Shreedhar, G. Varghese, Efficient Fair
 * Queueing Using Deficit Round Robin, 1995.)
 */
export class FairQueue<Item extends Owned<Item>> {
  readonly #sizeOf: (item: Item) => number
  readonly #lines = new WeakMap<object, Line<Item>>()
  /** Of what waits: whose turn it is next comes first. */
  readonly #turns = new LinkedList<Line<Item>>()
  readonly #quantumBytes: number
  #sizeBytes = 0

  /** `sizeOf` tells the bytes of an item. In its turn an owner has `itemsInTurn` small ones. */
  constructor(sizeOf: (item: Item) => number, itemsInTurn = ITEMS_IN_TURN) {
    this.#sizeOf = sizeOf
    this.#quantumBytes = itemsInTurn * ITEM_BYTES
  }

  /** Of all items. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  get isEmpty(): boolean {
    return this.#turns.first === undefined
  }

  add(item: Item): void {
    const { owner } = item
    let line = this.#lines.get(owner)
    if (line === undefined) {
      line = { items: new LinkedList(), creditBytes: 0, before: undefined, after: undefined }
      this.#lines.set(owner, line)
    }
    if (line.items.first === undefined) {
      line.creditBytes = this.#quantumBytes
      this.#turns.append(line)
    }
    line.items.append(item)
    this.#sizeBytes += this.#sizeOf(item)
  }

  /** It must be in the queue. */
  remove(item: Item): void {
    const line = this.#lines.get(item.owner)
    if (line === undefined) return
    line.items.remove(item)
    this.#sizeBytes -= this.#sizeOf(item)
    if (line.items.first === undefined) this.#turns.remove(line)
  }

  /** Takes at most `most` items, until they have `mostBytes` bytes. */
  take(most: number, mostBytes: number): Item[] {
    const taken: Item[] = []
    let bytes = 0
    while (taken.length < most && bytes < mostBytes) {
      const line = this.#turns.first
      const item = line?.items.first
      if (line === undefined || item === undefined) break
      const size = this.#sizeOf(item)
      if (ITEM_BYTES + size > line.creditBytes) {
        line.creditBytes += this.#quantumBytes
        this.#turns.remove(line)
        this.#turns.append(line)
        continue
      }
      line.creditBytes -= ITEM_BYTES + size
      bytes += size
      taken.push(item)
      this.remove(item)
    }
    return taken
  }

  /** Takes everything, each owner's in its order. */
  takeAll(): Item[] {
    return this.take(Infinity, Infinity)
  }
}
