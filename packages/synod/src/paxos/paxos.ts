import { Acceptor, type AcceptorState, emptyAcceptor } from './acceptor.js'
import type { Ballot, ServerId, Slot } from './ballot.js'
import type { PaxosConfig } from './config.js'
import { Effects, type Output } from './effects.js'
import { LeaderMode, type LeaderModeState, emptyLeaderMode } from './leader/leader-mode.js'
import { LeasePromise, type LeasePromiseState, emptyLeasePromise } from './leader/lease-promise.js'
import { LeaderlessMode, type LeaderlessState, emptyLeaderless } from './leaderless/leaderless-mode.js'
import { Learner, type LearnerState, emptyLearner } from './learner.js'
import { Log, type LogState, type LogView, emptyLog } from './log.js'
import type { Accepted, Message, PromiseMessage } from './messages.js'
import type { Context, PeerProgress, PendingQuorum, Proposal, Proposer, Role } from './proposer.js'
import { Membership, type MembershipState, type MembershipView } from './membership.js'
import { type RandomState, random } from './random.js'
import { QuorumReads, type QuorumReadsState, emptyQuorumReads } from './quorum-reads.js'
import { NO_SERVERS } from './server-set.js'
import type { JournalRecord } from './records.js'

/** An event that a server reacts to. */
export type Input =
  | { readonly type: 'message'; readonly from: ServerId; readonly message: Message }
  /**
   * Commands to be chosen. In leader mode they may get lost: propose again what is not executed in
   * time. The same goes for leaderless mode with `elsewhere`, which has another server propose
   * them.
   */
  | { readonly type: 'propose'; readonly proposals: readonly Proposal[]; readonly elsewhere?: boolean }
  /** The host waits for this proposal no longer, or it has been executed. */
  | { readonly type: 'withdraw'; readonly id: number }
  /** A linearizable read: `Output.reads` will name the slot to execute first. */
  | { readonly type: 'read'; readonly id: number }
  | { readonly type: 'withdraw-read'; readonly id: number }
  /** This many records are durable. */
  | { readonly type: 'durable'; readonly recordCount: number }
  /** The disk has been at the same write for longer than a leader may wait for it. */
  | { readonly type: 'disk-stuck' }
  /** Leader mode: server `to` is to lead, or where it is 0 the voter that has come furthest. */
  | { readonly type: 'transfer'; readonly to: ServerId }
  /**
   * A snapshot of this slot or a later one is durable, and the state machine here has come as far:
   * the slots up to here are dropped. Where some were not known to be chosen here, the membership
   * as of the snapshot must come with it.
   */
  | { readonly type: 'trim'; readonly slot: Slot; readonly membership?: MembershipState }
  /** The host has executed the slots up to this one: their values are rarely read from now on. */
  | { readonly type: 'executed'; readonly slot: Slot }
  /** The founders of the cluster have met: which acceptor each of them is. */
  | { readonly type: 'founded'; readonly acceptors: Readonly<Record<ServerId, string>> }
  /**
   * The process of this peer is known to be gone: its connection broke and nothing listens there.
   */
  | { readonly type: 'peer-gone'; readonly peer: ServerId }
  | { readonly type: 'tick' }

/** An answer of this server to itself, held until the records before it are durable. */
interface OwnAnswer {
  readonly recordCount: number
  readonly message: PromiseMessage | Accepted
}

/** The whole state of a server, as plain data. */
export interface PaxosState {
  readonly membership: MembershipState
  readonly log: LogState
  readonly acceptor: AcceptorState
  readonly learner: LearnerState
  readonly leasePromise: LeasePromiseState
  readonly reads: QuorumReadsState
  readonly random: RandomState
  readonly leader: LeaderModeState
  readonly leaderless: LeaderlessState
  ownAnswers: OwnAnswer[]
  /**
   * How many records have been written, and how many of them are durable, since this server
   * started.
   */
  recordCount: number
  durable: number
}

