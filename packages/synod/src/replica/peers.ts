import { SynodError } from '../errors.js'
import {
  type AcceptorId,
  type Identity,
  type Peers as Acceptors,
  describeQuorums,
} from '../journal/identity.js'
import type { ChannelListener } from '../net/channel-listener.js'
import type { PeerHello, PeerWelcome, Purpose } from '../net/hello.js'
import type { LinkEvents } from '../net/link.js'
import { formatAddress } from '../net/network.js'
import { type PeerLink, type SnapshotLink, openPeerLink, openSnapshotLink } from '../net/peer-link.js'
import { type AnswerSnapshot, listenForPeers } from '../net/peer-listener.js'
import type { DigestReport, PeerMessage, SnapshotRequest } from '../net/peer-messages.js'
import type { ServerId } from '../paxos/ballot.js'
import type { Message } from '../paxos/messages.js'
import type { PeerStatus } from '../status.js'
import type { Settings } from './options.js'

export interface PeersEvents {
  onMessages(from: ServerId, batch: readonly Message[]): void
  onDigest(from: ServerId, report: DigestReport): void
  onSnapshotRequest(from: ServerId, request: SnapshotRequest, answer: AnswerSnapshot): void
  /** All servers have welcomed this one: these are the acceptors of the cluster, to be written down. */
  onComplete(acceptors: Acceptors): void
  /** All servers have written that down, this one included: they may vote. */
  onFormed(): void
  onProcessGone(server: ServerId): void
  /** The others will not have this server, and it is not part of the cluster yet. */
  onRejected(error: SynodError): void
}

/**
 * The other servers: a link to each, a listener for theirs, and who they are.
 *
 * A cluster forms once. Each server waits until every other one has welcomed it, writes down all acceptors,
 * and votes only once it has heard that all others have done so too. So no server that has ever voted will take another acceptor for one that it
 * knew: one that lost its disk, and with it its promises and votes, is refused, whoever is up at the time.
 */
export class Peers {
  readonly links: ReadonlyMap<ServerId, PeerLink>
  readonly #settings: Settings
  readonly #process: number
  readonly #events: PeersEvents
  readonly #acceptor: AcceptorId
  readonly #welcomed = new Map<ServerId, AcceptorId>()
  /** The acceptors of the cluster, once all have met. */
  #acceptors: Acceptors | null
  /** This server has written them down, and these peers have. */
  #written: boolean
  readonly #peersWritten = new Set<ServerId>()
  #listener: ChannelListener | undefined

  constructor(settings: Settings, identity: Identity, events: PeersEvents) {
    const { host, id, addresses } = settings
    this.#settings = settings
    this.#events = events
    this.#acceptor = identity.acceptor
    this.#acceptors = identity.peers
    this.#written = identity.peers !== null
    this.#process = host.randomId()
    this.links = new Map(
      [...addresses]
        .filter(([server]) => server !== id)
        .map(([server, address]) => [
          server,
          openPeerLink({
            ...host,
            address,
            hello: () => this.#hello('messages'),
            judge: (welcome) => this.#objection(server, welcome),
            onUp: (welcome) => {
              this.#onUp(welcome)
            },
            onDown: (reason) => {
              // Until the cluster has formed, it may come back with an empty directory, as another acceptor.
              this.#welcomed.delete(server)
              settings.logger.warn({ peer: server, reason }, `lost the connection to s${server}: ${reason}`)
            },
            onRefused: (code, reason) => {
              this.#onRefused(server, code, reason)
            },
            onProcessGone: () => {
              settings.logger.warn({ peer: server }, `the process of s${server} is gone`)
              events.onProcessGone(server)
            },
          }),
        ]),
    )
    if (this.links.size === 0) this.#completeIfAll()
  }

