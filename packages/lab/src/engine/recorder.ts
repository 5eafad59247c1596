import {
  type Arrival,
  type Cluster,
  type ClusterObserver,
  type DescribeValue,
  type Input,
  type JournalRecord,
  type Output,
  type PaxosStatus,
  type ServerId,
  type Slot,
  type Transit,
  type Turn,
  type Value,
  decodeValue,
  sameBallot,
  sameValue,
} from 'synod-testing/script'
import type {
  ActorId,
  ActorEvent,
  Picture,
  PictureConfiguration,
  PictureEvent,
  PictureMessage,
} from '../picture/picture.js'
import { depictMessage, depictRecord } from './depict.js'

/**
 * What a client waits for on a server: a value to be executed, or a read, once it is known up to
 * which slot.
 */
interface Ask {
  readonly client: ActorId
  readonly text: string
  readonly value?: Value
  readonly read?: number
  readSlot?: Slot
}

/** Is told of a row of the picture before anything in it happens. */
export type Opens = (step: number, cluster: Cluster) => void

/** How far a recording had come at some time. */
export interface RecordingMark {
  readonly events: number
  readonly messages: number
  readonly clients: number
  readonly configurations: number
}

/**
 * Watches a cluster and draws what happens, a step of an actor a row. What a disk gets done for a
 * step in the same command is in the row of that step. Requests of clients and their answers arrive
 * at once.
 */
export class Recorder implements ClusterObserver {
  readonly #cluster: Cluster
  readonly #describe: DescribeValue
  readonly #opens: Opens
  readonly #messages: PictureMessage[] = []
  readonly #events: PictureEvent[] = []
  readonly #clients: ActorId[] = []
  readonly #configurations: PictureConfiguration[] = []
  readonly #ids = new Map<Transit, number>()
  readonly #arrived = new Set<Transit>()
  readonly #status = new Map<ServerId, PaxosStatus>()
  readonly #executed = new Map<ServerId, Slot>()
  readonly #asks = new Map<ServerId, Ask[]>()
  /** Requests that a server is about to step on: the client, and the message. */
  readonly #requests = new Map<ServerId, readonly [client: ActorId, message: number]>()
  /** When each record of a journal was written. */
  readonly #writtenAtMs = new Map<ServerId, number[]>()
  #unsent: Transit[] = []
  #depth = 0
  #step = -1
  #row: ActorId | undefined

  /** `opens` is told of each row before anything in it happens. */
  constructor(cluster: Cluster, opens: Opens = () => undefined) {
    this.#cluster = cluster
    this.#describe = decodeValue
    this.#opens = opens
    for (const id of cluster.ids) {
      this.#status.set(id, cluster.paxos(id).status())
      this.#noteConfigurations(id)
    }
    cluster.observe(this)
  }

  get mark(): RecordingMark {
    return {
      events: this.#events.length,
      messages: this.#messages.length,
      clients: this.#clients.length,
      configurations: this.#configurations.length,
    }
  }

