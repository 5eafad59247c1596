import { once } from 'node:events'
import { type Socket, connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from './processes.js'
import { startProxies } from './proxies.js'
import { median } from './report.js'

const CONNECTIONS = 100
/** On each connection. */
const IN_FLIGHT_BYTES = 64 << 10
/** Of the size of a request, and written by itself: small chunks are what costs a proxy most. */
const MESSAGE = Buffer.alloc(320, 'e')
const SECONDS = 4
const PINGS = 20

/** What the proxies are capable of. */
export interface ProxyLimits {
  /** The most bytes in one second, of an echo on many connections. */
  readonly busiestBytes: number
  /** Of one byte, there and back, when nothing else is under way. */
  readonly roundTripMs: number
}

/** Runs an echo behind proxies of this delay. */
export async function measureProxies(delayMs: number): Promise<ProxyLimits> {
  const [port = 0] = await freePorts(1)
  const server = createServer({ noDelay: true }, (socket) => {
    // The other side destroys it.
    socket.on('error', () => undefined)
    socket.pipe(socket)
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  const proxies = await startProxies(delayMs, [`127.0.0.1:${port}`])
  const [, proxyPort = ''] = proxies.addresses[0]?.split(':') ?? []
  const sockets = Array.from({ length: CONNECTIONS }, () =>
    connect({ port: Number(proxyPort), host: '127.0.0.1', noDelay: true }),
  )
  try {
    await Promise.all(sockets.map((socket) => once(socket, 'connect')))
    const roundTripMs = await medianPingMs(sockets[0])
    for (const socket of sockets) keepBusy(socket)
    await sleep(SECONDS * 1000)
    return { busiestBytes: await proxies.busiestBytes(), roundTripMs }
  } finally {
    for (const socket of sockets) socket.destroy()
    proxies.stop()
    server.close()
  }
}

async function medianPingMs(socket: Socket | undefined): Promise<number> {
  const times: number[] = []
  for (let ping = 0; socket !== undefined && ping < PINGS; ping++) {
    const beganMs = performance.now()
    socket.write('p')
    await once(socket, 'data')
    times.push(performance.now() - beganMs)
  }
  return median(times)
}

/** Sends as much again as comes back. */
function keepBusy(socket: Socket): void {
  let owedBytes = IN_FLIGHT_BYTES
  const send = (bytes: number) => {
    for (owedBytes += bytes; owedBytes >= MESSAGE.length; owedBytes -= MESSAGE.length) socket.write(MESSAGE)
  }
  socket.on('data', ({ length }) => {
    send(length)
  })
  send(0)
}
