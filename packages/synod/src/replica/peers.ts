import { SynodError } from '../errors.js'
import {
  type AcceptorId,
  type Identity,
  type Peers as Acceptors,
  describeLease,
  describeQuorums,
} from '../journal/identity.js'
import type { PeerHello, PeerWelcome, Purpose } from '../net/hello.js'
import type { LinkEvents } from '../net/link.js'
import { type Address, formatAddress, parseAddress } from '../net/network.js'
import { type PeerLink, type SnapshotLink, openPeerLink, openSnapshotLink } from '../net/peer-link.js'
import { type AnswerSnapshot, type PeerListener, listenForPeers } from '../net/peer-listener.js'
import type {
  ClockReport,
  DigestReport,
  PeerMessage,
  PositionsReport,
  Report,
  SnapshotRequest,
  SpaceState,
} from '../net/peer-messages.js'
import type { ServerId } from '../paxos/ballot.js'
import type { Membership } from '../paxos/membership.js'
import type { Message } from '../paxos/messages.js'
import type { PeerStatus } from '../status.js'
import { DiskReports } from './disk-reports.js'
import type { Settings } from './options.js'
import { RefusalLog } from './refusal-log.js'

export interface PeersParts {
  /** Whether what is known of the members is durable. */
  knowsMembers(): boolean
  /** For how long the disk of this server has been at one write; 0 if it writes nothing. */
  writing_ms(): number
  /** How much space the disk of this server has. */
  space(): SpaceState
  onMessages(from: ServerId, batch: readonly Message[]): void
  onDigest(from: ServerId, report: DigestReport): void
  onClock(from: ServerId, report: ClockReport): void
  /** Messages can be sent to this server, whose process may be a new one. */
  onConnected(welcome: PeerWelcome): void
  onPositions(report: PositionsReport): void
  /** How far the journal of this acceptor is known to have come; 0 where nothing was heard. */
  heardOf(acceptor: AcceptorId): number
  onSnapshotRequest(from: ServerId, request: SnapshotRequest, answer: AnswerSnapshot): void
  /** All founders have welcomed this one: these are the acceptors of the cluster, to be written down. */
  onComplete(acceptors: Acceptors): void
  /** All founders have written that down, this one included: they may vote. */
  onFormed(acceptors: Acceptors): void
  onUnreachable(server: ServerId): void
  onProcessGone(server: ServerId): void
  /** The others will not have this server, and it is not part of the cluster yet. */
  onRejected(error: SynodError): void
  /** The server says that this one has been removed. */
  onRemoved(by: ServerId): void
}

/** So many servers that have dialled are remembered; the rest is for those of which this one does not know yet that they are gone. */
const MAX_GREETINGS = 64

/** What a server that dialled said of itself. */
interface Greeting {
  readonly acceptor: AcceptorId
  readonly address: string
}

/**
 * The other servers: a link to each, a listener for theirs, and who they are.
 *
 * A cluster forms once. Each founder waits until every other one has welcomed it, writes down all acceptors,
 * and votes only once it has heard that all others have done so too. So no server that has ever voted will take another acceptor for one that it
 * knew: one that lost its disk, and with it its promises and votes, is refused, whoever is up at the time. Later on the log says who comes and goes,
 * and as which acceptor.
 */
export class Peers {
  readonly links: ReadonlyMap<ServerId, PeerLink>
  readonly #links = new Map<ServerId, PeerLink>()
  readonly #settings: Settings
  readonly #membership: Membership
  readonly #process: number
  readonly #parts: PeersParts
  readonly #acceptor: AcceptorId
  /** The other servers that found the cluster along with this one. */
  readonly #founders: readonly ServerId[]
  readonly #welcomed = new Map<ServerId, AcceptorId>()
  /** Who dialled last, by server. */
  readonly #greeted = new Map<ServerId, Greeting>()
  readonly #strangers = new Set<ServerId>()
  /** The acceptors of the founders, once all have met; of a server that joined, its own. */
  #acceptors: Acceptors | null
  /** This server has written them down, and these peers have. Of a server that joins there is no more to write than its identity. */
  #written: boolean
  readonly #peersWritten = new Set<ServerId>()
  readonly #disks: DiskReports
  readonly #refusals: RefusalLog
  #listener: PeerListener | undefined
  #isClosed = false