  /** Rejects with `invalid-options` if it cannot listen. */
  async listen(): Promise<void> {
    const { host, listen, logger } = this.#settings
    this.#listener = await listenForPeers({
      ...host,
      address: listen,
      judge: (hello) => {
        const error = this.#refusal(hello)
        if (error !== undefined) return { type: 'refuse', code: error.code, reason: error.message }
        this.#note(hello)
        return this.#welcome()
      },
      onMessages: (from, batch) => {
        this.#events.onMessages(from, batch)
      },
      onDigest: (from, report) => {
        this.#events.onDigest(from, report)
      },
      onSnapshotRequest: (from, request, answer) => {
        this.#events.onSnapshotRequest(from, request, answer)
      },
      onRefused: (error, remote) => {
        logger.warn({ code: error.code, remote }, `refused a server at ${remote}: ${error.message}`)
      },
    })
  }

  /** Tells all peers what this replica has come to; it leaves with whatever goes next. */
  tellDigest(report: DigestReport): void {
    for (const link of this.links.values()) link.send(report)
  }

  /** Dials a peer to get a snapshot. */
  openSnapshotLink(peer: ServerId, events: LinkEvents<'peer', PeerMessage>): SnapshotLink {
    const { addresses, host } = this.#settings
    const address = addresses.get(peer)
    if (address === undefined) throw new RangeError(`there is no server s${peer}`)
    const judge = (welcome: PeerWelcome) => this.#objection(peer, welcome)
    return openSnapshotLink({ ...host, address, hello: () => this.#hello('snapshot'), judge, ...events })
  }

  /** The others, those first that are connected. */
  get inReach(): ServerId[] {
    const up = (server: ServerId) => (this.links.get(server)?.up === true ? 0 : 1)
    return [...this.links.keys()].sort((a, b) => up(a) - up(b))
  }

  /** This server has written down the acceptors: it tells the others. */
  written(): void {
    this.#written = true
    for (const link of this.links.values()) link.redial()
    this.#formIfAllWritten()
  }

  /** The servers that the cluster waits for, before it has formed. */
  get missing(): ServerId[] {
    const met = this.#acceptors === null ? this.#welcomed : this.#peersWritten
    return [...this.links.keys()].filter((server) => !met.has(server))
  }

  status(): PeerStatus[] {
    return [...this.links].map(([server, link]) => ({
      server,
      acceptor: this.#welcomed.get(server) ?? null,
      ...link.status(),
    }))
  }

  async close(): Promise<void> {
    for (const link of this.links.values()) link.close()
    await this.#listener?.close()
  }

  #hello(purpose: Purpose): PeerHello {
    const { clusterName: cluster, mode, paxos, servers } = this.#settings
    const quorums = paxos.quorums ?? null
    return { ...this.#welcome(), type: 'peer-hello', purpose, cluster, mode, quorums, members: servers }
  }

  #welcome(): PeerWelcome {
    return {
      type: 'peer-welcome',
      server: this.#settings.id,
      acceptor: this.#acceptor,
      formed: this.#written,
      process: this.#process,
    }
  }

  /** Why a server that dialled is not welcome. */
  #refusal(hello: PeerHello): SynodError | undefined {
    const { clusterName, id, mode, paxos, servers } = this.#settings
    const who = `s${id} of cluster '${clusterName}'`
    if (hello.cluster !== clusterName) {
      return new SynodError('wrong-cluster', `this is ${who}, not of cluster '${hello.cluster}'`)
    }
    if (hello.mode !== mode) {
      return new SynodError('wrong-mode', `${who} runs in ${mode} mode, not in ${hello.mode} mode`)
    }
    if (hello.server === id || !servers.includes(hello.server) || !sameMembers(hello.members, servers)) {
      const [ours, theirs] = [servers, hello.members].map((list) =>
        [...list].sort((a, b) => a - b).join(', '),
      )
      return new SynodError(
        'wrong-cluster',
        `${who} has the servers ${ours}; s${hello.server} takes part in a cluster of ${theirs}`,
      )
    }
    const [ours, theirs] = [paxos.quorums, hello.quorums ?? undefined].map(describeQuorums)
    if (ours !== theirs)
      return new SynodError('wrong-cluster', `${who} counts ${ours}; s${hello.server} counts ${theirs}`)
    return this.#stranger(hello.server, hello.acceptor)
  }

  /** Why a server that this one dialled is not the one that it looked for. */
  #objection(server: ServerId, welcome: PeerWelcome): SynodError | undefined {
    if (welcome.server !== server) {
      const address = formatAddress(this.#settings.addresses.get(server) ?? { host: '?', port: 0 })
      return new SynodError(
        'wrong-acceptor',
        `s${welcome.server} listens at ${address}, where s${server} should`,
      )
    }
    return this.#stranger(server, welcome.acceptor)
  }

  #stranger(server: ServerId, acceptor: AcceptorId): SynodError | undefined {
    const known = this.#acceptors?.[server]
    if (known === undefined || known === acceptor) return undefined
    return new SynodError(
      'wrong-acceptor',
      `s${this.#settings.id} knows s${server} as acceptor ${known}, not as ${acceptor}: its data directory was ` +
        `emptied or replaced. It may have voted, and forgotten that: it cannot take part as the old one. ` +
        `Start it on its old data directory; if that is lost, the server has to be replaced by a new one.`,
    )
  }

  #onUp(welcome: PeerWelcome): void {
    const { logger } = this.#settings
    logger.info({ peer: welcome.server }, `connected to s${welcome.server}`)
    this.#welcomed.set(welcome.server, welcome.acceptor)
    this.#completeIfAll()
    this.#note(welcome)
  }

  /** What a peer says of itself in its handshake. */
  #note({ formed, server }: PeerHello | PeerWelcome): void {
    if (!formed || this.#peersWritten.has(server)) return
    this.#peersWritten.add(server)
    this.#formIfAllWritten()
  }

  #formIfAllWritten(): void {
    if (this.#written && this.#peersWritten.size === this.links.size) this.#events.onFormed()
  }

  #completeIfAll(): void {
    const { id } = this.#settings
    if (this.#acceptors !== null || this.missing.length > 0) return
    this.#acceptors = Object.fromEntries([...this.#welcomed, [id, this.#acceptor]])
    this.#events.onComplete(this.#acceptors)
  }

  #onRefused(server: ServerId, code: SynodError['code'], reason: string): void {
    this.#settings.logger.error({ peer: server, code }, `s${server} and this server do not agree: ${reason}`)
    this.#welcomed.delete(server)
    // What was said in another protocol may have been garbled on the way: it is tried again.
    if (this.#acceptors === null && code.startsWith('wrong-') && code !== 'wrong-protocol') {
      this.#events.onRejected(new SynodError(code, `s${server} refuses this server: ${reason}`))
    }
  }
}

function sameMembers(a: readonly ServerId[], b: readonly ServerId[]): boolean {
  return a.length === b.length && a.every((server) => b.includes(server))
}
