// The load on any of the systems that speak Synod's client protocol: so many connections, each with so many
// puts in flight, for so long. Prints one line of JSON.
import { randomInt } from 'node:crypto'
import { connect } from 'synod'
import { kvCodecs } from 'synod-server'
import { systemClock } from '#synod/clock.js'
import { type ClientLink, openClientLink } from '#synod/net/client-link.js'
import { parseAddress } from '#synod/net/network.js'
import { tcpNetwork } from '#synod/net/tcp.js'
import { Latencies } from './latencies.js'

/** Sends one request and calls back when it is answered. */
type Send = (done: () => void) => void

const VALUE = Buffer.alloc(256, 'v')

async function synodConnection(endpoints: string[], index: number): Promise<Send> {
  const client = await connect({ endpoints, codecs: kvCodecs, timeout_ms: 30_000 })
  const command = { type: 'put', key: `bench-${index}`, value: VALUE } as const
  await client.execute(command)
  return (done) => {
    client.execute(command).then(done, fail)
  }
}

async function floorConnection(endpoints: string[], index: number): Promise<Send> {
  const value = kvCodecs.command.encode({ type: 'put', key: `bench-${index}`, value: VALUE })
  const waiting = new Map<number, () => void>()
  let request = 0
  let flushing = false
  let link!: ClientLink
  await new Promise<void>((resolve) => {
    link = openClientLink({
      network: tcpNetwork,
      clock: systemClock,
      random: () => randomInt(2 ** 32) / 2 ** 32,
      address: parseAddress(endpoints[0] ?? ''),
      hello: () => ({ type: 'client-hello', cluster: '' }),
      onUp: () => {
        resolve()
      },
      onDown: fail,
      onRefused: fail,
      onMessages(batch) {
        for (const message of batch) {
          if (message.type !== 'reply') continue
          const done = waiting.get(message.request)
          waiting.delete(message.request)
          done?.()
        }
      },
    })
  })
  return (done) => {
    waiting.set(++request, done)
    link.send({ type: 'execute', request, value })
    if (flushing) return
    flushing = true
    setImmediate(() => {
      flushing = false
      link.flush()
    })
  }
}

function fail(...reasons: unknown[]): void {
  process.stderr.write(`load: ${reasons.map(String).join(' ')}\n`)
  process.exit(1)
}

const [system = '', endpointList = '', connections = '1', inFlight = '1', seconds = '5', warmup = '1'] =
  process.argv.slice(2)
const endpoints = endpointList.split(',')
const open = system === 'floor' ? floorConnection : synodConnection
const sends = await Promise.all(
  Array.from({ length: Number(connections) }, (_, index) => open(endpoints, index)),
)
const latencies = new Latencies()
let running = true
let measuring = false

function loop(send: Send): void {
  const started_ms = performance.now()
  send(() => {
    if (measuring) latencies.add(performance.now() - started_ms)
    if (running) loop(send)
  })
}

for (const send of sends) for (let i = 0; i < Number(inFlight); i++) loop(send)
await new Promise((resolve) => setTimeout(resolve, Number(warmup) * 1000))
measuring = true
const started_ms = performance.now()
await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000))
const elapsed_s = (performance.now() - started_ms) / 1000
running = false
process.stdout.write(
  JSON.stringify({
    rate: latencies.count / elapsed_s,
    p50_ms: latencies.percentile(0.5),
    p99_ms: latencies.percentile(0.99),
  }) + '\n',
)
process.exit(0)
