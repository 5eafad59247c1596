import type { ClusterId } from '../cluster/cluster-id.js'
import type { PeerHello, PeerWelcome } from '../net/hello.js'
import type { ServerId } from '../paxos/ballot.js'
import type { Agreement } from './agreement.js'
import type { Inbox } from './inbox.js'
import type { Settings } from './options.js'

/**
 * How the servers that found a cluster meet, once. A founder votes only when all others have
 * written down the same acceptors: a server that lost its disk, and its votes, is always refused.
 */
export class Founders {
  readonly #settings: Settings
  readonly #agreement: Agreement
  readonly #inbox: Inbox
  /** The welcome of each server that this one is connected to. */
  readonly #welcomed: ReadonlyMap<ServerId, PeerWelcome>
  /**
   * The founders that have written down which acceptors the cluster has, and the id that follows
   * from these.
   */
  readonly #written = new Map<ServerId, ClusterId>()
  /** The members that this server cannot join through; it warns of each once. */
  readonly #warned = new Set<ServerId>()

  constructor(
    settings: Settings,
    agreement: Agreement,
    welcomed: ReadonlyMap<ServerId, PeerWelcome>,
    inbox: Inbox,
  ) {
    this.#settings = settings
    this.#agreement = agreement
    this.#welcomed = welcomed
    this.#inbox = inbox
  }

  /** The servers that the cluster waits for, before it has formed. */
  get missing(): ServerId[] {
    const { acceptors, clusterId, founders } = this.#agreement
    if (acceptors === null) return founders.filter((server) => !this.#welcomed.has(server))
    return founders.filter((server) => this.#written.get(server) !== clusterId)
  }

  /** A peer has welcomed this server. */
  onWelcome(welcome: PeerWelcome): void {
    this.completeIfAll()
    this.#joinIfMember(welcome)
    this.onHandshake(welcome)
  }

  /** A peer says in its handshake which cluster it has written down. */
  onHandshake({ clusterId, server }: PeerHello | PeerWelcome): void {
    if (clusterId === null || !this.#agreement.founders.includes(server)) return
    this.#written.set(server, clusterId)
    this.formIfAllWritten()
  }

  formIfAllWritten(): void {
    const { acceptors, clusterId } = this.#agreement
    if (clusterId !== null && acceptors !== null && this.missing.length === 0)
      this.#inbox.post({ type: 'formed', founding: { clusterId, acceptors } })
  }

  completeIfAll(): void {
    const { acceptors, joins } = this.#agreement
    if (acceptors === null && !joins && this.missing.length === 0)
      this.#inbox.post({ type: 'complete', founding: this.#agreement.found(this.#welcomed) })
  }

  /** A server that joins learns the id of its cluster from one that it was told to ask. */
  #joinIfMember({ clusterId, server }: PeerWelcome): void {
    const { acceptors, joins } = this.#agreement
    if (!joins || acceptors !== null || clusterId === null) return
    if (this.#settings.addresses.has(server)) {
      this.#inbox.post({ type: 'complete', founding: this.#agreement.join(clusterId) })
    } else if (!this.#warned.has(server)) {
      this.#warned.add(server)
      this.#settings.logger.warn(
        { peer: server },
        `s${server} is a member of cluster '${this.#settings.clusterName}' and not in the list of servers: ` +
          `to join through it, start this server with s${server} in the list`,
      )
    }
  }
}
