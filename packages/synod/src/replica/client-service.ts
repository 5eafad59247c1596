import { MalformedError } from '../bytes/reader.js'
import { toKeep } from '../bytes/to-keep.js'
import type { ClusterId } from '../cluster/cluster-id.js'
import { SynodError } from '../errors.js'
import type { Executor } from '../machine/executor.js'
import type { AnyMachine } from '../machine/machine.js'
import { type Outcome, outcomeError } from '../machine/outcome.js'
import { type Linked, LinkedList } from '../linked-list.js'
import type { ChannelListener } from '../net/transport/channel-listener.js'
import { type ClientConnection, listenForClients } from '../net/client/listener.js'
import type {
  Cancel,
  ClientMessage,
  LeaderHint,
  ReplicaMessage,
  StatusRequest,
} from '../net/client/messages.js'
import type { ClientHello, ClientWelcome, Refuse } from '../net/hello.js'
import type { ClientLoad } from '../net/transport/client-load.js'
import type { Address, Network } from '../net/transport/network.js'
import { BYTES_PER_UNIT } from '../net/transport/turns.js'
import type { HeldStatus } from '../status.js'
import { type Caller, OVER, type Operation } from './caller.js'
import type { Followable } from './follows.js'
import type { Leadership } from './leadership.js'
import { NumberTable } from './number-table.js'
import { type Operations, checkSize } from './operations.js'
import { MAX_COMMAND_BYTES, type Settings } from './options.js'
import type { Query } from './pending-reads.js'
import { REQUEST_OVERHEAD_BYTES } from '../machine/request.js'
import { RefusalLog } from './refusal-log.js'
import { type Holder, HeldBytes } from './held-bytes.js'

/**
 * A client with this many requests under way, or this much unread, is not read from until it has
 * fewer.
 */
export const MAX_UNDER_WAY = 4096
export const MAX_UNREAD_BYTES = 4 << 20

/** What a connection takes, and a request besides its bytes, until it is answered. */
const CONNECTION_BYTES = 8 * 1024
const REQUEST_BYTES = 1024

/**
 * Writing to a connection takes as long as handling this many messages. A few are written to in any
 * turn.
 */
const FLUSH_UNITS = 4
const FLUSHES_AT_LEAST = 32

/** At most this many requests of clients that are gone are given up in one turn. */
const GIVE_UPS_PER_TURN = 512

const NOTHING = new Uint8Array(0)

export interface ClientServiceParts {
  readonly settings: Settings
  /** Shared with others who do something for clients. */
  readonly clientLoad: ClientLoad
  readonly operations: Operations
  readonly leadership: Leadership
  readonly peers: { readonly clusterId: ClusterId | null }
  readonly state: { readonly executor: Pick<Executor<AnyMachine>, 'executed' | 'query' | 'followEncoded'> }
  readonly report: { status(): unknown }
}

interface Client extends Holder, Linked<Client> {
  readonly connection: ClientConnection
  /** By the numbers of the requests. */
  readonly underWay: NumberTable<ClientCall>
  paused: boolean
  /** Something was said to it since it was last written to. */
  isUnflushed: boolean
}

/** What a client asks a replica to do. */
type Asked = Exclude<ClientMessage, StatusRequest | Cancel>

/** What a command comes to, or a read, or a transfer. */
type Answer = Outcome | Uint8Array | undefined

/** Something that a client has asked for, until it is answered. */
class ClientCall implements Caller<Answer> {
  readonly #service: ClientService
  readonly client: Client
  readonly request: number
  readonly bytes: number
  operation = OVER

  constructor(service: ClientService, client: Client, request: number, bytes: number) {
    this.#service = service
    this.client = client
    this.request = request
    this.bytes = bytes
  }

  done(answer: Answer | SynodError): void {
    this.#service.answer(this, answer)
  }
}

