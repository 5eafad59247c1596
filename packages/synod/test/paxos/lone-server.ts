import { type Ballot, type ServerId, type Slot, ZERO_BALLOT } from '../../src/paxos/ballot.js'
import type { PaxosConfig } from '../../src/paxos/config.js'
import type { Envelope, Output } from '../../src/paxos/effects.js'
import type { Message, MessageType, ReportedVote } from '../../src/paxos/messages.js'
import { Paxos, type Input, type PaxosStatus } from '../../src/paxos/paxos.js'
import type { JournalRecord } from '../../src/paxos/records.js'
import type { Quorums } from '../../src/paxos/quorum.js'
import { coreConfig } from '../../../testing/src/core-config.js'
import { HEAD_START_MS, value } from '../../../testing/src/cluster/cluster.js'

export function ballot(seq: number, server: ServerId): Ballot {
  return { seq, server }
}

/** A vote as a promise tells of it. */
export function vote(slot: Slot, at: Ballot, text: string): ReportedVote {
  return { slot, ballot: at, value: value(text), chosen: false }
}

/** A value that the sender of a promise knows to be chosen. */
export function chosenVote(slot: Slot, text: string): ReportedVote {
  return { slot, ballot: ZERO_BALLOT, value: value(text), chosen: true }
}

interface LoneServerOptions extends Partial<PaxosConfig> {
  /** The founders: s1 to s3 unless given. */
  readonly servers?: readonly ServerId[]
  readonly quorums?: Quorums
}

/** One server of the pure core: the test plays all the others, the disk and the clock. */
export class LoneServer {
  nowMs = 0
  paxos: Paxos
  readonly config: PaxosConfig
  readonly journal: JournalRecord[] = []
  /** The output of the last step. */
  last: Output | undefined
  #position = 0
  #held: { readonly position: number; readonly envelope: Envelope }[] = []

  /** With what its journal holds, if it is not new. */
  constructor(options: LoneServerOptions = {}, records: readonly JournalRecord[] = []) {
    const { mode = 'leader', quorums, servers = [1, 2, 3], ...config } = options
    this.config = { ...coreConfig(1, servers, mode, quorums), ...config }
    this.journal.push(...records)
    this.paxos = Paxos.recover(this.config, records, 1, 0)
  }

  get status(): PaxosStatus {
    return this.paxos.status()
  }

  get peers(): ServerId[] {
    return this.paxos.membership.servers.filter((server) => server !== this.config.self)
  }

  /** Takes a step. Returns the messages that may leave at once. */
  step(input: Input): Message[] {
    const output = this.paxos.step(input, this.nowMs)
    this.last = output
    this.journal.push(...output.records)
    this.#position = output.recordCount
    const leaving: Message[] = []
    for (const envelope of output.messages) {
      if (envelope.afterDurable) this.#held.push({ position: output.recordCount, envelope })
      else leaving.push(envelope.message)
    }
    return leaving
  }

  /** A message from a peer arrives. */
  receive(from: ServerId, message: Message): Message[] {
    return this.step({ type: 'message', from, message })
  }

  propose(...texts: string[]): Message[] {
    const proposals = texts.map((text, index) => ({ id: index + 1, value: value(text) }))
    return this.step({ type: 'propose', proposals })
  }

  /** Proposes in leaderless mode, and waits as long as it does before it goes ahead. */
  proposeAndStart(...texts: string[]): Message[] {
    const messages = this.propose(...texts)
    const endMs = this.nowMs + HEAD_START_MS
    for (let ticks = 0; ticks < 100 && this.last!.deadlineMs <= endMs; ticks++)
      messages.push(...this.tick(this.last!.deadlineMs))
    this.nowMs = endMs
    return messages.filter(({ type }) => type !== 'heartbeat')
  }

  tick(nowMs = this.nowMs): Message[] {
    this.nowMs = Math.max(this.nowMs, nowMs)
    return this.step({ type: 'tick' })
  }

  /**
   * All that it has written is durable. Returns the messages that waited for it, then those it
   * caused.
   */
  sync(): Message[] {
    const held = this.#held.map(({ envelope }) => envelope.message)
    this.#held = []
    return [...held, ...this.step({ type: 'durable', recordCount: this.#position })]
  }

  /** Receives a message, and has a quick disk: all that follows from it. */
  exchange(from: ServerId, message: Message): Message[] {
    return [...this.receive(from, message), ...this.sync()]
  }

  /**
   * Ticks when it asks for it, with a quick disk, until it sends a message of this type. Returns
   * those.
   */
  tickUntil<T extends MessageType>(type: T): Extract<Message, { type: T }>[] {
    let messages = only(this.sync(), type)
    for (let ticks = 0; messages.length === 0; ticks++) {
      if (ticks === 1000) throw new Error(`no ${type} in ${ticks} ticks`)
      messages = only([...this.tick(this.last?.deadlineMs), ...this.sync()], type)
    }
    return messages
  }

  /** Crashes with all it has written on disk, and starts again. */
  restart(seed = 2): void {
    this.paxos = Paxos.recover(this.config, this.journal, seed, this.nowMs)
    this.#position = 0
    this.#held = []
  }

  /** Misses the leader, as everyone does, and sends its prepares. Returns its ballot. */
  becomeCandidate(): Ballot {
    this.nowMs += 4 * this.config.electionTimeoutMs
    const probe = only(this.tick(), 'probe')[0]
    for (const peer of this.peers) {
      const answer = { round: probe?.round ?? 0, missing: true, ballot: ZERO_BALLOT, chosen: 0 }
      this.receive(peer, { type: 'probe-answer', ...answer })
    }
    const { role, ballot } = this.status
    if (role !== 'candidate' && this.peers.length > 0) throw new Error(`a ${role}, not a candidate`)
    return ballot
  }

  /** A promise for every slot from `slot` on arrives. */
  receivePromise(
    from: ServerId,
    ballot: Ballot,
    votes: readonly ReportedVote[] = [],
    slot = this.paxos.chosen + 1,
  ) {
    return this.receive(from, { type: 'promise', ballot, scope: 'log', slot, votes, next: 0 })
  }

  /** Becomes the leader by the promises of a bare quorum. Returns its ballot. */
  becomeLeader(votes: readonly ReportedVote[] = []): Ballot {
    const ballot = this.becomeCandidate()
    const slot = this.paxos.chosen + 1
    this.sync()
    const needed = Math.floor(this.paxos.membership.servers.length / 2)
    for (const peer of this.peers.slice(0, needed)) this.receivePromise(peer, ballot, votes, slot)
    if (this.status.role !== 'leader') throw new Error(`a ${this.status.role}, not the leader`)
    return ballot
  }
}

/** The messages of one type. */
export function only<T extends MessageType>(
  messages: readonly Message[],
  type: T,
): Extract<Message, { type: T }>[] {
  return messages.filter((message): message is Extract<Message, { type: T }> => message.type === type)
}
