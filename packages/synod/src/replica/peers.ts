import { SynodError } from '../errors.js'
import type { ClusterId } from '../cluster/cluster-id.js'
import type { Support } from '../cluster/versions.js'
import type { AcceptorId, Identity } from '../journal/identity.js'
import type { Journal } from '../journal/journal.js'
import type { PeerHello, PeerWelcome } from '../net/hello.js'
import type { LinkEvents } from '../net/transport/link.js'
import { type Address, type Network, formatAddress } from '../net/transport/network.js'
import { type PeerLink, type SnapshotLink, openPeerLink, openSnapshotLink } from '../net/peer/link.js'
import { type PeerListener, listenForPeers } from '../net/peer/listener.js'
import type { PeerMessage, PeerReport, SpaceState } from '../net/peer/messages.js'
import type { ServerId } from '../paxos/ballot.js'
import type { MembershipView } from '../paxos/membership.js'
import type { PeerStatus } from '../status.js'
import { Agreement, type OwnVersions } from './agreement.js'
import { DiskReports } from './disk-reports.js'
import { Founders } from './founders.js'
import type { Inbox } from './inbox.js'
import type { Settings } from './options.js'
import { PeerDirectory } from './peer-directory.js'
import { RefusalLog } from './refusal-log.js'

export interface PeersParts {
  /** None on a server that does not vote. */
  readonly journal: Journal | undefined
  /** How much space the disk of this server has. */
  readonly space: { readonly state: SpaceState }
  readonly inbox: Inbox
}

/** The connections with the other servers: a link to each, and a listener for theirs. */
export class Peers {
  readonly links: ReadonlyMap<ServerId, PeerLink>
  readonly #links = new Map<ServerId, PeerLink>()
  readonly #settings: Settings
  readonly #agreement: Agreement
  readonly #parts: PeersParts
  readonly #welcomed = new Map<ServerId, PeerWelcome>()
  readonly #directory: PeerDirectory
  readonly #founders: Founders
  readonly #disks: DiskReports
  readonly #refusals: RefusalLog
  #listener: PeerListener | undefined
  #isClosed = false