/** Serves clients over the network: takes their requests, and sends back the results. */
export class ClientService {
  readonly #parts: ClientServiceParts
  readonly #settings: Settings
  readonly #clients = new Map<ClientConnection, Client>()
  /** Those to whom something has been said since they were last written to. */
  readonly #unflushed = new LinkedList<Client>()
  #isFlushing = false
  readonly #load: ClientLoad
  readonly #held: HeldBytes
  readonly #refusals: RefusalLog
  /** The status as it was told last, and in which turn. */
  #told: { readonly turn: number; readonly status: Uint8Array } = { turn: -1, status: NOTHING }
  #listener: ChannelListener | undefined

  constructor(parts: ClientServiceParts) {
    const { clientLoad, settings } = parts
    this.#parts = parts
    this.#settings = settings
    const { clock } = settings.host
    this.#load = clientLoad
    this.#held = new HeldBytes(
      clientLoad.budget,
      () => clock.now(),
      () => this.#clients.size,
    )
    this.#refusals = new RefusalLog(clock, settings.logger, 'a client')
  }

  get size(): number {
    return this.#clients.size
  }

  /**
   * The bytes held for clients, in any form; and how many of them are in frames whose end has not
   * arrived.
   */
  get held(): HeldStatus {
    const { budget, frames } = this.#load
    return { bytes: budget.heldBytes, mostBytes: budget.mostBytes, unfinishedBytes: frames.bytes }
  }

  async listen(network: Pick<Network, 'listen'>, address: Address): Promise<void> {
    const settings = this.#settings
    this.#listener = await listenForClients({
      network,
      clock: settings.host.clock,
      address,
      judge: (hello) => this.#judge(hello),
      clientLoad: this.#load,
      connectionLimit: settings.connections.clients,
      onConnected: (connection) => {
        this.#load.budget.hold(CONNECTION_BYTES)
        const client: Client = {
          connection,
          underWay: new NumberTable(),
          paused: false,
          isUnflushed: false,
          ...{ before: undefined, after: undefined },
          askedBytes: 0,
          unreadBytes: 0,
        }
        this.#clients.set(connection, client)
        this.#say(client, this.#parts.leadership.hint)
        connection.flush()
      },
      onMessages: (connection, batch) => {
        const client = this.#clients.get(connection)
        if (client === undefined) return
        for (const message of batch) this.#receive(client, message)
        // What could be answered at once need not wait for a turn of the replica: there may be
        // none.
        connection.flush()
        this.#held.settle(client)
        this.#pauseOrResume(client)
      },
      onDrained: (connection) => {
        const client = this.#clients.get(connection)
        if (client === undefined) return
        this.#held.settle(client)
        this.#pauseOrResume(client)
      },
      onDisconnected: (connection) => {
        const client = this.#clients.get(connection)
        if (client === undefined) return
        this.#clients.delete(connection)
        this.#flushed(client)
        this.#held.forget(client)
        this.#load.budget.release(CONNECTION_BYTES)
        this.#giveUp(client)
      },
      isIdle: (connection) =>
        this.#clients.get(connection)?.underWay.size === 0 && connection.unsentBytes === 0,
      onRefused: (error, remote) => {
        this.#refusals.warn(error, remote)
      },
    })
  }

  /** Tells all clients who leads now. */
  sendHint(hint: LeaderHint): void {
    for (const client of this.#clients.values()) this.#say(client, hint)
  }

  /** Tells clients that came before the cluster had formed its id. */
  sendFormed(clusterId: ClusterId): void {
    for (const client of this.#clients.values()) this.#say(client, { type: 'formed', clusterId })
    this.flush()
  }

  /** What has been said leaves: to many connections, over several turns. */
  flush(): void {
    if (this.#isFlushing) return
    const { turns } = this.#load
    let flushes = 0
    for (let client = this.#unflushed.first; client !== undefined; client = this.#unflushed.first) {
      if (flushes++ >= FLUSHES_AT_LEAST && !turns.hasBudget) {
        this.#isFlushing = true
        turns.later(() => {
          this.#isFlushing = false
          this.flush()
        }, 'modest')
        return
      }
      this.#flushed(client)
      client.connection.flush()
      turns.spend(FLUSH_UNITS)
      this.#held.settle(client)
    }
  }

  async close(): Promise<void> {
    for (let { first } = this.#unflushed; first !== undefined; { first } = this.#unflushed) {
      this.#flushed(first)
      first.connection.flush()
    }
    await this.#listener?.close()
  }

  #judge({ cluster, clusterId: wanted }: ClientHello): ClientWelcome | Refuse {
    const { clusterName, id, mode } = this.#settings
    const { clusterId } = this.#parts.peers
    if (cluster !== '' && cluster !== clusterName) {
      const reason = `this is cluster '${clusterName}', not '${cluster}'`
      return { type: 'refuse', code: 'wrong-cluster', reason }
    }
    if (wanted !== null && clusterId === null) {
      // It may be about to join the cluster of this client, which dials again until it knows.
      return { type: 'refuse', code: 'unreachable', reason: `s${id} has not formed a cluster yet` }
    }
    if (wanted !== null && wanted !== clusterId) {
      const reason = `cluster '${clusterName}' of s${id} has the id ${clusterId}, the one that this client was connected to has the id ${wanted}`
      return { type: 'refuse', code: 'wrong-cluster', reason }
    }
    const maxCommandBytes = MAX_COMMAND_BYTES
    return { type: 'client-welcome', cluster: clusterName, clusterId, mode, server: id, maxCommandBytes }
  }

  #receive(client: Client, message: ClientMessage): void {
    try {
      if (message.type === 'status') this.#replyIfRoom(client, message.request, this.#status())
      else if (message.type === 'cancel') this.#cancel(client, message.request)
      else this.#begin(client, message)
    } catch (error) {
      if (error instanceof MalformedError)
        this.#fail(client, message.request, new SynodError('wrong-protocol', error.message))
      else if (error instanceof SynodError) this.#fail(client, message.request, error)
      else throw error
    }
  }

  /**
   * Throws `overloaded`, `too-large`, and what the operation throws; and `wrong-protocol` for a
   * number that is in use: an answer could not be told apart.
   */
  #begin(client: Client, message: Asked): void {
    const { request } = message
    if (client.underWay.has(request))
      throw new SynodError('wrong-protocol', `request ${request} is under way already`)
    const call = new ClientCall(this, client, request, REQUEST_BYTES + sizeOf(message))
    this.#held.check(client, call.bytes)
    client.underWay.set(request, call)
    this.#held.ask(client, call.bytes)
    try {
      call.operation = this.#start(call, message)
    } catch (error) {
      this.#end(call)
      throw error
    }
  }

  #start(call: ClientCall, message: Asked): Operation {
    const { operations } = this.#parts
    switch (message.type) {
      case 'execute':
        if (message.value.length > MAX_COMMAND_BYTES + REQUEST_OVERHEAD_BYTES)
          throw new SynodError('too-large', `a command has at most ${MAX_COMMAND_BYTES} bytes`)
        return operations.execute(message.value, call.client, call)
      case 'read':
        return operations.read(this.#query(message.query), call, call.client)
      case 'stale-read':
        return operations.readStale(this.#query(message.query), message.atLeast, call, call.client)
      case 'follow':
        return operations.follow(this.#followable(message.query), message.atLeast, call, call.client)
      case 'transfer':
        return operations.transfer(message.to, call)
      case 'save':
        return operations.save(message.slot, message.offset, call.client, call)
    }
  }

  /** Throws `too-large`. */
  #query(bytes: Uint8Array): Query<Uint8Array> {
    checkSize('query', bytes)
    const query = toKeep(bytes)
    return { sizeBytes: query.length, answer: () => this.#parts.state.executor.query(query) }
  }

  /** Throws `too-large`. */
  #followable(bytes: Uint8Array): Followable<Uint8Array> {
    checkSize('query', bytes)
    const query = toKeep(bytes)
    const { executor } = this.#parts.state
    return { sizeBytes: query.length, begin: (onReady) => executor.followEncoded(query, onReady) }
  }

  #cancel(client: Client, request: number): void {
    const call = client.underWay.get(request)
    if (call === undefined) return
    this.#end(call)
    call.operation.giveUp()
  }

  #end({ bytes, client, request }: ClientCall): void {
    if (client.underWay.delete(request)) this.#held.answer(client, bytes)
  }

  /** Tells a client what it has asked for has come to. */
  answer(call: ClientCall, answer: Answer | SynodError): void {
    const { client, request } = call
    this.#end(call)
    if (answer instanceof SynodError) this.#fail(client, request, answer)
    else if (answer === undefined) this.#reply(client, request, NOTHING)
    else if (answer instanceof Uint8Array) this.#replyIfRoom(client, request, answer)
    else if (answer.status === 'done') this.#reply(client, request, answer.result)
    else this.#fail(client, request, outcomeError(answer))
  }

  /** The client is gone, and waits for nothing any more. */
  #giveUp(client: Client): void {
    const { turns } = this.#load
    const calls = client.underWay.take(GIVE_UPS_PER_TURN)
    for (const call of calls) {
      this.#held.answer(client, call.bytes)
      call.operation.giveUp()
    }
    turns.spend(calls.length)
    if (client.underWay.size === 0) return
    turns.later(() => {
      this.#giveUp(client)
    }, 'more')
  }

  /** Worked out once in a turn: it takes longer than asking for it. */
  #status(): Uint8Array {
    const turn = this.#load.turns.number
    if (this.#told.turn !== turn)
      this.#told = { turn, status: Buffer.from(JSON.stringify(this.#parts.report.status())) }
    return this.#told.status
  }

  /**
   * Many that waited may be answered at once: the answer of a read is refused rather than kept for
   * too long.
   */
  #replyIfRoom(client: Client, request: number, answer: Uint8Array): void {
    try {
      this.#held.check(client, answer.length)
    } catch (error) {
      this.#fail(client, request, error as SynodError)
      return
    }
    this.#reply(client, request, answer)
  }

  #reply(client: Client, request: number, result: Uint8Array): void {
    this.#load.turns.spend(Math.floor(result.length / BYTES_PER_UNIT))
    this.#say(client, { type: 'reply', request, slot: this.#parts.state.executor.executed, result })
    if (client.paused) this.#pauseOrResume(client)
  }

  #fail(client: Client, request: number, { code, message, retryAfterMs = 0 }: SynodError): void {
    this.#say(client, { type: 'fail', request, code, retryAfterMs, message })
    if (client.paused) this.#pauseOrResume(client)
  }

  #say(client: Client, message: ReplicaMessage): void {
    client.connection.send(message)
    if (!client.isUnflushed) this.#unflushed.append(client)
    client.isUnflushed = true
    this.#held.settle(client)
  }

  #flushed(client: Client): void {
    if (client.isUnflushed) this.#unflushed.remove(client)
    client.isUnflushed = false
  }

  #pauseOrResume(client: Client): void {
    const { connection, paused, underWay } = client
    const share = paused ? 0.5 : 1
    const busy = underWay.size > share * MAX_UNDER_WAY || connection.unsentBytes > share * MAX_UNREAD_BYTES
    if (busy === paused) return
    client.paused = busy
    if (busy) connection.pause()
    else connection.resume()
  }
}

function sizeOf(message: Asked): number {
  if (message.type === 'execute') return message.value.length
  const { type } = message
  return type === 'read' || type === 'stale-read' || type === 'follow' ? message.query.length : 0
}