export interface PaxosStatus {
  readonly role: Role
  readonly ballot: Ballot
  readonly leader: ServerId | undefined
  readonly chosen: Slot
  readonly voted: Slot
  readonly pendingQuorum: PendingQuorum | undefined
}

/** Whether the leader may answer reads alone. */
export interface LeaseStatus {
  /** This server leads, and its lease holds. */
  readonly held: boolean
  /**
   * Servers whose clocks ran too fast beside this server's clock: no lease of this server rests on
   * them.
   */
  readonly fastClocks: readonly ServerId[]
}

/**
 * One server of a MultiPaxos cluster, as a state machine without I/O, clock or randomness. The host
 * calls `step`, which alone changes the state, appends the records to its journal, sends the
 * messages (some only once the records are durable), and reports what became durable.
 */
export class Paxos {
  readonly #log: Log
  readonly #membership: Membership
  readonly #config: PaxosConfig
  readonly #state: PaxosState
  readonly #effects: Effects
  readonly #acceptor: Acceptor
  readonly #learner: Learner
  readonly #leasePromise: LeasePromise
  readonly #reads: QuorumReads
  readonly #proposer: Proposer
  /** The same proposer in leader mode; undefined in leaderless mode. */
  readonly #leaderMode: LeaderMode | undefined

  private constructor(config: PaxosConfig, state: PaxosState) {
    const membership = new Membership(state.membership, config.window)
    const effects = new Effects(config.self, membership)
    effects.recordCount = state.recordCount
    this.#config = config
    this.#state = state
    this.#effects = effects
    this.#log = new Log(state.log, config.archiveBlockBytes)
    this.#membership = membership
    this.#acceptor = new Acceptor(state.acceptor, this.#log, effects)
    this.#learner = new Learner(state.learner, this.#log, effects, membership, config)
    this.#leasePromise = new LeasePromise(state.leasePromise, config.leaseMs)
    this.#reads = new QuorumReads(state.reads, config, membership, this.#log, effects)
    const context: Context = {
      config,
      membership,
      log: this.#log,
      acceptor: this.#acceptor,
      learner: this.#learner,
      leasePromise: this.#leasePromise,
      effects,
      random: state.random,
      answerSelf: (message) => {
        state.ownAnswers.push({ recordCount: effects.recordCount, message })
      },
    }
    this.#leaderMode = config.mode === 'leader' ? new LeaderMode(state.leader, context) : undefined
    this.#proposer = this.#leaderMode ?? new LeaderlessMode(state.leaderless, context)
  }

  /**
   * A server as its journal left it: empty for a new one. It leads and proposes nothing, and starts
   * as a follower. The seed decides all its random choices, and should differ from start to start.
   */
  static recover(config: PaxosConfig, records: readonly JournalRecord[], seed: number, nowMs: number): Paxos {
    const randomState: RandomState = { seed: seed | 0 }
    const paxos = new Paxos(config, {
      membership: structuredClone(config.membership),
      log: emptyLog(),
      acceptor: emptyAcceptor(),
      learner: emptyLearner(),
      leasePromise: emptyLeasePromise(nowMs + config.leaseMs),
      reads: emptyQuorumReads(Math.floor(random(randomState) * 2 ** 40)),
      random: randomState,
      leader: emptyLeaderMode(nowMs + config.leaseMs),
      leaderless: emptyLeaderless(nowMs),
      ownAnswers: [],
      recordCount: 0,
      durable: 0,
    })
    // Records of dropped slots may be gone or still there: the trims come first, so that they are
    // skipped.
    for (const record of records) if (record.type === 'trim') paxos.#restore(record)
    for (const record of records) if (record.type !== 'trim') paxos.#restore(record)
    return paxos
  }

  /** A server as it was saved, at any moment. */
  static load(config: PaxosConfig, state: PaxosState): Paxos {
    return new Paxos(config, structuredClone(state))
  }