  constructor(
    settings: Settings,
    identity: Identity,
    membership: MembershipView,
    versions: OwnVersions,
    parts: PeersParts,
  ) {
    const { host } = settings
    this.links = this.#links
    this.#settings = settings
    this.#parts = parts
    this.#agreement = new Agreement(settings, identity, membership, versions)
    this.#directory = new PeerDirectory(settings, membership, this.#agreement)
    this.#founders = new Founders(settings, this.#agreement, this.#welcomed, parts.inbox)
    this.#refusals = new RefusalLog(host.clock, settings.logger, 'a server')
    this.#disks = new DiskReports({
      clock: host.clock,
      writingMs: () => parts.journal?.writingMs ?? 0,
      space: () => parts.space.state,
      send: (report) => {
        for (const server of this.#links.keys()) this.reportNow(server, report)
      },
    })
    this.update()
    this.#founders.completeIfAll()
  }

  /** The members are others now, or this server knows them for good since. */
  membersChanged(isRemembered: boolean): void {
    this.#directory.onMembers(isRemembered)
    this.update()
  }

  /**
   * The membership may have changed, or what is agreed on: there is a link to each member, and none
   * to others.
   */
  update(): void {
    if (this.#isClosed) return
    for (const [server, link] of this.#links) {
      const address = this.#directory.addressOf(server)
      const isWanted = this.#directory.isWanted(server)
      if (isWanted && address !== undefined && formatAddress(address) === link.status().address) continue
      link.close()
      this.#links.delete(server)
    }
    for (const server of this.#directory.refreshRejected()) {
      this.#listener?.drop(server)
      this.#links.get(server)?.redial()
    }
    this.#directory.warnOfList()
    for (const server of this.#directory.servers) {
      const address = this.#directory.addressOf(server)
      if (address === undefined || this.#links.has(server)) continue
      if (this.#directory.isWanted(server)) this.#links.set(server, this.#open(server, address))
    }
  }

  /** Nothing that has arrived from a rejected server may be taken in. */
  isRejected(server: ServerId): boolean {
    return this.#directory.isRejected(server)
  }

  /** Whether this is the acceptor of a member, or of a server that may become one. */
  isMember(acceptor: AcceptorId): boolean {
    return this.#directory.isMember(acceptor)
  }

  /**
   * What a server can work with, as it said when this one was connected to it; undefined while it
   * is not connected.
   */
  supportOf(server: ServerId): Support | undefined {
    return this.#welcomed.get(server)?.support
  }

  /** Why a server that dialled was refused for its build or state machine, if it was. */
  lackOf(server: ServerId): string | undefined {
    return this.#directory.versionMismatchOf(server)
  }

  /** As which acceptor a server that is connected introduced itself. */
  acceptorOf(server: ServerId): AcceptorId | undefined {
    return this.#directory.acceptorOf(server)
  }

  #open(server: ServerId, address: Address): PeerLink {
    const { host, logger } = this.#settings
    return openPeerLink({
      ...host,
      ...host.build,
      address,
      hello: () => this.#agreement.hello('messages'),
      judge: (welcome) => this.#welcomeRefusal(server, welcome),
      onUp: (welcome) => {
        this.#onUp(welcome)
      },
      onDown: (reason) => {
        // Until the cluster has formed, it may come back with an empty directory, as another
        // acceptor.
        this.#welcomed.delete(server)
        logger.warn({ peer: server, reason }, `lost the connection to s${server}: ${reason}`)
      },
      onRefused: (code, reason) => {
        this.#onRefused(server, code, reason)
      },
      onUnreachable: () => {
        this.#parts.inbox.post({ type: 'unreachable', peer: server })
      },
      onProcessGone: () => {
        logger.warn({ peer: server }, `the process of s${server} is gone`)
        this.#parts.inbox.step({ type: 'peer-gone', peer: server })
      },
    })
  }

  async listen(network: Pick<Network, 'listen'>): Promise<void> {
    const { connections, host, listen, trace } = this.#settings
    const { inbox, journal } = this.#parts
    this.#listener = await listenForPeers({
      network,
      clock: host.clock,
      address: listen,
      protocols: host.build?.protocols,
      connectionLimit: connections.peers,
      judge: (hello) => {
        const error = this.#directory.judge(hello)
        if (error !== undefined) return { type: 'refuse', code: error.code, reason: error.message }
        this.#greet(hello)
        return this.#agreement.welcome(journal?.groupCounts.of(hello.acceptor) ?? 0)
      },
      onMessages: (from, batch) => {
        trace?.received(from, batch)
        inbox.post({ type: 'messages', from, batch })
      },
      onReport: (from, report) => {
        trace?.received(from, [report])
        if (report.type === 'disk') this.#disks.onReport(from, report)
        else if (report.type === 'digest') inbox.post({ type: 'digest', from, report })
        else if (report.type === 'group-counts') inbox.post({ type: 'group-counts', report })
        else inbox.post({ type: 'clock', from, report })
      },
      onSnapshotRequest: (from, request, answer) => {
        inbox.post({ type: 'snapshot-request', from, request, answer })
      },
      onRefused: (error, remote) => {
        this.#refusals.warn(error, remote)
      },
    })
  }

  /** Tells all peers, at the end of this turn. */
  reportAll(report: PeerReport): void {
    for (const server of this.#links.keys()) this.report(server, report)
    this.#parts.inbox.wake()
  }

  /**
   * Returns whether the link to the peer takes it. It leaves with the next message to that peer.
   */
  report(to: ServerId, report: PeerReport): boolean {
    const isTaken = this.#links.get(to)?.send(report) === true
    if (isTaken) this.#settings.trace?.sent(to, report)
    return isTaken
  }

  /** Tells a peer at once. */
  reportNow(to: ServerId, report: PeerReport): void {
    if (this.report(to, report)) this.#links.get(to)?.flush()
  }

  /** Dials a peer to get a snapshot. */
  openSnapshotLink(peer: ServerId, events: LinkEvents<'peer', PeerMessage>): SnapshotLink {
    const { host } = this.#settings
    const address = this.#directory.addressOf(peer)
    if (address === undefined) throw new RangeError(`there is no server s${peer}`)
    const judge = (welcome: PeerWelcome) => this.#welcomeRefusal(peer, welcome)
    return openSnapshotLink({
      ...host,
      ...host.build,
      address,
      hello: () => this.#agreement.hello('snapshot'),
      judge,
      ...events,
    })
  }

  get connected(): ServerId[] {
    return [...this.#links].flatMap(([server, { up }]) => (up ? [server] : []))
  }

  /** The others, those first that are connected. */
  get connectedFirst(): ServerId[] {
    const up = (server: ServerId) => (this.#links.get(server)?.up === true ? 0 : 1)
    return [...this.#links.keys()].sort((a, b) => up(a) - up(b))
  }

  /** The id of the cluster, once it is written down here. */
  get clusterId(): ClusterId | null {
    return this.#agreement.clusterId
  }

  /**
   * This server has written down the id of its cluster: it tells the others, and hears of no other
   * cluster any more.
   */
  onClusterIdWritten(clusterId: ClusterId): void {
    this.#agreement.written(clusterId)
    // A server that joins was welcome without an id; founders wait for each
    // other's.
    for (const [server, link] of this.#links)
      if (!this.#agreement.joins || this.#welcomed.get(server)?.clusterId !== clusterId) link.redial()
    this.update()
    this.#founders.formIfAllWritten()
  }

  /** The servers that the cluster waits for, before it has formed. */
  get missing(): ServerId[] {
    return this.#founders.missing
  }

  /** How much space the disk of a peer has, as it says. */
  spaceOf(server: ServerId): SpaceState {
    return this.#disks.space(server)
  }

  status(): PeerStatus[] {
    return [...this.#links].map(([server, link]) => ({
      server,
      acceptor: this.#welcomed.get(server)?.acceptor ?? null,
      support: this.#welcomed.get(server)?.support ?? null,
      writingMs: this.#disks.writingMs(server),
      space: this.#disks.space(server),
      ...link.status(),
    }))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#disks.stop()
    for (const link of this.#links.values()) link.close()
    await this.#listener?.close()
  }

  #welcomeRefusal(server: ServerId, welcome: PeerWelcome): SynodError | undefined {
    const address = this.#directory.addressOf(server) ?? { host: '?', port: 0 }
    return this.#agreement.welcomeRefusal(server, formatAddress(address), welcome)
  }

  /** A server has dialled that is welcome: this one may have to dial it too. */
  #greet(hello: PeerHello): void {
    this.#directory.greet(hello)
    this.#founders.onHandshake(hello)
    this.update()
    this.#links.get(hello.server)?.hurry()
  }

  #onUp(welcome: PeerWelcome): void {
    const { logger } = this.#settings
    logger.info({ peer: welcome.server }, `connected to s${welcome.server}`)
    this.#welcomed.set(welcome.server, welcome)
    this.#founders.onWelcome(welcome)
    this.#parts.inbox.post({ type: 'connected', welcome })
  }

  #onRefused(server: ServerId, code: SynodError['code'], reason: string): void {
    this.#settings.logger.error({ peer: server, code }, `s${server} and this server do not agree: ${reason}`)
    this.#welcomed.delete(server)
    if (code === 'removed') this.#parts.inbox.post({ type: 'refused-as-removed', by: server })
    // What is agreed on stays so: this build will be refused by all.
    if (code === 'wrong-version') this.#fail(code, server, reason)
    // What was said in another protocol may have been garbled on the way: it is tried again.
    const { acceptors, joins } = this.#agreement
    if (acceptors === null && !joins && code.startsWith('wrong-') && code !== 'wrong-protocol')
      this.#fail(code, server, reason)
  }

  #fail(code: SynodError['code'], server: ServerId, reason: string): void {
    const error = new SynodError(code, `s${server} refuses this server: ${reason}`)
    this.#parts.inbox.post({ type: 'failed', error })
  }
}
