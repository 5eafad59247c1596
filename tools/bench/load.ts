// The load: connections, each with a number of puts in flight, for a time. It speaks the wire
// protocol itself, to the floor as to Synod, so that the servers are compared (as h2load does for
// etcd). Prints one line of JSON.
import { randomBytes } from 'node:crypto'
import { kvCodecs } from 'synod-server'
import { Reader } from 'synod/internal/bytes/reader.js'
import { systemClock } from 'synod/internal/clock.js'
import { encodeOpen, encodeRequest } from 'synod/internal/machine/request.js'
import { newSessionKey } from 'synod/internal/machine/session-key.js'
import { type ClientLink, openClientLink } from 'synod/internal/net/client/link.js'
import { parseAddress } from 'synod/internal/net/transport/network.js'
import { tcpNetwork } from 'synod/internal/net/transport/tcp.js'
import { Latencies } from './latencies.js'

const VALUE = Buffer.alloc(256, 'v')

/** One client's connections: to the leader alone, or in leaderless mode to every server. */
class Connection {
  readonly #links: readonly ClientLink[]
  #targets: readonly ClientLink[]
  readonly #command: Uint8Array
  readonly #waiting = new Map<number, (result: Uint8Array) => void>()
  readonly #session = newSessionKey(randomBytes)
  /** 0 on the floor, which has no sessions. */
  #opening = 0
  #sequence = 0
  #nextRequest = 1
  #flushing = false

  private constructor(
    endpoints: readonly string[],
    index: number,
    onReady: (connection: Connection) => void,
  ) {
    this.#command = kvCodecs.command.encode({ type: 'put', key: `bench-${index}`, value: VALUE })
    const servers = new Map<number, ClientLink>()
    let leader = 0
    const check = (mode: string) => {
      if (servers.size < endpoints.length) return
      if (mode === 'leader' && endpoints.length > 1) {
        const link = servers.get(leader)
        if (link === undefined) return
        this.#targets = [link]
      }
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
              this.#waiting.get(message.request)?.(message.result)
              this.#waiting.delete(message.request)
            } else if (message.type === 'fail') {
              // In leaderless mode a server that is late may refuse what another one has answered
              // by then.
              if (this.#waiting.has(message.request)) fail(message.code, message.message)
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

  static async open(system: string, endpoints: readonly string[], index: number): Promise<Connection> {
    const connection = await new Promise<Connection>((resolve) => new Connection(endpoints, index, resolve))
    if (system !== 'floor') {
      connection.#opening = await new Promise<number>((resolve) => {
        connection.#execute(encodeOpen(connection.#session), (result) => {
          resolve(new Reader(result).varint())
        })
      })
    }
    return connection
  }

  /** Sends one put, and calls back when it is answered. */
  put(done: () => void): void {
    const session = this.#session
    const opening = this.#opening
    const sequence = ++this.#sequence
    const next = this.#nextRequest
    const [oldest = next] = this.#waiting.keys()
    const acknowledged = sequence - 1 - (next - oldest)
    const value =
      opening === 0
        ? this.#command
        : encodeRequest({
            kind: 'command',
            timeMs: 0,
            session,
            opening,
            sequence,
            acknowledged,
            version: 1,
            command: this.#command,
          })
    this.#execute(value, done)
  }

  #execute(value: Uint8Array, done: (result: Uint8Array) => void): void {
    const request = this.#nextRequest++
    this.#waiting.set(request, done)
    for (const link of this.#targets) link.send({ type: 'execute', request, value })
    if (this.#flushing) return
    this.#flushing = true
    process.nextTick(() => {
      this.#flushing = false
      for (const link of this.#targets) link.flush()
    })
  }
}

function fail(...reasons: unknown[]): void {
  process.stderr.write(`load: ${reasons.map(String).join(' ')}\n`)
  process.exit(1)
}

const [
  system = '',
  endpointList = '',
  connectionCount = '1',
  inFlightText = '1',
  seconds = '5',
  warmUpSeconds = '10',
] = process.argv.slice(2)
const inFlight = Number(inFlightText)
const connections = await Promise.all(
  Array.from({ length: Number(connectionCount) }, (_, index) =>
    Connection.open(system, endpointList.split(','), index),
  ),
)
const latencies = new Latencies()
let running = true
let measuring = false

function loop(connection: Connection): void {
  const startedMs = performance.now()
  connection.put(() => {
    if (measuring) latencies.add(performance.now() - startedMs)
    if (running) loop(connection)
  })
}

for (const connection of connections) for (let i = 0; i < inFlight; i++) loop(connection)
await new Promise((resolve) => setTimeout(resolve, Number(warmUpSeconds) * 1000))
measuring = true
const startedMs = performance.now()
await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000))
const elapsedSeconds = (performance.now() - startedMs) / 1000
running = false
process.stdout.write(
  JSON.stringify({
    rate: latencies.count / elapsedSeconds,
    p50Ms: latencies.percentile(0.5),
    p99Ms: latencies.percentile(0.99),
  }) + '\n',
)
process.exit(0)
