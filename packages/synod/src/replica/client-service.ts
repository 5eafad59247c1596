import { MalformedError } from '../bytes/reader.js'
import { SynodError } from '../errors.js'
import { type Outcome, outcomeError } from '../machine/outcome.js'
import type { ChannelListener } from '../net/channel-listener.js'
import { type ClientConnection, listenForClients } from '../net/client-listener.js'
import type { ClientMessage, LeaderHint } from '../net/client-messages.js'
import type { Address } from '../net/network.js'
import type { ServerId, Slot } from '../paxos/ballot.js'
import { MAX_COMMAND_BYTES, type Settings } from './options.js'
import type { Done } from './reads.js'
import { REQUEST_OVERHEAD_BYTES } from '../machine/request.js'
import { Unread } from './unread.js'

/** A client with this many requests under way, or this much unread, is not read from until it has fewer. */
const MAX_UNDER_WAY = 4096
const MAX_UNREAD_BYTES = 4 << 20

const NOTHING = new Uint8Array(0)

/** What the service asks of the replica. Each returns a function that gives up on the request. */
export interface ClientRequests {
  execute(value: Uint8Array, done: (outcome: Outcome) => void): () => void
  read(query: Uint8Array, done: Done): () => void
  readStale(query: Uint8Array, atLeast: Slot, done: Done): () => void
  transfer(to: ServerId, done: (error?: SynodError) => void): () => void
  /** The executed bar. */
  executed(): Slot
  status(): unknown
  hint(): LeaderHint
}

interface UnderWay {
  readonly request: number
  giveUp: () => void
  /** Its place in the list of the client. */
  index: number
}

interface Client {
  readonly connection: ClientConnection
  /** In no order. */
  readonly underWay: UnderWay[]
  paused: boolean
}

/** Serves clients over the network: takes their requests, and gives back what comes of them. */
export class ClientService {
  readonly #settings: Settings
  readonly #requests: ClientRequests
  readonly #clients = new Map<ClientConnection, Client>()
  /** Those to whom something has been said in this turn. */
  readonly #unflushed = new Set<ClientConnection>()
  readonly #unread: Unread
  #listener: ChannelListener | undefined

  constructor(settings: Settings, requests: ClientRequests) {
    this.#settings = settings
    this.#requests = requests
    this.#unread = new Unread(
      () => settings.host.clock.now(),
      () => [...this.#clients.keys()].reduce((sum, { unsent_bytes }) => sum + unsent_bytes, 0),
    )
  }

  get size(): number {
    return this.#clients.size
  }

