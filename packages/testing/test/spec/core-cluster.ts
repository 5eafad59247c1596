import { type ServerId, ZERO_BALLOT } from 'synod/internal/paxos/ballot.js'
import type { Mode } from 'synod/internal/paxos/config.js'
import type { Envelope } from 'synod/internal/paxos/effects.js'
import type { Message, MessageType } from 'synod/internal/paxos/messages.js'
import { type Input, Paxos, type PaxosState } from 'synod/internal/paxos/paxos.js'
import { coreConfig } from '../../src/core-config.js'
import { ClusterServer } from '../../src/cluster/cluster-server.js'
import {
  acceptOf,
  acceptedOf,
  chosenOf,
  describePost,
  nackOf,
  prepareOf,
  promiseOf,
  valueOf,
} from './messages.js'
import type { Picks } from './trace.js'

const SERVERS: readonly ServerId[] = [1, 2, 3]

/** What the specification speaks of. The rest is timers, reads and catching up. */
const MESSAGES: readonly MessageType[] = ['prepare', 'promise', 'accept', 'accepted', 'nack', 'chosen']

/** `PREPARED_SLOTS` of the specification. */
const PREPARED_SLOTS = 2

/** Time stands still: a timer runs out when a step asks for it, and no other does. */
const NOW_MS = 0

/** Carries out the steps of the specification on servers of the core. */
export class CoreCluster {
  readonly servers = new Map<ServerId, ClusterServer>()
  /** Every message that has ever left a server. */
  readonly network = new Set<string>()
  readonly #mode: Mode
  #nextProposal = 1

  constructor(mode: Mode) {
    this.#mode = mode
    for (const self of SERVERS) {
      this.servers.set(self, new ClusterServer(coreConfig(self, SERVERS, mode), self))
      this.#start(self)
    }
  }

