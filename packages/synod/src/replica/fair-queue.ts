import { type Linked, LinkedList } from '../linked-list.js'

/** When its turn comes, an owner has so many requests proposed, or the first few of so many bytes. */
const SHARE = 16
const SHARE_BYTES = 64 * 1024

/** A request as the queue sees it. */
interface Queued<Item> extends Linked<Item> {
  readonly owner: object
  readonly value: Uint8Array
}

/** The requests of one owner that have yet to be proposed, in the order of arrival. */
interface Line<Item extends Queued<Item>> {
  readonly owner: object
  readonly requests: LinkedList<Item>
}

/**
 * What is to be proposed next. Those who ask take turns, so that one who asks for little does not wait for all that others have asked
 * for before. (Round robin with a quantum: M. Shreedhar, G. Varghese, Efficient Fair Queueing Using Deficit Round Robin, 1995.)
 */
export class ProposalQueue<Item extends Queued<Item>> {
  readonly #lines = new Map<object, Line<Item>>()
  /** Whose turn it is next comes first. */
  #turns: Line<Item>[] = []

  add(waiting: Item): void {
    let line = this.#lines.get(waiting.owner)
    if (line === undefined) {
      line = { owner: waiting.owner, requests: new LinkedList() }
      this.#lines.set(waiting.owner, line)
      this.#turns.push(line)
    }
    line.requests.append(waiting)
  }

  /** It must be in the queue. */
  remove(waiting: Item): void {
    this.#lines.get(waiting.owner)?.requests.remove(waiting)
  }

  /** Takes at most so many, until there are as many bytes of them. */
  take(most: number, most_bytes: number): Item[] {
    const taken: Item[] = []
    let bytes = 0
    while (taken.length < most && bytes < most_bytes) {
      const line = this.#turns.shift()
      if (line === undefined) break
      const before = bytes
      for (let count = 0; count < SHARE && bytes - before < SHARE_BYTES; count++) {
        const { first } = line.requests
        if (first === undefined || taken.length >= most || bytes >= most_bytes) break
        line.requests.remove(first)
        bytes += first.value.length
        taken.push(first)
      }
      if (line.requests.first === undefined) this.#lines.delete(line.owner)
      else this.#turns.push(line)
    }
    return taken
  }

  /** Takes everything, each owner's in its order. */
  takeAll(): Item[] {
    return this.take(Infinity, Infinity)
  }
}
