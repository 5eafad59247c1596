import { type ClusterId, clusterIdOf } from '../cluster/cluster-id.js'
import { type ClusterParameters, parameterDifference } from '../cluster/parameters.js'
import { type Agreed, type Support, missingSupport } from '../cluster/versions.js'
import { SynodError } from '../errors.js'
import type { AcceptorId, Identity, PeerAcceptors as Acceptors } from '../journal/identity.js'
import type { PeerHello, PeerWelcome, ConnectionPurpose } from '../net/hello.js'
import { electorateOf } from '../net/peer/electorate.js'
import { formatAddress } from '../net/transport/network.js'
import type { ServerId } from '../paxos/ballot.js'
import type { MembershipView } from '../paxos/membership.js'
import type { Settings } from './options.js'

/** What a server that dialled, or was dialled, says of itself. */
type Claim = Pick<PeerHello, 'server' | 'acceptor' | 'clusterId'>

/**
 * What this server can work with, and what the members have agreed on, as far as it has executed
 * the log.
 */
export interface OwnVersions {
  readonly support: Support
  readonly agreed: Agreed
}

/** What a server writes down before it takes part. */
export interface Founding {
  readonly clusterId: ClusterId
  /** Of the founders; of a server that joins, its own alone. */
  readonly acceptors: Acceptors
}

/**
 * What this server says of itself to others, and why it will not have one of them: a server of
 * another cluster, one whose cluster works by other rules, or another acceptor than the one that
 * has the vote.
 */
export class Agreement {
  /** The other servers that found the cluster along with this one; none of a server that joins. */
  readonly founders: readonly ServerId[]
  readonly joins: boolean
  readonly #settings: Settings
  readonly #membership: MembershipView
  readonly #acceptor: AcceptorId
  readonly #process: number
  readonly #parameters: ClusterParameters
  readonly #versions: OwnVersions
  #acceptors: Acceptors | null
  #clusterId: ClusterId | null

  constructor(settings: Settings, identity: Identity, membership: MembershipView, versions: OwnVersions) {
    this.#settings = settings
    this.#versions = versions
    this.#membership = membership
    this.#acceptor = identity.acceptor
    this.#acceptors = identity.peers
    this.#clusterId = identity.clusterId
    this.#process = settings.host.randomId()
    this.#parameters = identity.parameters
    this.founders = identity.founders.filter((server) => server !== settings.id)
    this.joins = identity.founders.length === 0
  }

  /** The id of the cluster, once it is written down here. */
  get clusterId(): ClusterId | null {
    return this.#clusterId
  }

  /** The acceptors of the founders, once all have met; of a server that joined, its own. */
  get acceptors(): Acceptors | null {
    return this.#acceptors
  }