  /** A copy of the whole state as plain data. */
  save(): PaxosState {
    this.#state.recordCount = this.#effects.recordCount
    return structuredClone({ ...this.#state, log: this.#log.saved() })
  }

  get log(): LogView {
    return this.#log
  }

  get membership(): MembershipView {
    return this.#membership
  }

  status(): PaxosStatus {
    const { ballot, leader, pendingQuorum, role } = this.#proposer
    const { chosen } = this.#learner.state
    return { role, ballot, leader, pendingQuorum, chosen, voted: this.#log.state.voted }
  }

  /** The chosen watermark: every slot up to it is chosen. */
  get chosen(): Slot {
    return this.#learner.state.chosen
  }

  get leader(): ServerId | undefined {
    return this.#proposer.leader
  }

  /** The chosen watermark that another server last reported; undefined where that is not known. */
  peerProgress(server: ServerId): PeerProgress | undefined {
    return this.#proposer.peerProgress(server)
  }

  /** Whether a quorum of servers seems to be within reach. */
  get reachesQuorum(): boolean {
    return this.#proposer.reachesQuorum
  }

  /**
   * How many more proposals may wait here for a slot. The host keeps further ones, and drops those
   * that peers forward.
   */
  get capacity(): number {
    return this.#proposer.capacity
  }

  /** How many accepts of a leader are under way. */
  get flights(): number {
    return this.#proposer.flights
  }

  get role(): Role {
    return this.#proposer.role
  }

  /** The lease as it is now; undefined where there are none. */
  lease(nowMs: number): LeaseStatus | undefined {
    if (this.#config.leaseMs === 0) return undefined
    const held = this.#leaderMode?.readableAlone(nowMs) !== undefined
    return { held, fastClocks: this.fastClocks }
  }

  /** Servers whose clocks ran too fast beside this server's clock, since it started. */
  get fastClocks(): readonly ServerId[] {
    return this.#leaderMode?.state.fastClocks ?? NO_SERVERS
  }

  get ballot(): Ballot {
    return this.#proposer.ballot
  }

  /** The highest ballot of a promise for every slot, or of any vote. */
  get bound(): Ballot {
    return this.#acceptor.logBound
  }

  /** Takes one input. Time never goes back. Throws an InvariantError if the protocol was broken. */
  step(input: Input, nowMs: number): Output {
    switch (input.type) {
      case 'message':
        this.#receive(input.from, input.message, nowMs)
        break
      case 'propose':
        this.#proposer.propose(input.proposals, nowMs, input.elsewhere)
        break
      case 'withdraw':
        this.#proposer.withdraw(input.id, nowMs)
        break
      case 'read':
        this.#read(input.id, nowMs)
        break
      case 'withdraw-read':
        this.#reads.withdraw(input.id)
        break
      case 'durable':
        this.#state.durable = input.recordCount
        this.#leaderMode?.onDurable()
        break
      case 'disk-stuck':
        this.#leaderMode?.onDiskStuck(nowMs)
        break
      case 'transfer':
        this.#leaderMode?.transfer(input.to, nowMs)
        break
      case 'trim':
        this.#trim(input.slot, input.membership, nowMs)
        break
      case 'executed':
        this.#log.archive(input.slot)
        break
      case 'founded':
        this.#membership.identify(input.acceptors)
        break
      case 'peer-gone':
        this.#proposer.onPeerGone(input.peer, nowMs)
        break
      case 'tick':
        this.#proposer.tick(nowMs)
        this.#reads.tick(nowMs)
        break
    }
    this.#answerSelf(nowMs)
    this.#reads.onChosen(nowMs)
    const awaited = this.#state.ownAnswers.at(-1)?.recordCount ?? 0
    return this.#effects.take(awaited, Math.min(this.#proposer.deadlineMs, this.#reads.deadlineMs))
  }

  #receive(from: ServerId, message: Message, nowMs: number): void {
    const { voting } = this.#config
    switch (message.type) {
      case 'prepare':
        // An acceptor bound by a lease does not answer. A nack would name a higher ballot, and
        // there may be none.
        if (
          voting &&
          this.#leasePromise.allows(message.ballot, message.predecessor, nowMs) &&
          this.#acceptor.onPrepare(from, message)
        )
          this.#proposer.onPromised(message.ballot, nowMs)
        break
      case 'promise':
        this.#proposer.onPromise(from, message, nowMs)
        this.#proposer.onChosen(nowMs)
        break
      case 'accept':
        if (voting && this.#acceptor.onAccept(from, message)) {
          this.#proposer.onVoted(message.ballot, message.first + message.values.length - 1, nowMs)
        }
        break
      case 'accepted':
        this.#proposer.onAccepted(from, message, nowMs)
        break
      case 'nack':
        this.#proposer.onNack(message, nowMs)
        break
      case 'chosen':
        if (!this.#learner.chooseVotes(message.ballot, message.first, message.last)) {
          this.#learner.onWatermark(from, message.last, nowMs)
        }
        this.#proposer.onChosen(nowMs)
        break
      case 'heartbeat':
        this.#proposer.onHeartbeat(from, message, nowMs)
        this.#learner.onWatermark(from, message.chosen, nowMs)
        break
      case 'heartbeat-answer':
        this.#leaderMode?.onHeartbeatAnswer(from, message, nowMs)
        this.#learner.onWatermark(from, message.chosen, nowMs)
        break
      case 'transfer':
        this.#leaderMode?.onTransfer(from, message, nowMs)
        break
      case 'probe':
        if (voting) this.#leaderMode?.onProbe(from, message, nowMs)
        this.#learner.onWatermark(from, message.chosen, nowMs)
        break
      case 'probe-answer':
        this.#leaderMode?.onProbeAnswer(from, message, nowMs)
        this.#learner.onWatermark(from, message.chosen, nowMs)
        break
      case 'forward':
        this.#proposer.onForward(message.values, nowMs)
        break
      case 'observe':
        if (voting) this.#reads.onObserve(from, message.round)
        break
      case 'observed':
        this.#reads.onObserved(from, message, nowMs)
        break
      case 'fetch':
        this.#learner.onFetch(from, message)
        break
      case 'decided':
        this.#learner.onDecided(from, message, nowMs)
        this.#proposer.onChosen(nowMs)
        break
      case 'trimmed':
        this.#learner.onTrimmed(from, message.slot)
        this.#leaderMode?.onTrimmed(message.slot, nowMs)
        break
    }
  }

  #read(id: number, nowMs: number): void {
    const slot = this.#leaderMode?.readableAlone(nowMs)
    if (slot === undefined) this.#reads.read(id, nowMs)
    else this.#effects.readable(id, slot)
  }

  #trim(slot: Slot, membership: MembershipState | undefined, nowMs: number): void {
    const isNews = slot > this.#log.state.trimmed
    this.#learner.trim(slot, membership)
    const { promised, voted } = this.#acceptor.state
    if (isNews) {
      for (const record of this.#acceptor.slotPromises()) this.#effects.record(record)
      this.#effects.record({ type: 'trim', slot, promised, voted })
    }
    this.#proposer.onChosen(nowMs)
  }

  /** Delivers this server's own answers that rest on durable records. */
  #answerSelf(nowMs: number): void {
    const { durable, ownAnswers } = this.#state
    for (let next = ownAnswers[0]; next !== undefined && next.recordCount <= durable; next = ownAnswers[0]) {
      ownAnswers.shift()
      this.#receive(this.#config.self, next.message, nowMs)
    }
  }

  #restore(record: JournalRecord): void {
    switch (record.type) {
      case 'promise':
        this.#acceptor.restorePromise(record.ballot, record.scope, record.slot)
        break
      case 'vote':
        this.#acceptor.restoreVote(record.ballot, record.first, record.values)
        break
      case 'chosen':
        this.#learner.restoreVotes(record.first, record.last)
        break
      case 'decided':
        this.#learner.restoreValues(record.first, record.values)
        break
      case 'trim':
        this.#learner.trim(record.slot)
        this.#acceptor.restoreTrim(record)
        break
    }
  }
}
