import { MAX_SERVER_ID, type ServerId, type Slot } from './ballot.js'
import { type Configuration, configurationOf } from './configuration.js'
import { MAX_SERVERS, type Quorums, faultOfQuorums, majorities } from './quorum.js'
import { type ServerSet, unionOf, withServer, withoutServer } from './server-set.js'

/** `joining`: learns, and is to vote once it has caught up. */
export type MemberRole = 'voter' | 'joining' | 'learner'

export interface Member {
  readonly server: ServerId
  readonly role: MemberRole
  /** The voter whose place a joining member will take; 0 for none. */
  readonly replaces: ServerId
  /** Where it listens for peers; empty for a founder, whose address is in each server's options. */
  readonly address: string
  /**
   * The acceptor that has the vote; empty while it is not known, and for a member without a vote.
   */
  readonly acceptor: string
}

/** A change of the membership. It is chosen in a slot, as any command is. */
export type Change =
  | {
      readonly type: 'add'
      readonly server: ServerId
      readonly address: string
      readonly role: 'joining' | 'learner'
      readonly replaces: ServerId
    }
  /** A member listens for peers at another address. */
  | { readonly type: 'update'; readonly server: ServerId; readonly address: string }
  | { readonly type: 'promote'; readonly server: ServerId; readonly acceptor: string }
  | {
      readonly type: 'remove'
      readonly server: ServerId
      /** Also if too few servers are up to decide anything without it. */
      readonly isForced: boolean
    }
  /** A change of this server that its proposer refused, and why: it changes nothing. */
  | { readonly type: 'refuse'; readonly server: ServerId; readonly reason: string }

/**
 * The result of a change. All servers agree on the reason of a refusal. A change that makes no
 * difference is done. `later`: another change has to take force first; try again then.
 */
export type ChangeOutcome =
  { readonly result: 'done' } | { readonly result: 'refused' | 'later'; readonly reason: string }

export interface MembershipState {
  /** The changes chosen in the slots up to this one are applied. */
  slot: Slot
  members: readonly Member[]
  /** No server has had a higher id. Ids are not used twice: a ballot names its server for good. */
  highest: ServerId
  /**
   * The known configurations of the slots above `slot`, in order. None: the membership is not
   * known.
   */
  configurations: readonly Configuration[]
  /** The sizes of quorums that the cluster was founded with; null for majorities. */
  readonly quorums: Quorums | null
}

/** What the core shows of its membership. Only a step changes it. */
export interface MembershipView {
  readonly state: Readonly<MembershipState>
  /** The servers that vote in any configuration that is known. */
  readonly voters: ServerSet
  /** The voters and the other members: all servers that messages for everyone go to. */
  readonly servers: ServerSet
  readonly isKnown: boolean
  /** The configuration of the first open slot. Throws a RangeError unless `isKnown`. */
  readonly current: Configuration
  /**
   * The last known configuration, in force once the slots before it are chosen. Throws a RangeError
   * unless `isKnown`.
   */
  readonly latest: Configuration
  /**
   * The configuration of a slot above `state.slot`, by no more than the window. Throws a RangeError
   * for others.
   */
  at(slot: Slot): Configuration
  /** The first slot in which this server's vote counts; Infinity for none. */
  firstSlotOf(server: ServerId): Slot
  /** Whether this server's vote counts in the first slot that is not known to be chosen. */
  isVoter(server: ServerId): boolean
  /** Whether this server was a member and is none any more. */
  isRemoved(server: ServerId): boolean
  /** The voters and quorums once this change is in force; undefined if the voters stay the same. */
  after(change: Change): Pick<Configuration, 'voters' | 'quorums'> | undefined
  /** A copy that changes independently. */
  copy(): Membership
}

/** The membership that a cluster begins with. Without servers it is one that is not known yet. */
export function foundingMembership(
  servers: readonly ServerId[],
  quorums?: Quorums,
  acceptors: Readonly<Record<ServerId, string>> = {},
): MembershipState {
  const voters = unionOf([servers])
  return {
    slot: 0,
    members: voters.map((server) => ({
      server,
      role: 'voter',
      replaces: 0,
      address: '',
      acceptor: acceptors[server] ?? '',
    })),
    highest: Math.max(0, ...voters),
    configurations: voters.length === 0 ? [] : [configurationOf(1, voters, quorums)],
    quorums: quorums ?? null,
  }
}