  constructor(settings: Settings, identity: Identity, membership: Membership, parts: PeersParts) {
    const { host, id, servers } = settings
    this.links = this.#links
    this.#settings = settings
    this.#membership = membership
    this.#parts = parts
    this.#acceptor = identity.acceptor
    this.#acceptors = identity.peers
    this.#written = identity.peers !== null || identity.joined === true
    this.#process = host.randomId()
    const founders = identity.peers === null ? servers : Object.keys(identity.peers).map(Number)
    this.#founders = identity.joined === true ? [] : founders.filter((server) => server !== id)
    this.#refusals = new RefusalLog(host.clock, settings.logger, 'a server')
    this.#disks = new DiskReports({
      clock: host.clock,
      writing_ms: () => parts.writing_ms(),
      space: () => parts.space(),
      tell: (report) => {
        this.tellAll(report)
        for (const link of this.#links.values()) link.flush()
      },
    })
    this.update()
    if (this.#founders.length === 0) this.#completeIfAll()
  }

  /** The membership may have changed: there is a link to each member, and none to others. */
  update(): void {
    if (this.#isClosed) return
    for (const [server, link] of this.#links) {
      if (this.#isWanted(server)) continue
      link.close()
      this.#links.delete(server)
    }
    this.#strangers.clear()
    for (const [server, { acceptor }] of this.#greeted) {
      if (!this.#isGone(server) && this.#stranger(server, acceptor) === undefined) continue
      this.#strangers.add(server)
      this.#listener?.drop(server)
      this.#links.get(server)?.redial()
    }
    const { addresses, id } = this.#settings
    const known = [...this.#membership.servers, ...addresses.keys(), ...this.#greeted.keys()]
    for (const server of new Set(known)) {
      const address = this.#addressOf(server)
      if (server === id || address === undefined || this.#links.has(server)) continue
      if (this.#isWanted(server)) this.#links.set(server, this.#open(server, address))
    }
  }

  /** A member; or where it is not known who is one, or where this server lags behind, whoever may be. */
  #isWanted(server: ServerId): boolean {
    const { isKnown, servers, state } = this.#membership
    if (!isKnown) return true
    return servers.includes(server) || (server > state.highest && this.#greeted.has(server))
  }

  /** Whether it may be told that it was removed: it may end then, and take with it what it knows. */
  #isGone(server: ServerId): boolean {
    return this.#membership.isRemoved(server) && this.#parts.knowsMembers()
  }

  /**
   * Whether the server is gone for good, or whoever dialled last under its number is another acceptor than the one that has turned out to have the vote: nothing
   * more must be heard of what has arrived from it.
   */
  isStranger(server: ServerId): boolean {
    return this.#strangers.size > 0 && this.#strangers.has(server)
  }

  /** Whether this is the acceptor of a member, or of a server that may become one. */
  isMember(acceptor: AcceptorId): boolean {
    const { servers } = this.#membership
    for (const [server, greeting] of this.#greeted)
      if (greeting.acceptor === acceptor && this.#isWanted(server)) return true
    return servers.some((server) => this.#knownAcceptor(server) === acceptor)
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
      address,
      hello: () => this.#hello('messages'),
      judge: (welcome) => this.#objection(server, welcome),
      onUp: (welcome) => {
        this.#onUp(welcome)
      },
      onDown: (reason) => {
        // Until the cluster has formed, it may come back with an empty directory, as another acceptor.
        this.#welcomed.delete(server)
        logger.warn({ peer: server, reason }, `lost the connection to s${server}: ${reason}`)
      },
      onRefused: (code, reason) => {
        this.#onRefused(server, code, reason)
      },
      onUnreachable: () => {
        this.#parts.onUnreachable(server)
      },
      onProcessGone: () => {
        logger.warn({ peer: server }, `the process of s${server} is gone`)
        this.#parts.onProcessGone(server)
      },
    })
  }

  /** Rejects with `invalid-options` if it cannot listen. */
  async listen(): Promise<void> {
    const { connections, host, listen, trace } = this.#settings
    this.#listener = await listenForPeers({
      ...host,
      address: listen,
      limit_connections: connections.peers,
      judge: (hello) => {
        const error = this.#refusal(hello)
        if (error !== undefined) return { type: 'refuse', code: error.code, reason: error.message }
        this.#greet(hello)
        return this.#welcome(hello.acceptor)
      },
      onMessages: (from, batch) => {
        trace?.received(from, batch)
        this.#parts.onMessages(from, batch)
      },
      onReport: (from, report) => {
        trace?.received(from, [report])
        if (report.type === 'disk') this.#disks.heard(from, report)
        else if (report.type === 'digest') this.#parts.onDigest(from, report)
        else if (report.type === 'positions') this.#parts.onPositions(report)
        else this.#parts.onClock(from, report)
      },
      onSnapshotRequest: (from, request, answer) => {
        this.#parts.onSnapshotRequest(from, request, answer)
      },
      onRefused: (error, remote) => {
        this.#refusals.warn(error, remote)
      },
    })
  }

  /** Tells all peers; it leaves with whatever goes next. */
  tellAll(report: Report): void {
    for (const server of this.#links.keys()) this.tell(server, report)
  }

  /** Returns whether the link to the peer takes it. */
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
    return openSnapshotLink({ ...host, address, hello: () => this.#hello('snapshot'), judge, ...events })
  }

  get connected(): ServerId[] {
    return [...this.#links].flatMap(([server, { up }]) => (up ? [server] : []))
  }

  /** The others, those first that are connected. */
  get inReach(): ServerId[] {
    const up = (server: ServerId) => (this.#links.get(server)?.up === true ? 0 : 1)
    return [...this.#links.keys()].sort((a, b) => up(a) - up(b))
  }

  /** This server has written down the acceptors: it tells the others. */
  written(): void {
    if (!this.#written) for (const link of this.#links.values()) link.redial()
    this.#written = true
    this.#formIfAllWritten()
  }

  /** The servers that the cluster waits for, before it has formed. */
  get missing(): ServerId[] {
    const met = this.#acceptors === null ? this.#welcomed : this.#peersWritten
    return this.#founders.filter((server) => !met.has(server))
  }

  /** How much space the disk of a peer has, as it says. */
  spaceOf(server: ServerId): SpaceState {
    return this.#disks.space(server)
  }

  status(): PeerStatus[] {
    return [...this.#links].map(([server, link]) => ({
      server,
      acceptor: this.#welcomed.get(server) ?? null,
      writing_ms: this.#disks.writing_ms(server),
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

  #hello(purpose: Purpose): PeerHello {
    const { addresses, clusterName: cluster, id, listen, mode, servers, ...settings } = this.#settings
    const quorums = settings.quorums ?? null
    const { lease_ms } = settings.paxos
    const address = formatAddress(addresses.get(id) ?? listen)
    return {
      ...this.#self(),
      type: 'peer-hello',
      purpose,
      cluster,
      mode,
      quorums,
      lease_ms,
      members: servers,
      address,
    }
  }

  #welcome(acceptor: AcceptorId): PeerWelcome {
    return { ...this.#self(), type: 'peer-welcome', heard: this.#parts.heardOf(acceptor) }
  }

  #self() {
    return {
      server: this.#settings.id,
      acceptor: this.#acceptor,
      formed: this.#written,
      process: this.#process,
    }
  }

  /** Why a server that dialled is not welcome. */
  #refusal(hello: PeerHello): SynodError | undefined {
    const { clusterName, id, mode, paxos, quorums, servers } = this.#settings
    const who = `s${id} of cluster '${clusterName}'`
    if (hello.cluster !== clusterName) {
      return new SynodError('wrong-cluster', `this is ${who}, not of cluster '${hello.cluster}'`)
    }
    if (hello.mode !== mode) {
      return new SynodError('wrong-mode', `${who} runs in ${mode} mode, not in ${hello.mode} mode`)
    }
    if (this.#isGone(hello.server)) {
      const reason = `s${hello.server} is not a member of cluster '${clusterName}' any more: it was removed`
      return new SynodError('removed', reason)
    }
    // Those who found a cluster must agree on who does; who has met all the others once is told by the log.
    const isFounding = !hello.formed || !this.#written
    const founders = [...this.#founders, id]
    if (hello.server === id || (isFounding && !sameMembers(hello.members, founders))) {
      const [ours, theirs] = [this.#written ? this.#membership.servers : servers, hello.members].map((list) =>
        [...list].sort((a, b) => a - b).join(', '),
      )
      return new SynodError(
        'wrong-cluster',
        `${who} has the servers ${ours}; s${hello.server} is to found a cluster of ${theirs}: ` +
          `a server that is new to a cluster has to join it`,
      )
    }
    const [ours, theirs] = [quorums, hello.quorums ?? undefined].map(describeQuorums)
    if (ours !== theirs)
      return new SynodError('wrong-cluster', `${who} counts ${ours}; s${hello.server} counts ${theirs}`)
    if (hello.lease_ms !== paxos.lease_ms) {
      const [here, there] = [paxos, hello].map(({ lease_ms }) => describeLease(lease_ms))
      return new SynodError('wrong-cluster', `${who} has ${here}; s${hello.server} has ${there}`)
    }
    return this.#stranger(hello.server, hello.acceptor)
  }

  /** Why a server that this one dialled is not the one that it looked for. */
  #objection(server: ServerId, welcome: PeerWelcome): SynodError | undefined {
    if (welcome.server !== server) {
      const address = formatAddress(this.#addressOf(server) ?? { host: '?', port: 0 })
      return new SynodError(
        'wrong-acceptor',
        `s${welcome.server} listens at ${address}, where s${server} should`,
      )
    }
    return this.#stranger(server, welcome.acceptor)
  }

  #stranger(server: ServerId, acceptor: AcceptorId): SynodError | undefined {
    const known = this.#knownAcceptor(server)
    if (known === undefined || known === acceptor) return undefined
    return new SynodError(
      'wrong-acceptor',
      `s${this.#settings.id} knows s${server} as acceptor ${known}, not as ${acceptor}: its data directory was ` +
        `emptied or replaced, and it may have voted and forgotten that; start it on its old data directory, ` +
        `or if that is lost, replace the server by a new one`,
    )
  }

  /** Who has the vote of this server. */
  #knownAcceptor(server: ServerId): AcceptorId | undefined {
    const member = this.#membership.state.members.find((other) => other.server === server)
    return member === undefined || member.acceptor === '' ? this.#acceptors?.[server] : member.acceptor
  }

  /** A server has dialled that is welcome: this one may have to dial it too. */
  #greet(hello: PeerHello): void {
    const { acceptor, address, server } = hello
    this.#greeted.set(server, { acceptor, address })
    if (this.#greeted.size > MAX_GREETINGS) {
      const [oldest] = this.#greeted.keys()
      if (oldest !== undefined) this.#greeted.delete(oldest)
    }
    this.#note(hello)
    this.update()
  }

  #onUp(welcome: PeerWelcome): void {
    const { logger } = this.#settings
    logger.info({ peer: welcome.server }, `connected to s${welcome.server}`)
    this.#welcomed.set(welcome.server, welcome.acceptor)
    this.#completeIfAll()
    this.#note(welcome)
    this.#parts.onConnected(welcome)
  }

  /** What a peer says of itself in its handshake. */
  #note({ formed, server }: PeerHello | PeerWelcome): void {
    if (!formed || this.#peersWritten.has(server) || !this.#founders.includes(server)) return
    this.#peersWritten.add(server)
    this.#formIfAllWritten()
  }

  #formIfAllWritten(): void {
    if (this.#written && this.#acceptors !== null && this.#peersWritten.size === this.#founders.length)
      this.#parts.onFormed(this.#acceptors)
  }

  #completeIfAll(): void {
    const { id } = this.#settings
    if (this.#acceptors !== null || this.missing.length > 0) return
    const met = this.#founders.map((server) => [server, this.#welcomed.get(server) ?? ''] as const)
    this.#acceptors = Object.fromEntries([...met, [id, this.#acceptor]])
    this.#parts.onComplete(this.#acceptors)
  }

  #onRefused(server: ServerId, code: SynodError['code'], reason: string): void {
    this.#settings.logger.error({ peer: server, code }, `s${server} and this server do not agree: ${reason}`)
    this.#welcomed.delete(server)
    if (code === 'removed') this.#parts.onRemoved(server)
    // What was said in another protocol may have been garbled on the way: it is tried again.
    if (this.#acceptors === null && code.startsWith('wrong-') && code !== 'wrong-protocol') {
      this.#parts.onRejected(new SynodError(code, `s${server} refuses this server: ${reason}`))
    }
  }
}

function sameMembers(a: readonly ServerId[], b: readonly ServerId[]): boolean {
  return a.length === b.length && a.every((server) => b.includes(server))
}