  act(action: string, picks: Picks): void {
    const { s, peer, value, slot, prepare, promise, accept, accepted, nack, chosen } = picks
    if (this.#mode === 'leaderless') this.#favour(s)
    switch (action) {
      case 'campaign':
        return this.#campaign(s)
      case 'giveUp':
        return this.#giveUp(s)
      case 'propose':
        return this.#propose(s, value)
      case 'proposeWhenIdle':
        this.#retime(s, ({ leaderless }) => (leaderless.promisedMs = -Infinity))
        this.#propose(s, value)
        return this.#retime(s, ({ leaderless }) => (leaderless.promisedMs = NOW_MS))
      case 'prepareAhead':
        return this.#prepareAhead(s)
      case 'retry':
        return this.#runOut(s, ({ leaderless }) => {
          const instance = leaderless.instances.get(slot)
          if (instance !== undefined) leaderless.dueMs = instance.untilMs = NOW_MS
        })
      case 'fillHoles':
        return this.#runOut(s, ({ leaderless }) => (leaderless.holeMs = NOW_MS))
      case 'sync':
        return this.#sync(s)
      case 'restart':
        return this.#restart(s)
      case 'fetch':
        return this.#fetch(s, peer)
      case 'receivePrepare':
        return this.#receive(s, prepare.ballot.server, prepareOf(prepare))
      case 'receivePromise':
        return this.#receive(s, promise.from, promiseOf(promise))
      case 'receiveAccept':
        return this.#receive(s, accept.ballot.server, acceptOf(accept))
      case 'receiveAccepted':
        return this.#receive(s, accepted.from, acceptedOf(accepted))
      case 'receiveNack':
        return this.#receive(s, peerOf(s), nackOf(nack))
      case 'receiveChosen':
        return this.#receive(s, chosen.ballot.server, chosenOf(chosen))
      default:
        throw new Error(`no step of the core is known for ${action}`)
    }
  }

  /** A server as it would come back from its disk now. */
  recovered(id: ServerId): PaxosState {
    const { config, journal, durable } = this.#server(id)
    return Paxos.recover(config, journal.slice(0, durable), 1, NOW_MS).save()
  }

  #server(id: ServerId): ClusterServer {
    const server = this.servers.get(id)
    if (server === undefined) throw new Error(`no server ${id}`)
    return server
  }

  #step(id: ServerId, input: Input): readonly Envelope[] {
    const { leaving } = this.#server(id).step(input, NOW_MS)
    this.#post(id, leaving)
    return leaving
  }

  #post(from: ServerId, envelopes: readonly Envelope[]): void {
    for (const { to, message } of envelopes) {
      if (MESSAGES.includes(message.type)) this.network.add(describePost({ from, to, message }))
    }
  }

  #receive(id: ServerId, from: ServerId, message: Message): void {
    this.#step(id, { type: 'message', from, message })
    if (this.#mode === 'leaderless') this.#tellVoted(id)
  }

  /** Changes when timers run out, and nothing else. */
  #retime(id: ServerId, change: (state: PaxosState) => void): void {
    const server = this.#server(id)
    const state = server.paxos.save()
    change(state)
    server.paxos = Paxos.load(server.config, state)
  }

  #runOut(id: ServerId, change: (state: PaxosState) => void): void {
    this.#retime(id, change)
    this.#step(id, { type: 'tick' })
  }

  /** A follower asks whether others miss the leader, and one does. */
  #campaign(id: ServerId): void {
    this.#runOut(id, ({ leader }) => {
      if (leader.role.name === 'follower') leader.role.untilMs = NOW_MS
    })
    const { round } = this.#server(id).paxos.save().leader
    this.#receive(id, peerOf(id), {
      type: 'probe-answer',
      round,
      missing: true,
      ballot: ZERO_BALLOT,
      chosen: 0,
    })
  }

  #giveUp(id: ServerId): void {
    this.#runOut(id, ({ leader: { role } }) => {
      if (role.name === 'candidate') role.untilMs = NOW_MS
      if (role.name !== 'leader') return
      role.heartbeatMs = NOW_MS
      for (const server of SERVERS) role.contact.set(server, -Infinity)
    })
  }

  /** In leaderless mode only the favourite proposes at once, and keeps the slots that are ready. */
  #favour(id: ServerId): void {
    this.#retime(id, ({ leaderless }) => (leaderless.favourite = id))
  }

  /** The favourite prepares slots when the chosen watermark has moved: here it seems to have. */
  #prepareAhead(id: ServerId): void {
    const server = this.#server(id)
    const state = server.paxos.save()
    state.leaderless.watermark = Infinity
    server.paxos = Paxos.load({ ...server.config, preparedSlots: PREPARED_SLOTS }, state)
    this.#step(id, { type: 'message', from: peerOf(id), message: { type: 'decided', first: 1, values: [] } })
    server.paxos = Paxos.load(server.config, server.paxos.save())
  }

  #propose(id: ServerId, value: string): void {
    this.#step(id, { type: 'propose', proposals: [{ id: this.#nextProposal++, value: valueOf(value) }] })
  }

  #sync(id: ServerId): void {
    const server = this.#server(id)
    this.#post(id, server.write(Infinity))
    this.#step(id, { type: 'durable', recordCount: server.recordCount })
  }

  #restart(id: ServerId): void {
    const server = this.#server(id)
    server.crash()
    server.restart(id, NOW_MS)
    this.#start(id)
  }

  /** The first tick finds nothing to do but to look around. */
  #start(id: ServerId): void {
    if (this.#mode === 'leaderless') this.#step(id, { type: 'tick' })
  }

  #fetch(id: ServerId, peer: ServerId): void {
    const slot = this.#server(id).paxos.chosen + 1
    const message: Message = { type: 'fetch', first: slot, last: slot }
    for (const answer of this.#step(peer, { type: 'message', from: id, message })) {
      this.#receive(id, peer, answer.message)
    }
  }

  /**
   * The server notices at once what it otherwise notices with its next timer: how far it has voted
   * itself.
   */
  #tellVoted(id: ServerId): void {
    const { voted } = this.#server(id).paxos.status()
    const message: Message = { type: 'heartbeat', ballot: ZERO_BALLOT, round: 0, chosen: 0, voted }
    this.#step(id, { type: 'message', from: peerOf(id), message })
  }
}

function peerOf(id: ServerId): ServerId {
  return id === 1 ? 2 : 1
}