  /** Rejects with `invalid-options` if it cannot listen. */
  async listen(address: Address): Promise<void> {
    const { clusterName, host, id, logger, mode } = this.#settings
    this.#listener = await listenForClients({
      ...host,
      address,
      judge: ({ cluster }) =>
        cluster === '' || cluster === clusterName
          ? {
              type: 'client-welcome',
              cluster: clusterName,
              mode,
              server: id,
              maxCommand_bytes: MAX_COMMAND_BYTES,
            }
          : {
              type: 'refuse',
              code: 'wrong-cluster',
              reason: `this is cluster '${clusterName}', not '${cluster}'`,
            },
      onConnected: (connection) => {
        this.#clients.set(connection, { connection, underWay: [], paused: false })
        this.#say(connection, this.#requests.hint())
        this.flush()
      },
      onMessages: (connection, batch) => {
        const client = this.#clients.get(connection)
        if (client === undefined) return
        for (const message of batch) this.#receive(client, message)
        // What could be answered at once need not wait for a turn of the replica: there may be none.
        this.flush()
        this.#pauseOrResume(client)
      },
      onDrained: (connection) => {
        const client = this.#clients.get(connection)
        if (client !== undefined) this.#pauseOrResume(client)
      },
      onDisconnected: (connection) => {
        for (const { giveUp } of this.#clients.get(connection)?.underWay ?? []) giveUp()
        this.#clients.delete(connection)
        this.#unflushed.delete(connection)
      },
      onRefused: (error, remote) => {
        logger.warn({ code: error.code, remote }, `refused a client at ${remote}: ${error.message}`)
      },
    })
  }

  /** Tells all clients who leads now. */
  tellHint(hint: LeaderHint): void {
    for (const connection of this.#clients.keys()) this.#say(connection, hint)
  }

  /** What has been said leaves. */
  flush(): void {
    for (const connection of this.#unflushed) connection.flush()
    this.#unflushed.clear()
  }

  async close(): Promise<void> {
    this.flush()
    await this.#listener?.close()
  }

  #receive(client: Client, message: ClientMessage): void {
    try {
      switch (message.type) {
        case 'execute':
          this.#execute(client, message.request, message.value)
          break
        case 'read':
          this.#unread.check()
          this.#read(client, message.request, (done) => this.#requests.read(message.query, done))
          break
        case 'stale-read':
          this.#unread.check()
          this.#read(client, message.request, (done) =>
            this.#requests.readStale(message.query, message.atLeast, done),
          )
          break
        case 'transfer':
          this.#read(client, message.request, (done) =>
            this.#requests.transfer(message.to, (error) => {
              done(error ?? NOTHING)
            }),
          )
          break
        case 'status':
          this.#reply(client, message.request, Buffer.from(JSON.stringify(this.#requests.status())))
          break
        case 'cancel':
          this.#cancel(client, message.request)
          break
      }
    } catch (error) {
      if (error instanceof MalformedError)
        this.#fail(client, message.request, new SynodError('wrong-protocol', error.message))
      else if (error instanceof SynodError) this.#fail(client, message.request, error)
      else throw error
    }
  }

  #execute(client: Client, request: number, value: Uint8Array): void {
    if (value.length > MAX_COMMAND_BYTES + REQUEST_OVERHEAD_BYTES) {
      throw new SynodError('too-large', `a command has at most ${MAX_COMMAND_BYTES} bytes`)
    }
    this.#unread.check()
    const underWay = begin(client, request)
    try {
      underWay.giveUp = this.#requests.execute(value, (outcome) => {
        end(client, underWay)
        this.#answer(client, request, outcome)
      })
    } catch (error) {
      end(client, underWay)
      throw error
    }
  }

  #read(client: Client, request: number, start: (done: Done) => () => void): void {
    const underWay = begin(client, request)
    try {
      underWay.giveUp = start((answer) => {
        end(client, underWay)
        if (answer instanceof SynodError) this.#fail(client, request, answer)
        else this.#replyIfRoom(client, request, answer)
      })
    } catch (error) {
      end(client, underWay)
      throw error
    }
  }

  #cancel(client: Client, request: number): void {
    const underWay = client.underWay.find((other) => other.request === request)
    if (underWay === undefined) return
    end(client, underWay)
    underWay.giveUp()
  }

  #answer(client: Client, request: number, outcome: Outcome): void {
    if (outcome.status === 'done') {
      this.#reply(client, request, outcome.result)
    } else {
      this.#fail(client, request, outcomeError(outcome))
    }
  }

  /** Many that waited may be answered at once: an answer that changes nothing is left out rather than kept for too long. */
  #replyIfRoom(client: Client, request: number, answer: Uint8Array): void {
    try {
      this.#unread.check()
    } catch (error) {
      this.#fail(client, request, error as SynodError)
      return
    }
    this.#reply(client, request, answer)
  }

  #reply(client: Client, request: number, result: Uint8Array): void {
    this.#unread.said(result.length)
    this.#say(client.connection, { type: 'reply', request, slot: this.#requests.executed(), result })
    if (client.paused) this.#pauseOrResume(client)
  }

  #fail(client: Client, request: number, { code, message, retryAfter_ms = 0 }: SynodError): void {
    this.#say(client.connection, { type: 'fail', request, code, retryAfter_ms, message })
    if (client.paused) this.#pauseOrResume(client)
  }

  #say(connection: ClientConnection, message: Parameters<ClientConnection['send']>[0]): void {
    connection.send(message)
    this.#unflushed.add(connection)
  }

  #pauseOrResume(client: Client): void {
    const { connection, paused, underWay } = client
    const share = paused ? 0.5 : 1
    const busy = underWay.length > share * MAX_UNDER_WAY || connection.unsent_bytes > share * MAX_UNREAD_BYTES
    if (busy === paused) return
    client.paused = busy
    if (busy) connection.pause()
    else connection.resume()
  }
}

function begin(client: Client, request: number): UnderWay {
  const underWay: UnderWay = { request, giveUp: () => undefined, index: client.underWay.length }
  client.underWay.push(underWay)
  return underWay
}

/** The last one of the list takes its place. */
function end(client: Client, { index }: UnderWay): void {
  const last = client.underWay.pop()
  if (last === undefined || last.index === index) return
  last.index = index
  client.underWay[index] = last
}
