import { SynodError } from '../errors.js'
import type { ClusterId } from '../cluster/cluster-id.js'
import type { Support } from '../cluster/versions.js'
import type { AcceptorId, Identity } from '../journal/identity.js'
import type { Journal } from '../journal/journal.js'
import type { PeerHello, PeerWelcome } from '../net/hello.js'
import type { LinkEvents } from '../net/transport/link.js'
import { type Address, type Network, formatAddress, parseAddress } from '../net/transport/network.js'
import { type PeerLink, type SnapshotLink, openPeerLink, openSnapshotLink } from '../net/peer/link.js'
import { type PeerListener, listenForPeers } from '../net/peer/listener.js'
import type { PeerMessage, Report, SpaceState } from '../net/peer/messages.js'
import type { ServerId } from '../paxos/ballot.js'
import type { MembershipView } from '../paxos/membership.js'
import type { PeerStatus } from '../status.js'
import { Agreement, type Versions } from './agreement.js'
import { DiskReports } from './disk-reports.js'
import type { Inbox } from './inbox.js'
import type { Settings } from './options.js'
import { RefusalLog } from './refusal-log.js'

export interface PeersParts {
  /** None on a server that does not vote. */
  readonly journal: Journal | undefined
  /** How much space the disk of this server has. */
  readonly space: { readonly state: SpaceState }
  readonly inbox: Inbox
}

/**
 * How many servers that have dialled are remembered: the members, and some that this server does
 * not know yet to be gone.
 */
const MAX_GREETINGS = 64

/** What a server that dialled said of itself. */
type Greeting = Pick<
  PeerHello,
  'server' | 'acceptor' | 'clusterId' | 'address' | 'electionTimeoutMs' | 'support'
>

/**
 * The other servers: a link to each, a listener for theirs, and who they are.
 *
 * A cluster forms once. Each founder waits until every other one has welcomed it, writes down all
 * acceptors, and votes only once it has heard that all others have done so too. So no server that
 * has ever voted takes another acceptor for one that it knew: a server that lost its disk, and with
 * it its promises and votes, is refused by any server that is up. Later the log says which servers
 * come and go, and as which acceptors.
 */
export class Peers {
  readonly links: ReadonlyMap<ServerId, PeerLink>
  readonly #links = new Map<ServerId, PeerLink>()
  readonly #settings: Settings
  readonly #membership: MembershipView
  readonly #agreement: Agreement
  readonly #parts: PeersParts
  readonly #welcomed = new Map<ServerId, PeerWelcome>()
  /** Who dialled last, by server. */
  readonly #greeted = new Map<ServerId, Greeting>()
  readonly #strangers = new Set<ServerId>()
  /** Why the last to dial under a number cannot work with what is agreed on. */
  readonly #lacking = new Map<ServerId, string>()
  /**
   * The founders that have written down which acceptors the cluster has, and the id that follows
   * from these.
   */
  readonly #peersWritten = new Map<ServerId, ClusterId>()
  /** Warnings about the list of servers; each is given once. */
  readonly #warned = new Set<string>()
  readonly #disks: DiskReports
  readonly #refusals: RefusalLog
  #listener: PeerListener | undefined
  /** Whether this server knows the members for good, however it ends. */
  #knowsMembers = true
  #isClosed = false

