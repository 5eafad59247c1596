import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { MessageType } from 'synod/internal/paxos/messages.js'
import type { Transit, TransitOf } from './observer.js'

/** The messages under way between the servers of a cluster, and the links that lose theirs. */
export class ClusterNetwork {
  /** The messages under way, in the order in which they left. */
  transits: Transit[] = []
  /** Messages between these servers, in this direction, are lost: "1>2". */
  readonly cut = new Set<string>()
  /** How many messages of each type have left their sender. */
  readonly sent = new Map<MessageType, number>()
  readonly #ids: () => readonly ServerId[]
  readonly #onLost: (transit: Transit) => void

  /** `onLost` is called for each message that is taken off the network for good. */
  constructor(ids: () => readonly ServerId[], onLost: (transit: Transit) => void) {
    this.#ids = ids
    this.#onLost = onLost
  }

  count({ type }: Transit['message']): void {
    this.sent.set(type, (this.sent.get(type) ?? 0) + 1)
  }

  /** The messages of this type under way. */
  underWay<T extends MessageType>(type: T): TransitOf<T>[] {
    return this.transits.filter((transit): transit is TransitOf<T> => transit.message.type === type)
  }

  /** Loses every message of this kind. Returns those lost. */
  lose(type: MessageType, where: (transit: Transit) => boolean = () => true): Transit[] {
    const gone = this.transits.filter((transit) => transit.message.type === type && where(transit))
    this.drop(gone)
    return gone
  }

  /** Takes these messages off the network for good. */
  drop(transits: readonly Transit[]): void {
    const gone = new Set(transits)
    this.transits = this.transits.filter((transit) => !gone.has(transit))
    for (const transit of gone) this.#onLost(transit)
  }

  /** Takes the messages from and to a server that has left off the network; nothing is told. */
  forget(id: ServerId): void {
    this.transits = this.transits.filter(({ from, to }) => from !== id && to !== id)
  }

  /** Cuts a server off from these peers, both ways. */
  isolate(id: ServerId, peers: readonly ServerId[] = this.#ids()): void {
    for (const peer of peers) {
      this.cut.add(`${id}>${peer}`)
      this.cut.add(`${peer}>${id}`)
    }
  }

  isCut(from: ServerId, to: ServerId): boolean {
    return this.cut.has(`${from}>${to}`)
  }

  heal(): void {
    this.cut.clear()
  }
}