  /** All founders have met, as these acceptors. */
  found(welcomed: ReadonlyMap<ServerId, PeerWelcome>): Founding {
    const others = this.founders.map((server) => [server, welcomed.get(server)?.acceptor ?? ''] as const)
    const acceptors = Object.fromEntries([...others, [this.#settings.id, this.#acceptor]])
    this.#acceptors = acceptors
    return { clusterId: clusterIdOf(acceptors), acceptors }
  }

  /** A member of this cluster has welcomed this server, which joins it. */
  join(clusterId: ClusterId): Founding {
    const acceptors = { [this.#settings.id]: this.#acceptor }
    this.#acceptors = acceptors
    return { clusterId, acceptors }
  }

  written(clusterId: ClusterId): void {
    this.#clusterId = clusterId
  }

  hello(purpose: ConnectionPurpose): PeerHello {
    const { addresses, clusterName: cluster, id, listen, paxos } = this.#settings
    return {
      ...this.#self(),
      type: 'peer-hello',
      purpose,
      cluster,
      parameters: this.#parameters,
      electionTimeoutMs: Math.round(paxos.electionTimeoutMs),
      founders: this.joins ? [] : [...this.founders, id],
      address: formatAddress(addresses.get(id) ?? listen),
    }
  }

  /** `heard`: how far the journal of who dialled is known to have come. */
  welcome(heard: number): PeerWelcome {
    return { ...this.#self(), type: 'peer-welcome', heard, electorate: electorateOf(this.#membership) }
  }

  #self(): Omit<PeerWelcome, 'type' | 'heard' | 'electorate'> {
    return {
      server: this.#settings.id,
      acceptor: this.#acceptor,
      clusterId: this.#clusterId,
      process: this.#process,
      support: this.#versions.support,
    }
  }

  /** Why a server that dialled is not welcome. */
  helloRefusal(hello: PeerHello, isGone: boolean): SynodError | undefined {
    const { clusterName, id } = this.#settings
    const who = `s${id} of cluster '${clusterName}'`
    if (hello.cluster !== clusterName)
      return new SynodError('wrong-cluster', `this is ${who}, not of cluster '${hello.cluster}'`)
    const stranger = this.#otherCluster(hello)
    if (stranger !== undefined) return stranger
    const difference = parameterDifference(this.#parameters, hello.parameters)
    if (difference !== undefined) {
      const { code, ours, theirs } = difference
      return new SynodError(code, `${who} has ${ours}; s${hello.server} has ${theirs}`)
    }
    if (isGone) {
      const reason = `s${hello.server} is not a member of cluster '${clusterName}' any more: it was removed`
      return new SynodError('removed', reason)
    }
    return this.#foundsAnother(hello, who) ?? this.wrongIdentity(hello) ?? this.versionMismatch(hello)
  }

  /** Why a server cannot work with what the members have agreed on. */
  versionMismatch({ server, support }: Pick<PeerHello, 'server' | 'support'>): SynodError | undefined {
    const lack = missingSupport(`s${server}`, support, this.#versions.agreed)
    return lack === undefined ? undefined : new SynodError('wrong-version', lack)
  }

  /** Why a server that this one dialled at `address` is not the one that it looked for. */
  welcomeRefusal(server: ServerId, address: string, welcome: PeerWelcome): SynodError | undefined {
    if (welcome.server !== server) {
      return new SynodError(
        'wrong-acceptor',
        `s${welcome.server} listens at ${address}, where s${server} should`,
      )
    }
    return this.wrongIdentity(welcome)
  }

  /** Why a server is not the one that this one knows by its number. */
  wrongIdentity(claim: Claim): SynodError | undefined {
    const { acceptor, server } = claim
    const known = this.knownAcceptor(server)
    const other = this.#otherCluster(claim)
    if (other !== undefined || known === undefined || known === acceptor) return other
    return new SynodError(
      'wrong-acceptor',
      `s${this.#settings.id} knows s${server} as acceptor ${known}, not as ${acceptor}: its data directory was ` +
        `emptied or replaced, and it may have voted and forgotten that; start it on its old data directory, ` +
        `or if that is lost, replace the server by a new one`,
    )
  }

  /** A cluster is its id: of two with one name, neither may hear of the other. */
  #otherCluster({ clusterId, server }: Claim): SynodError | undefined {
    if (this.#clusterId === null || clusterId === null || clusterId === this.#clusterId) return undefined
    const { clusterName, id } = this.#settings
    return new SynodError(
      'wrong-cluster',
      `s${id} belongs to cluster '${clusterName}' with the id ${this.#clusterId}, s${server} to another one of that ` +
        `name with the id ${clusterId}: check the addresses of the servers`,
    )
  }

  /**
   * The founders of a cluster must agree on who they are. A server that has met all of them once
   * learns of members from the log.
   */
  #foundsAnother(hello: PeerHello, who: string): SynodError | undefined {
    const { id } = this.#settings
    const founders = [...this.founders, id]
    if (hello.server !== id) {
      const [isFormed, hasFormed] = [this.#clusterId !== null, hello.clusterId !== null]
      if (hasFormed && (isFormed || this.joins)) return undefined
      if (!hasFormed && hello.founders.length === 0) {
        if (isFormed) return undefined
        const reason = `${who} belongs to no cluster yet: s${hello.server} can join when it does`
        return new SynodError('wrong-cluster', reason)
      }
      if (sameMembers(hello.founders, founders)) return undefined
    }
    const ours = this.#clusterId === null ? founders : this.#membership.servers
    const theirs =
      hello.founders.length === 0 ? 'has joined one' : `is to found a cluster of ${listOf(hello.founders)}`
    return new SynodError(
      'wrong-cluster',
      `${who} has the servers ${listOf(ours)}; s${hello.server} ${theirs}: ` +
        `a server that is new to a cluster has to join it`,
    )
  }

  /** Who has the vote of this server. */
  knownAcceptor(server: ServerId): AcceptorId | undefined {
    const member = this.#membership.state.members.find((other) => other.server === server)
    return member === undefined || member.acceptor === '' ? this.#acceptors?.[server] : member.acceptor
  }
}

function sameMembers(a: readonly ServerId[], b: readonly ServerId[]): boolean {
  return a.length === b.length && a.every((server) => b.includes(server))
}

function listOf(servers: readonly ServerId[]): string {
  return [...servers].sort((a, b) => a - b).join(', ')
}
