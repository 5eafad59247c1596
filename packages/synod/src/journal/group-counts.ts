import type { AcceptorId } from './identity.js'
import type { AcceptorGroupCount } from './record-codec.js'

/**
 * How far the journals of other acceptors have come, as this server has heard: the number of the
 * last group that each has made durable. A server that comes back with fewer groups has lost some.
 */
export class GroupCounts {
  readonly #heard: Map<AcceptorId, number>
  /** Acceptors whose group count has grown since it was last taken to be written. */
  readonly #grown = new Set<AcceptorId>()

  /** `recovered`: what the journal says of them. */
  constructor(recovered: ReadonlyMap<AcceptorId, number>) {
    this.#heard = new Map(recovered)
  }

  get all(): AcceptorGroupCount[] {
    return [...this.#heard].map(([acceptor, groupCount]) => ({ acceptor, groupCount }))
  }

  /** The highest group count heard of this acceptor; 0 if none was. */
  of(acceptor: AcceptorId): number {
    return this.#heard.get(acceptor) ?? 0
  }

  record(acceptor: AcceptorId, groupCount: number): void {
    if (groupCount <= this.of(acceptor)) return
    this.#heard.set(acceptor, groupCount)
    this.#grown.add(acceptor)
  }

  /** What was heard of acceptors that are members no more is of no use. */
  keepIf(isMember: (acceptor: AcceptorId) => boolean): void {
    for (const acceptor of this.#heard.keys()) {
      if (isMember(acceptor)) continue
      this.#heard.delete(acceptor)
      this.#grown.delete(acceptor)
    }
  }

  /** What is to be written with the next group: all of them, or the ones that have grown. */
  take(isAll: boolean): AcceptorGroupCount[] {
    const taken = isAll ? this.all : this.all.filter(({ acceptor }) => this.#grown.has(acceptor))
    this.#grown.clear()
    return taken
  }
}