  constructor(
    settings: Settings,
    identity: Identity,
    membership: MembershipView,
    versions: Versions,
    parts: PeersParts,
  ) {
    const { host } = settings
    this.links = this.#links
    this.#settings = settings
    this.#membership = membership
    this.#parts = parts
    this.#agreement = new Agreement(settings, identity, membership, versions)
    this.#refusals = new RefusalLog(host.clock, settings.logger, 'a server')
    this.#disks = new DiskReports({
      clock: host.clock,
      writingMs: () => parts.journal?.writingMs ?? 0,
      space: () => parts.space.state,
      tell: (report) => {
        for (const server of this.#links.keys()) this.tellNow(server, report)
      },
    })
    this.update()
    this.#completeIfAll()
  }

  /** The members are others now, or this server knows them for good since. */
  membersChanged(isRemembered: boolean): void {
    this.#knowsMembers = isRemembered
    this.update()
  }

  /**
   * The membership may have changed, or what is agreed on: there is a link to each member, and none
   * to others.
   */
  update(): void {
    if (this.#isClosed) return
    for (const [server, link] of this.#links) {
      const address = this.#addressOf(server)
      if (this.#isWanted(server) && address !== undefined && formatAddress(address) === link.status().address)
        continue
      link.close()
      this.#links.delete(server)
    }
    this.#strangers.clear()
    for (const [server, greeting] of this.#greeted) {
      const objection = this.#agreement.stranger(greeting) ?? this.#agreement.lacking(greeting)
      if (!this.#isGone(server) && objection === undefined) continue
      this.#strangers.add(server)
      this.#listener?.drop(server)
      this.#links.get(server)?.redial()
    }
    this.#warnOfList()
    const { addresses, id } = this.#settings
    const known = [...this.#membership.servers, ...addresses.keys(), ...this.#greeted.keys()]
    for (const server of new Set(known)) {
      const address = this.#addressOf(server)
      if (server === id || address === undefined || this.#links.has(server)) continue
      if (this.#isWanted(server)) this.#links.set(server, this.#open(server, address))
    }
  }

  /** Once the cluster has formed, the list of servers in the options is a list of addresses. */
  #warnOfList(): void {
    const { addresses } = this.#settings
    const { isKnown, state } = this.#membership
    if (!isKnown || this.#agreement.clusterId === null) return
    for (const [server, given] of addresses) {
      const member = state.members.find((other) => other.server === server)
      const text = formatAddress(given)
      const warning =
        member === undefined
          ? `s${server} is in the list of servers, and no member of the cluster: its address is ignored`
          : `the list of servers has s${server} at ${text}, the log at ${member.address}: ${text} is used here`
      const isRight =
        member === undefined ? server === this.#settings.id : member.address === '' || member.address === text
      if (!isRight) this.#warnOnce(server, warning)
    }
  }

  #warnOnce(peer: ServerId, warning: string): void {
    if (this.#warned.has(warning)) return
    this.#warned.add(warning)
    this.#settings.logger.warn({ peer }, warning)
  }

  /**
   * Whether the server is a member, or may be one where this server does not know the members or
   * lags behind.
   */
  #isWanted(server: ServerId): boolean {
    const { isKnown, servers, state } = this.#membership
    if (!isKnown) return true
    return servers.includes(server) || (server > state.highest && this.#greeted.has(server))
  }

  /**
   * Whether it may be told that it was removed: it may end then, and take with it what it knows.
   */
  #isGone(server: ServerId): boolean {
    return this.#membership.isRemoved(server) && this.#knowsMembers
  }

  /**
   * Whether the server is gone for good, or the last to dial under its number is another acceptor
   * than the one that has the vote. Nothing that has arrived from it may be taken in.
   */
  isStranger(server: ServerId): boolean {
    return this.#strangers.size > 0 && this.#strangers.has(server)
  }

  /** Whether this is the acceptor of a member, or of a server that may become one. */
  isMember(acceptor: AcceptorId): boolean {
    const { servers } = this.#membership
    for (const [server, greeting] of this.#greeted)
      if (greeting.acceptor === acceptor && this.#isWanted(server)) return true
    return servers.some((server) => this.#agreement.knownAcceptor(server) === acceptor)
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
    return this.#lacking.get(server)
  }

  /** As which acceptor a server that is connected introduced itself. */
  acceptorOf(server: ServerId): AcceptorId | undefined {
    return this.#greeted.get(server)?.acceptor
  }

  /** The options go before the log, and the log before what the server says itself. */
  #addressOf(server: ServerId): Address | undefined {
    const given = this.#settings.addresses.get(server)
    if (given !== undefined) return given
    const member = this.#membership.state.members.find((other) => other.server === server)
    const text = member?.address === '' ? undefined : member?.address
    try {
      const told = text ?? this.#greeted.get(server)?.address
      return told === undefined ? undefined : parseAddress(told)
    } catch {
      this.#settings.logger.warn({ peer: server }, `the address of s${server} cannot be read`)
      return undefined
    }
  }

  #open(server: ServerId, address: Address): PeerLink {
    const { host, logger } = this.#settings
    return openPeerLink({
      ...host,
      ...host.build,
      address,
      hello: () => this.#agreement.hello('messages'),
      judge: (welcome) => this.#objection(server, welcome),
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
        const error = this.#agreement.refusal(hello, this.#isGone(hello.server))
        if (error?.code === 'wrong-version') remember(this.#lacking, hello.server, error.message)
        else this.#lacking.delete(hello.server)
        if (error !== undefined) return { type: 'refuse', code: error.code, reason: error.message }
        this.#greet(hello)
        return this.#agreement.welcome(journal?.positions.of(hello.acceptor) ?? 0)
      },
      onMessages: (from, batch) => {
        trace?.received(from, batch)
        inbox.post({ type: 'messages', from, batch })
      },
      onReport: (from, report) => {
        trace?.received(from, [report])
        if (report.type === 'disk') this.#disks.heard(from, report)
        else if (report.type === 'digest') inbox.post({ type: 'digest', from, report })
        else if (report.type === 'positions') inbox.post({ type: 'positions', report })
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
  tellAll(report: Report): void {
    for (const server of this.#links.keys()) this.tell(server, report)
    this.#parts.inbox.wake()
  }

  /**
   * Returns whether the link to the peer takes it. It leaves with the next message to that peer.
   */
  tell(to: ServerId, report: Report): boolean {
    const isTaken = this.#links.get(to)?.send(report) === true
    if (isTaken) this.#settings.trace?.sent(to, report)
    return isTaken
  }

  /** Tells a peer at once. */
  tellNow(to: ServerId, report: Report): void {
    if (this.tell(to, report)) this.#links.get(to)?.flush()
  }

  /** Dials a peer to get a snapshot. */
  openSnapshotLink(peer: ServerId, events: LinkEvents<'peer', PeerMessage>): SnapshotLink {
    const { host } = this.#settings
    const address = this.#addressOf(peer)
    if (address === undefined) throw new RangeError(`there is no server s${peer}`)
    const judge = (welcome: PeerWelcome) => this.#objection(peer, welcome)
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
  get inReach(): ServerId[] {
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
  written(clusterId: ClusterId): void {
    this.#agreement.written(clusterId)
    // A server that joins was welcome without an id; those that found a cluster wait for each
    // other's.
    for (const [server, link] of this.#links)
      if (!this.#agreement.joins || this.#welcomed.get(server)?.clusterId !== clusterId) link.redial()
    this.update()
    this.#formIfAllWritten()
  }

  /** The servers that the cluster waits for, before it has formed. */
  get missing(): ServerId[] {
    const { acceptors, clusterId, founders } = this.#agreement
    if (acceptors === null) return founders.filter((server) => !this.#welcomed.has(server))
    return founders.filter((server) => this.#peersWritten.get(server) !== clusterId)
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

  #objection(server: ServerId, welcome: PeerWelcome): SynodError | undefined {
    const address = this.#addressOf(server) ?? { host: '?', port: 0 }
    return this.#agreement.objection(server, formatAddress(address), welcome)
  }

  /** A server has dialled that is welcome: this one may have to dial it too. */
  #greet(hello: PeerHello): void {
    const { acceptor, address, clusterId, electionTimeoutMs, server, support } = hello
    this.#warnOfTimeout(hello)
    remember(this.#greeted, server, { server, acceptor, address, clusterId, electionTimeoutMs, support })
    this.#note(hello)
    this.update()
  }

  #onUp(welcome: PeerWelcome): void {
    const { logger } = this.#settings
    logger.info({ peer: welcome.server }, `connected to s${welcome.server}`)
    this.#welcomed.set(welcome.server, welcome)
    this.#completeIfAll()
    this.#joinIfMember(welcome)
    this.#note(welcome)
    this.#parts.inbox.post({ type: 'connected', welcome })
  }

  /** Once for each peer and value. */
  #warnOfTimeout({ electionTimeoutMs, server }: PeerHello): void {
    const { logger, paxos } = this.#settings
    const ownMs = Math.round(paxos.electionTimeoutMs)
    const beforeMs = this.#greeted.get(server)?.electionTimeoutMs ?? ownMs
    if (electionTimeoutMs === ownMs || electionTimeoutMs === beforeMs) return
    logger.warn(
      { peer: server, electionTimeoutMs, ownMs },
      `s${server} has an election timeout of ${electionTimeoutMs} ms, this server one of ${ownMs} ms: ` +
        `the servers of a cluster should have the same`,
    )
  }

  /** What a peer says of itself in its handshake. */
  #note({ clusterId, server }: PeerHello | PeerWelcome): void {
    if (clusterId === null || !this.#agreement.founders.includes(server)) return
    this.#peersWritten.set(server, clusterId)
    this.#formIfAllWritten()
  }

  #formIfAllWritten(): void {
    const { acceptors, clusterId } = this.#agreement
    if (clusterId !== null && acceptors !== null && this.missing.length === 0)
      this.#parts.inbox.post({ type: 'formed', founding: { clusterId, acceptors } })
  }

  #completeIfAll(): void {
    const { acceptors, joins } = this.#agreement
    if (acceptors === null && !joins && this.missing.length === 0)
      this.#parts.inbox.post({ type: 'complete', founding: this.#agreement.found(this.#welcomed) })
  }

  /** A server that joins learns the id of its cluster from one that it was told to ask. */
  #joinIfMember({ clusterId, server }: PeerWelcome): void {
    const { acceptors, joins } = this.#agreement
    if (!joins || acceptors !== null || clusterId === null) return
    if (this.#settings.addresses.has(server))
      this.#parts.inbox.post({ type: 'complete', founding: this.#agreement.join(clusterId) })
    else
      this.#warnOnce(
        server,
        `s${server} is a member of cluster '${this.#settings.clusterName}' and not in the list of servers: ` +
          `to join through it, start this server with s${server} in the list`,
      )
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

/** Of those that have dialled, the oldest is forgotten when there are too many. */
function remember<T>(map: Map<ServerId, T>, server: ServerId, it: T): void {
  map.set(server, it)
  if (map.size <= MAX_GREETINGS) return
  const [oldest] = map.keys()
  if (oldest !== undefined) map.delete(oldest)
}