  /** What was drawn up to a mark. */
  picture({ clients, configurations, events, messages }: RecordingMark = this.mark): Picture {
    const [founding, ...later] = this.#configurations.slice(0, configurations)
    if (founding === undefined) throw new Error('nobody votes in this cluster')
    return {
      mode: this.#cluster.mode,
      actors: [...this.#clients.slice(0, clients), ...this.#cluster.ids.map((id) => `s${id}`)],
      configurations: [founding, ...later],
      messages: this.#messages.slice(0, messages),
      events: this.#events.slice(0, events),
    }
  }

  /** The message of the picture that stands for one under way. */
  idOf(transit: Transit): number {
    const id = this.#ids.get(transit)
    if (id === undefined) throw new Error('this message was never sent here')
    return id
  }

  /** When each message of the picture was sent. */
  readonly sentAtMs: number[] = []

  /** Since when a server has had something to write to its disk that is not durable. */
  writingSinceMs(id: ServerId): number {
    const { durable } = this.#cluster.server(id)
    return this.#writtenAtMs.get(id)?.[durable] ?? this.#cluster.nowMs
  }

  /** The next command begins: what happens from now on is in rows of its own. */
  begin(): void {
    this.#row = undefined
  }

  /** An invariant was broken in the last row. */
  violated(text: string): void {
    this.#flush()
    const actor = this.#row ?? 's1'
    this.#emit(actor, { kind: 'violation', text })
  }

  requested(number: number, servers: readonly ServerId[], values: readonly Value[]): void {
    const client = this.#client(number)
    const words = values.map(this.#describe)
    this.#open(client)
    for (const id of servers)
      this.#requests.set(id, [client, this.#exchange(client, `s${id}`, 'request', words)])
    for (const id of servers) {
      const { isRunning, up } = this.#cluster.server(id)
      const [, message = 0] = this.#requests.get(id) ?? []
      if (isRunning) continue
      this.#requests.delete(id)
      this.#open(`s${id}`)
      this.#emit(`s${id}`, { kind: 'lose', message, why: `s${id} is ${up ? 'paused' : 'down'}` })
    }
  }

  stepping(id: ServerId, input: Input): void {
    this.#depth++
    const actor = `s${id}`
    if (this.#depth > 1) return
    switch (input.type) {
      case 'tick':
        this.#open(actor)
        this.#emit(actor, { kind: 'timer' })
        break
      case 'propose':
        this.#ask(
          id,
          input.proposals.map(({ value }) => ({ text: this.#describe(value), value })),
        )
        break
      case 'read':
        this.#ask(id, [{ text: 'read', read: input.id }])
        break
      case 'transfer':
        this.#note(actor, `is asked to let ${input.to === 0 ? 'anybody' : `s${input.to}`} lead`)
        break
      case 'peer-gone':
        this.#note(actor, `sees that s${input.peer} is gone`)
        break
      case 'trim':
        this.#note(actor, `has a snapshot, and drops the slots up to ${input.slot}`)
        break
      case 'disk-stuck':
        this.#note(actor, 'sees that its disk is stuck')
        break
      // Their rows are open, or nothing shows.
      case 'message':
      case 'durable':
      case 'executed':
      case 'founded':
      case 'withdraw':
      case 'withdraw-read':
        break
    }
  }

  stepped(id: ServerId, _input: Input, output: Output): void {
    this.#depth--
    this.#noteWritten(id, output.records)
    this.#noteRole(id)
    this.#noteConfigurations(id)
    this.#noteChosen(id, output.records)
    for (const { id: read, slot } of output.reads) {
      const ask = this.#asks.get(id)?.find((it) => it.read === read)
      if (ask !== undefined) ask.readSlot = slot
    }
    const done = this.#noteExecuted(id)
    this.#flush()
    this.#answer(id, done)
  }

  sent(transit: Transit): void {
    this.#unsent.push(transit)
    if (this.#depth === 0) this.#flush()
  }

  arrived(transit: Transit, arrival: Arrival): void {
    const actor = `s${transit.to}`
    const message = this.idOf(transit)
    this.#open(actor)
    if (arrival === 'taken') {
      this.#emit(actor, { kind: 'receive', message, again: this.#arrived.has(transit) })
      this.#arrived.add(transit)
    } else {
      const why = arrival === 'cut' ? 'the link is cut' : `${actor} is down`
      this.#emit(actor, { kind: 'lose', message, why })
    }
  }

  lost(transit: Transit): void {
    const actor = `s${transit.to}`
    this.#open(actor)
    this.#emit(actor, { kind: 'lose', message: this.idOf(transit), why: 'lost on the way' })
  }

  durable(id: ServerId, records: readonly JournalRecord[]): void {
    this.#emit(`s${id}`, { kind: 'durable', records: this.#records(records) })
  }

  installing(id: ServerId, from: ServerId, slot: Slot): void {
    this.#emit(`s${id}`, { kind: 'note', text: `gets the snapshot of s${from}, up to slot ${slot}` })
  }

  turning(id: ServerId, turn: Turn): void {
    this.#open(`s${id}`)
    this.#emit(`s${id}`, { kind: turn })
    if (turn === 'crash') this.#asks.delete(id)
  }

  turned(id: ServerId, turn: Turn): void {
    if (turn === 'restart') this.#noteRole(id)
  }

  #open(actor: ActorId): void {
    this.#step++
    this.#row = actor
    this.#opens(this.#step, this.#cluster)
  }

  #emit(actor: ActorId, happening: ActorEvent): void {
    if (this.#row !== actor) this.#open(actor)
    this.#events.push({ ...happening, actor, step: this.#step, atMs: this.#cluster.nowMs })
  }

  #note(actor: ActorId, text: string): void {
    this.#open(actor)
    this.#emit(actor, { kind: 'note', text })
  }

  #flush(): void {
    for (const transit of this.#unsent.splice(0)) {
      const message = this.#messages.length
      this.#ids.set(transit, message)
      this.#send(depictMessage(message, transit, this.#describe))
    }
  }

  #send(message: PictureMessage): void {
    this.#messages.push(message)
    this.sentAtMs.push(this.#cluster.nowMs)
    this.#emit(message.from, { kind: 'send', message: message.id })
  }

  /** A client and a server exchange a message. Returns its id. */
  #exchange(from: ActorId, to: ActorId, type: 'request' | 'answer', values: readonly string[]): number {
    const id = this.#messages.length
    const text = `${type}: ${values.join(', ')}`
    this.#send({ id, from, to, type, ballot: undefined, slots: undefined, values, text, fields: { values } })
    return id
  }

  /**
   * A request reaches a server. One that no client has sent by name comes from the client in it, or
   * else from the server's own.
   */
  #ask(id: ServerId, asks: readonly Omit<Ask, 'client'>[]): void {
    let request = this.#requests.get(id)
    this.#requests.delete(id)
    if (request === undefined) {
      const [, named] = /^c(\d+)[:/]/.exec(asks[0]?.text ?? '') ?? []
      const client = this.#client(named === undefined ? id : Number(named))
      const words = asks.map(({ text }) => text)
      this.#open(client)
      request = [client, this.#exchange(client, `s${id}`, 'request', words)]
    }
    const [client, message] = request
    this.#open(`s${id}`)
    this.#emit(`s${id}`, { kind: 'receive', message, again: false })
    const waiting = this.#asks.get(id) ?? []
    this.#asks.set(id, [...waiting, ...asks.map((ask) => ({ ...ask, client }))])
  }

  #client(number: number): ActorId {
    const client = `c${number}`
    if (!this.#clients.includes(client)) this.#clients.push(client)
    return client
  }

  #records(records: readonly JournalRecord[]) {
    return records.map((record) => depictRecord(record, this.#describe))
  }

  #noteWritten(id: ServerId, records: readonly JournalRecord[]): void {
    if (records.length === 0) return
    const { journal } = this.#cluster.server(id)
    // A crash may have cut the journal short.
    const timesMs = this.#writtenAtMs.get(id) ?? []
    timesMs.length = journal.length - records.length
    timesMs.push(...records.map(() => this.#cluster.nowMs))
    this.#writtenAtMs.set(id, timesMs)
    this.#emit(`s${id}`, { kind: 'write', records: this.#records(records) })
  }

  #noteRole(id: ServerId): void {
    const { paxos } = this.#cluster.server(id)
    const [before, after] = [this.#status.get(id), paxos.status()]
    this.#status.set(id, after)
    const isSame =
      before?.role === after.role &&
      before.leader === after.leader &&
      (after.role === 'proposer' || sameBallot(before.ballot, after.ballot))
    if (isSame) return
    const ballot = after.ballot.seq === 0 ? undefined : after.ballot
    this.#emit(`s${id}`, { kind: 'role', role: roleOf(after), ballot })
  }

  /** A configuration that no server knew of before. */
  #noteConfigurations(id: ServerId): void {
    for (const { first, quorums, voters } of this.#cluster.paxos(id).membership.state.configurations) {
      if (first <= (this.#configurations.at(-1)?.first ?? 0)) continue
      const voting = voters.filter((voter) => this.#cluster.servers.get(voter)?.config.voting === true)
      this.#configurations.push({ first, quorums, voters: voting })
    }
  }

  #noteChosen(id: ServerId, records: readonly JournalRecord[]): void {
    for (const record of records) {
      if (record.type !== 'chosen' && record.type !== 'decided') continue
      const values =
        record.type === 'decided'
          ? record.values
          : Array.from({ length: record.last - record.first + 1 }, (_, offset) =>
              this.#cluster.value(id, record.first + offset),
            )
      this.#emit(`s${id}`, { kind: 'chosen', first: record.first, values: values.map(this.#describe) })
    }
  }

  /** The values that this server has executed now. */
  #noteExecuted(id: ServerId): readonly Value[] {
    const { executed } = this.#cluster.server(id)
    const before = this.#executed.get(id) ?? 0
    if (executed.length <= before) return []
    this.#executed.set(id, executed.length)
    this.#emit(`s${id}`, { kind: 'execute', first: before + 1, last: executed.length })
    return executed.slice(before)
  }

  #answer(id: ServerId, done: readonly Value[]): void {
    const asks = this.#asks.get(id) ?? []
    const executed = this.#executed.get(id) ?? 0
    const isDone = ({ value, readSlot }: Ask) =>
      value === undefined
        ? readSlot !== undefined && readSlot <= executed
        : done.some((it) => sameValue(it, value))
    const answered = asks.filter(isDone)
    if (answered.length === 0) return
    this.#asks.set(
      id,
      asks.filter((ask) => !isDone(ask)),
    )
    const messages = answered.map(
      ({ client, text }) => [client, this.#exchange(`s${id}`, client, 'answer', [text])] as const,
    )
    for (const [client, message] of messages) this.#emit(client, { kind: 'receive', message, again: false })
  }
}

/** In a word or two. */
export function roleOf({ role, leader }: PaxosStatus): string {
  if (role !== 'follower') return role
  return leader === undefined ? 'no leader' : `follows s${leader}`
}
