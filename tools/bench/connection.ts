// A client's half of the wire protocol and no more: what the library is measured against.
import { randomBytes } from 'node:crypto'
import { kvCodecs } from 'synod-server'
import { Reader } from 'synod/internal/bytes/reader.js'
import { systemClock } from 'synod/internal/clock.js'
import { commandHead, encodeCommand, encodeOpen } from 'synod/internal/machine/request.js'
import { newSessionKey } from 'synod/internal/machine/session-key.js'
import { type ClientLink, openClientLink } from 'synod/internal/net/client/link.js'
import type { ClientMessage, Reply } from 'synod/internal/net/client/messages.js'
import { parseAddress } from 'synod/internal/net/transport/network.js'
import { tcpNetwork } from 'synod/internal/net/transport/tcp.js'

export const VALUE = Buffer.alloc(256, 'v')

/** Called with the encoded result. */
type OnResult = (result: Uint8Array) => void

/** The version of the state machine from which on the commands are known. */
const VERSION = 1

/** In leaderless mode, a request without an answer goes to all servers after this time. */
const PATIENCE_MS = 20

/**
 * One client's connections: to the leader alone, or in leaderless mode to every server. There the
 * one that answered last is asked, as the library does.
 */
export class Connection {
  readonly #links: readonly ClientLink[]
  #targets: readonly ClientLink[]
  readonly #command: Uint8Array
  readonly #query: Uint8Array
  /** Who waits for the requests from the first one on that is not answered. */
  readonly #waiting: (OnResult | undefined)[] = []
  #first = 1
  /** Leaderless mode: what was asked, until it has been asked of all. */
  readonly #asked = new Map<number, ClientMessage>()
  #isLeaderless = false
  readonly #session = newSessionKey(randomBytes)
  /** What each command begins with; undefined on the floor, which has no sessions. */
  #head: Uint8Array | undefined
  #sequence = 0
  #nextRequest = 1
  #flushing = false

  private constructor(
    endpoints: readonly string[],
    index: number,
    at: string,
    onReady: (connection: Connection) => void,
  ) {
    this.#command = encodePut(index)
    this.#query = encodeGet(index)
    const servers = new Map<number, ClientLink>()
    let leader = 0
    const check = (mode: string) => {
      if (servers.size < endpoints.length) return
      if (mode === 'leader' && endpoints.length > 1) {
        if (!servers.has(leader)) return
        const server = [...servers.keys()].find((each) => (each === leader) === (at === 'leader'))
        this.#targets = [servers.get(server ?? 0) ?? fail(`no ${at}`)]
      }
      if (mode === 'leaderless' && !this.#isLeaderless) this.#askAllWhenLate()
      onReady(this)
    }
    this.#links = endpoints.map((endpoint) => {
      let mode = ''
      const link: ClientLink = openClientLink({
        network: tcpNetwork,
        clock: systemClock,
        random: Math.random,
        address: parseAddress(endpoint),
        hello: () => ({ type: 'client-hello', cluster: '', clusterId: null }),
        onUp: (welcome) => {
          mode = welcome.mode
          servers.set(welcome.server, link)
          check(mode)
        },
        onDown: fail,
        onRefused: fail,
        onMessages: (batch) => {
          for (const message of batch) {
            if (message.type === 'reply') {
              if (this.#isLeaderless && this.#waits(message.request)) this.#answeredBy(link, message)
              this.#answered(message)
            } else if (message.type === 'fail') {
              // In leaderless mode a server that is late may refuse what another one has answered
              // by then.
              if (this.#waits(message.request)) fail(message.code, message.message)
            } else if (message.type === 'leader' && message.server !== 0) {
              leader = message.server
              check(mode)
            }
          }
        },
      })
      return link
    })
    this.#targets = this.#links
  }

  /** `at`: whether the leader is asked, or a follower. */
  static async open(
    system: string,
    endpoints: readonly string[],
    index: number,
    at = 'leader',
  ): Promise<Connection> {
    const connection = await new Promise<Connection>(
      (resolve) => new Connection(endpoints, index, at, resolve),
    )
    if (system !== 'floor') {
      const opening = await new Promise<number>((resolve) => {
        connection.#execute(encodeOpen(connection.#session), (result) => {
          resolve(new Reader(result).varint())
        })
      })
      connection.#head = commandHead(connection.#session, opening)
    }
    return connection
  }

  /** Sends one put, and calls back when it is answered. */
  put(done: OnResult): void {
    const sequence = ++this.#sequence
    const acknowledged = sequence - 1 - (this.#nextRequest - this.#first)
    const value =
      this.#head === undefined
        ? this.#command
        : encodeCommand(this.#head, sequence, acknowledged, VERSION, this.#command)
    this.#execute(value, done)
  }

  /** Sends one linearizable read, and calls back when it is answered. */
  get(done: OnResult): void {
    this.#send({ type: 'read', request: this.#nextRequest++, query: this.#query }, done)
  }

  /** Sends one read of the state as it is on the server that is asked. */
  getStale(done: OnResult): void {
    const question = { type: 'stale-read', atLeast: 0, query: this.#query } as const
    this.#send({ ...question, request: this.#nextRequest++ }, done)
  }

  #waits(request: number): boolean {
    return this.#waiting[request - this.#first] !== undefined
  }

  #answered({ request, result }: Reply): void {
    const waiting = this.#waiting
    const done = waiting[request - this.#first]
    if (done === undefined) return
    waiting[request - this.#first] = undefined
    for (; waiting.length > 0 && waiting[0] === undefined; waiting.shift()) this.#first++
    done(result)
  }

  #answeredBy(link: ClientLink, { request }: Reply): void {
    this.#targets = [link]
    this.#asked.delete(request)
  }

  #askAllWhenLate(): void {
    this.#isLeaderless = true
    let last = 0
    setInterval(() => {
      for (const [request, message] of this.#asked) {
        if (request > last) break
        this.#asked.delete(request)
        for (const link of this.#links) if (!this.#targets.includes(link)) link.send(message)
      }
      last = this.#nextRequest - 1
      for (const link of this.#links) link.flush()
    }, PATIENCE_MS)
  }

  #execute(value: Uint8Array, done: OnResult): void {
    this.#send({ type: 'execute', request: this.#nextRequest++, value }, done)
  }

  #send(message: ClientMessage, done: OnResult): void {
    this.#waiting.push(done)
    if (this.#isLeaderless) this.#asked.set(message.request, message)
    for (const link of this.#targets) link.send(message)
    if (this.#flushing) return
    this.#flushing = true
    process.nextTick(() => {
      this.#flushing = false
      for (const link of this.#targets) link.flush()
    })
  }
}

/** The command that client `index` sends. */
export function encodePut(index: number): Uint8Array {
  return kvCodecs.command.encode({ type: 'put', key: `bench-${index}`, value: VALUE })
}

export function encodeGet(index: number): Uint8Array {
  return kvCodecs.query.encode({ type: 'get', key: `bench-${index}` })
}

/** Of a benchmark's process: it has nothing to measure any more. */
export function fail(...reasons: unknown[]): never {
  process.stderr.write(`load: ${reasons.map(String).join(' ')}\n`)
  process.exit(1)
}
