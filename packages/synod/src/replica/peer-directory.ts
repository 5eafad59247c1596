import type { SynodError } from '../errors.js'
import type { AcceptorId } from '../journal/identity.js'
import type { PeerHello } from '../net/hello.js'
import { type Address, formatAddress, parseAddress } from '../net/transport/network.js'
import type { ServerId } from '../paxos/ballot.js'
import type { MembershipView } from '../paxos/membership.js'
import type { Agreement } from './agreement.js'
import type { Settings } from './options.js'

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
 * Who the other servers are: as the options and the log name them, and as they introduce
 * themselves when they dial. Decides which of them this server connects to, and which it rejects.
 */
export class PeerDirectory {
  readonly #settings: Settings
  readonly #membership: MembershipView
  readonly #agreement: Agreement
  /** Who dialled last, by server. */
  readonly #greeted = new Map<ServerId, Greeting>()
  readonly #rejected = new Set<ServerId>()
  /** Why the last to dial under a number cannot work with what is agreed on. */
  readonly #versionMismatches = new Map<ServerId, string>()
  /** Warnings about the list of servers; each is given once. */
  readonly #warned = new Set<string>()
  /** Whether this server knows the members for good, however it ends. */
  #knowsMembers = true

  constructor(settings: Settings, membership: MembershipView, agreement: Agreement) {
    this.#settings = settings
    this.#membership = membership
    this.#agreement = agreement
  }

  /** The members have changed, or this server has recorded them for good. */
  onMembers(isRemembered: boolean): void {
    this.#knowsMembers = isRemembered
  }

  /** A server has dialled. Returns why it is refused. */
  judge(hello: PeerHello): SynodError | undefined {
    const error = this.#agreement.helloRefusal(hello, this.#isGone(hello.server))
    if (error?.code === 'wrong-version') remember(this.#versionMismatches, hello.server, error.message)
    else this.#versionMismatches.delete(hello.server)
    return error
  }

  /** A server that dialled is welcome. */
  greet(hello: PeerHello): void {
    const { acceptor, address, clusterId, electionTimeoutMs, server, support } = hello
    this.#warnOfTimeout(hello)
    remember(this.#greeted, server, { server, acceptor, address, clusterId, electionTimeoutMs, support })
  }

  /** Judges every server that has dialled again. Returns the rejected servers. */
  refreshRejected(): ReadonlySet<ServerId> {
    this.#rejected.clear()
    for (const [server, greeting] of this.#greeted) {
      const refusal = this.#agreement.wrongIdentity(greeting) ?? this.#agreement.versionMismatch(greeting)
      if (!this.#isGone(server) && refusal === undefined) continue
      this.#rejected.add(server)
    }
    return this.#rejected
  }

  /** All other servers that this one knows of, members or not. */
  get servers(): ReadonlySet<ServerId> {
    const { addresses, id } = this.#settings
    const known = new Set([...this.#membership.servers, ...addresses.keys(), ...this.#greeted.keys()])
    known.delete(id)
    return known
  }

  /**
   * Whether the server is a member, or may be one where this server does not know the members or
   * lags behind.
   */
  isWanted(server: ServerId): boolean {
    const { isKnown, servers, state } = this.#membership
    if (!isKnown) return true
    return servers.includes(server) || (server > state.highest && this.#greeted.has(server))
  }

  /**
   * Whether the server is gone for good, or the last to dial under its number is another acceptor
   * than the one that has the vote. Nothing that has arrived from it may be taken in.
   */
  isRejected(server: ServerId): boolean {
    return this.#rejected.size > 0 && this.#rejected.has(server)
  }

  /** Whether this is the acceptor of a member, or of a server that may become one. */
  isMember(acceptor: AcceptorId): boolean {
    const { servers } = this.#membership
    for (const [server, greeting] of this.#greeted)
      if (greeting.acceptor === acceptor && this.isWanted(server)) return true
    return servers.some((server) => this.#agreement.knownAcceptor(server) === acceptor)
  }

  /** Why a server that dialled was refused for its build or state machine, if it was. */
  versionMismatchOf(server: ServerId): string | undefined {
    return this.#versionMismatches.get(server)
  }

  /** As which acceptor a server that is connected introduced itself. */
  acceptorOf(server: ServerId): AcceptorId | undefined {
    return this.#greeted.get(server)?.acceptor
  }

  /** The options go before the log, and the log before what the server says itself. */
  addressOf(server: ServerId): Address | undefined {
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

  /** Once the cluster has formed, the list of servers in the options is a list of addresses. */
  warnOfList(): void {
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

  /** Whether the server may be told that it was removed: it may end then, with what it knows. */
  #isGone(server: ServerId): boolean {
    return this.#membership.isRemoved(server) && this.#knowsMembers
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
}

/** Forgets the server that dialled first when there are too many. */
function remember<T>(map: Map<ServerId, T>, server: ServerId, it: T): void {
  map.set(server, it)
  if (map.size <= MAX_GREETINGS) return
  const [oldest] = map.keys()
  if (oldest !== undefined) map.delete(oldest)
}
