import { once } from 'node:events'
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Chance } from 'synod-testing'
import { freePorts } from '../ports.js'
import { LinkProxy } from './link-proxy.js'

/** Long enough that a byte which can get through does. Only ever waited for where none may. */
const QUIET_MS = 100

let server: Server
let port: number
let proxy: LinkProxy
/** The connections that reached the server. */
let reached: Socket[]

beforeEach(async () => {
  reached = []
  server = createServer({ allowHalfOpen: true }, (socket) => {
    reached.push(socket.on('error', () => undefined))
    server.emit('reached')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = await freePorts(1)
  const target = { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
  const chance = new Chance(1)
  proxy = new LinkProxy({ port, target, random: () => chance.next() })
  await proxy.open()
})
afterEach(async () => {
  await proxy.close()
  for (const socket of reached) socket.destroy()
  server.close()
})

/** Both ends of a connection through the proxy, after a first byte. */
async function connected(): Promise<{ near: Socket; far: Socket }> {
  const near = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => undefined)
  near.write('!')
  if (reached.length === 0) await once(server, 'reached')
  const far = reached.at(-1)!
  await text(far, 1)
  return { near, far }
}

/** The next `sizeBytes` bytes. */
async function text(socket: Socket, sizeBytes: number): Promise<string> {
  let found = ''
  while (found.length < sizeBytes) {
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    found += chunk.toString('latin1')
  }
  return found
}

function sleep(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs))
}

test('the proxy passes and counts bytes in both directions, in order, and passes the ends of both', async () => {
  const { far, near } = await connected()
  const large = Array.from({ length: 1 << 20 }, (_, index) => String(index % 10)).join('')
  const [there, back] = [text(far, large.length), text(near, 5)]
  near.write(large)
  far.write('hello')
  expect(await there).toBe(large)
  expect(await back).toBe('hello')
  expect(proxy.carriedBytes).toEqual({ forth: 1 + large.length, back: 5 })
  near.end()
  await once(far, 'end')
  const last = text(near, 4)
  far.end('last')
  expect(await last).toBe('last')
  await once(near, 'close')
  expect(proxy.connections).toBe(0)
})

test('a delay holds back each byte by at least half of the delay', async () => {
  const { far, near } = await connected()
  proxy.impair({ delayMs: 200 })
  const startedMs = performance.now()
  const arrived = text(far, 3)
  near.write('abc')
  expect(await arrived).toBe('abc')
  expect(performance.now() - startedMs).toBeGreaterThan(99)
})

test('a rate limit holds back bytes above it', async () => {
  const { far, near } = await connected()
  proxy.impair({ rate: 10_000 })
  const startedMs = performance.now()
  const arrived = text(far, 2000)
  near.write('x'.repeat(2000))
  await arrived
  expect(performance.now() - startedMs).toBeGreaterThan(199)
})

test.each(['forth', 'back'] as const)(
  'while the way %s is cut, bytes pass the other way, and all pass after the cut is healed',
  async (cut) => {
    const { far, near } = await connected()
    const [silenced, heard] = cut === 'forth' ? [near, far] : [far, near]
    proxy.impair({ cut: [cut] })
    let arrived = ''
    heard.on('data', (chunk: Buffer) => (arrived += chunk.toString()))
    silenced.write('held')
    const answer = text(silenced, 5)
    heard.write('alive')
    expect(await answer).toBe('alive')
    await sleep(QUIET_MS)
    expect(arrived).toBe('')
    silenced.end()
    const ended = once(heard, 'end')
    proxy.impair({})
    await ended
    expect(arrived).toBe('held')
  },
)

test('a sender has to wait at a cut', async () => {
  const { far, near } = await connected()
  proxy.impair({ cut: ['forth'] })
  const sizeBytes = 64 << 20
  const arrived = text(far, sizeBytes)
  near.write(Buffer.alloc(sizeBytes, 'x'))
  await sleep(QUIET_MS)
  expect(near.writableLength).toBeGreaterThan(0)
  proxy.impair({})
  expect(await arrived).toHaveLength(sizeBytes)
})

test('a dial across a cut reaches the server only after the cut is healed', async () => {
  proxy.impair({ cut: ['forth'] })
  const near = connect(port, '127.0.0.1')
  near.write('?')
  await once(near, 'connect')
  await sleep(QUIET_MS)
  expect(reached).toHaveLength(0)
  const arrival = once(server, 'reached')
  proxy.impair({})
  await arrival
  expect(await text(reached[0]!, 1)).toBe('?')
  near.destroy()
})

test('a reset ends both connections, and new ones pass', async () => {
  const { far, near } = await connected()
  const ends = Promise.all([once(near, 'error'), once(far, 'error')])
  proxy.reset()
  expect(await ends).toMatchObject([[{ code: 'ECONNRESET' }], [{ code: 'ECONNRESET' }]])
  reached = []
  const { far: again } = await connected()
  expect(again.destroyed).toBe(false)
})

test('a reset by one end is passed to the other end, but not across a cut', async () => {
  const { far, near } = await connected()
  proxy.impair({ cut: ['back'] })
  far.resetAndDestroy()
  let isTold = false
  near.once('error', () => (isTold = true))
  await sleep(QUIET_MS)
  expect(isTold).toBe(false)
  const told = once(near, 'error')
  proxy.impair({})
  expect(await told).toMatchObject([{ code: 'ECONNRESET' }])
})

test('the proxy refuses connections while its target refuses them, until it is opened again', async () => {
  await connected()
  server.close()
  const first = connect(port, '127.0.0.1')
  first.write('?')
  await once(first, 'error')
  await expect(once(connect(port, '127.0.0.1'), 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await proxy.open()
  await once(
    connect(port, '127.0.0.1').on('error', () => undefined),
    'connect',
  )
})