const DONE: ChangeOutcome = { result: 'done' }

/**
 * The members, and the configuration of each slot. A change chosen in slot s governs the slots from
 * s + window on. A proposer knows all slots `window` or more below its own: all proposers in a slot
 * know one configuration. (Lamport: Paxos Made Simple, section 3, where the window is α.)
 */
export class Membership implements MembershipView {
  readonly state: MembershipState
  readonly #window: number
  voters: ServerSet = []
  servers: ServerSet = []

  constructor(state: MembershipState, window: number) {
    this.state = state
    this.#window = window
    this.#note()
  }

  copy(): Membership {
    return new Membership({ ...this.state }, this.#window)
  }

  get isKnown(): boolean {
    return this.state.configurations.length > 0
  }

  get current(): Configuration {
    return this.at(this.state.slot + 1)
  }

  get latest(): Configuration {
    return this.at(this.state.slot + this.#window)
  }

  at(slot: Slot): Configuration {
    const { configurations } = this.state
    let found = configurations[0]
    for (const configuration of configurations) if (configuration.first <= slot) found = configuration
    if (found === undefined || slot > this.state.slot + this.#window)
      throw new RangeError(`the configuration of slot ${slot} is not known yet`)
    return found
  }

  firstSlotOf(server: ServerId): Slot {
    return this.state.configurations.find(({ voters }) => voters.includes(server))?.first ?? Infinity
  }

  isVoter(server: ServerId): boolean {
    return this.state.configurations[0]?.voters.includes(server) === true
  }

  isRemoved(server: ServerId): boolean {
    return this.isKnown && server <= this.state.highest && !this.servers.includes(server)
  }

  after(change: Change): Pick<Configuration, 'voters' | 'quorums'> | undefined {
    const member = this.state.members.find(({ server }) => server === change.server)
    if (!this.isKnown || member === undefined) return undefined
    const { voters } = this.latest
    let then: ServerSet
    if (change.type === 'promote' && member.role !== 'voter')
      then = withServer(withoutServer(voters, member.replaces), member.server)
    else if (change.type === 'remove' && member.role === 'voter') then = withoutServer(voters, member.server)
    else return undefined
    return { voters: then, quorums: this.state.quorums ?? majorities(then.length) }
  }

  /** The next slot is chosen, and with it this change, if any. Returns the result of the change. */
  apply(slot: Slot, change: Change | undefined): ChangeOutcome | undefined {
    if (!this.isKnown || slot <= this.state.slot) return undefined
    const outcome = change === undefined ? undefined : this.#change(slot, change)
    this.state.slot = slot
    const { configurations } = this.state
    const isOver = (configurations[1]?.first ?? Infinity) <= slot + 1
    if (isOver) this.state.configurations = configurations.slice(1)
    if (isOver || outcome !== undefined) this.#note()
    return outcome
  }

  /** The slots up to this one are chosen and their values gone: the membership becomes unknown. */
  skip(slot: Slot): void {
    if (slot > this.state.slot) this.replace({ ...this.state, slot, members: [], configurations: [] })
  }

  /** The founders have met: which acceptor each of them is. */
  identify(acceptors: Readonly<Record<ServerId, string>>): void {
    this.state.members = this.state.members.map((member) => ({
      ...member,
      acceptor: acceptors[member.server] ?? member.acceptor,
    }))
  }

  /** Takes the membership of a snapshot. */
  replace(state: MembershipState): void {
    Object.assign(this.state, state)
    this.#note()
  }

  #note(): void {
    const { configurations, members } = this.state
    this.voters = unionOf(configurations.map(({ voters }) => voters))
    this.servers = unionOf([this.voters, members.map(({ server }) => server)])
  }

  #change(slot: Slot, change: Change): ChangeOutcome {
    const { members } = this.state
    const member = members.find(({ server }) => server === change.server)
    switch (change.type) {
      case 'add':
        return this.#add(member, change)
      case 'update':
        return this.#update(member, change)
      case 'promote':
        return this.#promote(slot, member, change)
      case 'remove':
        return this.#remove(slot, member, change.server)
      case 'refuse':
        return refused(change.reason)
    }
  }

  #add(member: Member | undefined, change: Change & { type: 'add' }): ChangeOutcome {
    const { highest, members } = this.state
    const { address, replaces, role, server } = change
    if (member !== undefined) {
      if (member.address === address && (member.role === 'voter' || member.role === role)) return DONE
      return refused(
        `s${server} is a member already, as a ${member.role} at ${member.address || 'its address'}`,
      )
    }
    if (server <= highest || server > MAX_SERVER_ID)
      return refused(`the id of a new server is from ${highest + 1} to ${MAX_SERVER_ID}: none is used twice`)
    if (members.length >= MAX_SERVERS) return refused(`a cluster has at most ${MAX_SERVERS} servers`)
    if (replaces !== 0 && !members.some((other) => other.server === replaces && other.role === 'voter'))
      return refused(`s${replaces} is no voter that could be replaced`)
    const holder = this.#holderOf(address)
    if (holder !== undefined) return refused(takenWords(address, holder))
    this.state.members = [...members, { server, role, replaces, address, acceptor: '' }]
    this.state.highest = server
    return DONE
  }

  #update(member: Member | undefined, { address, server }: Change & { type: 'update' }): ChangeOutcome {
    if (member === undefined) return refused(`s${server} is not a member`)
    if (member.address === address) return DONE
    const holder = this.#holderOf(address)
    if (holder !== undefined) return refused(takenWords(address, holder))
    this.state.members = this.state.members.map((other) =>
      other === member ? { ...member, address } : other,
    )
    return DONE
  }

  /** The member at this address. Two servers at one address would end each other's connections. */
  #holderOf(address: string): ServerId | undefined {
    return this.state.members.find((other) => address !== '' && other.address === address)?.server
  }

  #promote(slot: Slot, member: Member | undefined, change: Change & { type: 'promote' }): ChangeOutcome {
    if (member === undefined) return refused(`s${change.server} is not a member`)
    if (member.role === 'voter') return DONE
    const { replaces, server } = member
    const { voters } = this.latest
    const outcome = this.#configure(slot, withServer(withoutServer(voters, replaces), server))
    if (outcome.result !== 'done') return outcome
    const others = this.state.members.filter((other) => other !== member && other.server !== replaces)
    this.state.members = [...others, { ...member, role: 'voter', replaces: 0, acceptor: change.acceptor }]
    return DONE
  }

  #remove(slot: Slot, member: Member | undefined, server: ServerId): ChangeOutcome {
    if (member === undefined) {
      return server <= this.state.highest ? DONE : refused(`s${server} is not a member`)
    }
    if (member.role === 'voter') {
      const outcome = this.#configure(slot, withoutServer(this.latest.voters, server))
      if (outcome.result !== 'done') return outcome
    }
    this.state.members = this.state.members.filter((other) => other !== member)
    return DONE
  }

  #configure(slot: Slot, voters: ServerSet): ChangeOutcome {
    const { configurations, quorums } = this.state
    if (slot < this.latest.first) {
      const reason = `another change takes force at slot ${this.latest.first}, this one was chosen in slot ${slot}: try again`
      return { result: 'later', reason }
    }
    if (voters.length === 0) return refused('a cluster cannot be without any server that votes')
    const sizes = quorums ?? majorities(voters.length)
    const fault = faultOfQuorums(voters.length, sizes)
    if (fault !== undefined) return refused(fault)
    this.state.configurations = [...configurations, configurationOf(slot + this.#window, voters, sizes)]
    return DONE
  }
}

/** Why no other server can be given this address. */
export function takenWords(address: string, holder: ServerId): string {
  return `s${holder} listens at ${address}: give an address of its own to each server`
}

function refused(reason: string): ChangeOutcome {
  return { result: 'refused', reason }
}
