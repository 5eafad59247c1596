import { describe, expect, test } from 'vitest'
import { encodeClientMessage } from '../../src/net/client/codec.js'
import type { ClientMessage } from '../../src/net/client/messages.js'
import { FrameWriter, HEADER_BYTES } from '../../src/net/transport/frame.js'
import { encodeHandshake } from '../../src/net/hello.js'
import { MAX_HELD_AT_ALL_BYTES } from '../../src/net/transport/client-load.js'
import type { Socket } from '../../src/net/transport/network.js'
import { FRAME_TIMEOUT_MS, MAX_UNFINISHED_BYTES } from '../../src/net/transport/unfinished-frames.js'
import { MAX_UNDER_WAY } from '../../src/replica/client-service.js'
import { World } from './world.js'

const QUERY = Buffer.from('0')

/**
 * A client that says what it likes, all of a kind in one frame, and reads nothing after its welcome
 * where it is told so.
 */
class RawClient {
  readonly socket: Socket
  readonly #frames = new FrameWriter('client')
  closed: string | undefined
  receivedBytes = 0

  constructor(world: World, name: string) {
    this.socket = world.network.host(name).connect(
      { host: 's1', port: 2379 },
      {
        data: ({ length }) => {
          this.receivedBytes += length
        },
        drained: () => undefined,
        closed: (reason) => {
          this.closed = reason
        },
      },
    )
    encodeHandshake(this.#frames.open(), { type: 'client-hello', cluster: '', clusterId: null })
    this.socket.write(this.#frames.take())
  }

  frame(messages: Iterable<ClientMessage>): Buffer {
    const writer = this.#frames.open()
    for (const message of messages) encodeClientMessage(writer, message)
    return this.#frames.take()
  }

  send(messages: Iterable<ClientMessage>): void {
    this.socket.write(this.frame(messages))
  }
}

function many<T>(count: number, each: (request: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => each(index + 1))
}

/** One server, and what it has held for clients at the most. */
async function rig() {
  const world = await World.formed({ servers: 1 })
  const held = () => world.status(1).held
  const isIdle = () => held().bytes === 0 && world.status(1).clients === 0
  return { held, isIdle, world }
}

describe('a replica holds for a hostile client', () => {
  test('a limited number of reads under way, though one frame has many reads and cancels', async () => {
    const { isIdle, world } = await rig()
    const client = new RawClient(world, 'hostile')
    const reads = many(60_000, (request): ClientMessage => ({ type: 'read', request, query: QUERY }))
    const cancels = many(20_000, (request): ClientMessage => ({ type: 'cancel', request }))
    client.send([...reads, ...cancels])
    let most = 0
    const watch = () => (most = Math.max(most, world.status(1).waiting))
    await world.run(() => (watch(), client.receivedBytes > 60_000 * 5))
    expect(most).toBeGreaterThan(100)
    expect(most).toBeLessThan(MAX_UNDER_WAY + 64)
    client.socket.destroy()
    await world.run(isIdle)
  })

  test('a limited number of bytes of status answers that are never read', async () => {
    const { held, isIdle, world } = await rig()
    const clients = many(8, (index) => new RawClient(world, `hostile ${index}`))
    await world.wait(10)
    for (const client of clients) {
      client.socket.pause()
      client.send(many(30_000, (request): ClientMessage => ({ type: 'status', request })))
    }
    await world.wait(1000)
    expect(held().mostBytes).toBeGreaterThan(1 << 20)
    expect(held().mostBytes).toBeLessThan(8 * (6 << 20))
    for (const { socket } of clients) socket.destroy()
    await world.run(isIdle)
  })

  test('a limited number of bytes of unfinished frames, and for a limited time', async () => {
    const { held, isIdle, world } = await rig()
    const half = new FrameWriter('client')
    half.take()
    half.open().raw(Buffer.alloc((2 << 20) - HEADER_BYTES))
    const bytes = half.take().subarray(0, 1 << 20)
    const clients = many(100, (index) => new RawClient(world, `hostile ${index}`))
    await world.wait(10)
    for (const { socket } of clients) socket.write(bytes)
    await world.run(() => held().unfinishedBytes > MAX_UNFINISHED_BYTES / 2)
    await world.wait(100)
    expect(held().unfinishedBytes).toBeLessThanOrEqual(MAX_UNFINISHED_BYTES)
    const closed = () => clients.filter((client) => client.closed !== undefined).length
    expect(closed()).toBeGreaterThan(0)
    expect(closed()).toBeLessThan(100)
    await world.wait(FRAME_TIMEOUT_MS)
    expect(closed()).toBe(100)
    await world.run(isIdle)
  })

  test('a connection with a part of a header for a limited time', async () => {
    const { isIdle, world } = await rig()
    const clients = [HEADER_BYTES, HEADER_BYTES - 1, 1].map((bytes) => {
      const client = new RawClient(world, `hostile ${bytes}`)
      client.socket.write(client.frame([{ type: 'status', request: 1 }]).subarray(0, bytes))
      return client
    })
    await world.wait(FRAME_TIMEOUT_MS - 100)
    expect(clients.map(({ closed }) => closed)).toEqual([undefined, undefined, undefined])
    await world.wait(200)
    expect(clients.every(({ closed }) => closed !== undefined)).toBe(true)
    await world.run(isIdle)
  })

  test('no requests after its connection has ended', async () => {
    const { held, isIdle, world } = await rig()
    const client = new RawClient(world, 'hostile')
    await world.wait(10)
    // A slot that is not executed yet: they wait.
    const atLeast = 1_000_000
    client.send(
      many(MAX_UNDER_WAY, (request): ClientMessage => ({
        type: 'stale-read',
        request,
        atLeast,
        query: QUERY,
      })),
    )
    await world.run(() => world.status(1).waiting === MAX_UNDER_WAY)
    expect(held().bytes).toBeGreaterThan(MAX_UNDER_WAY)
    client.socket.destroy()
    await world.run(isIdle)
    expect(world.status(1).waiting).toBe(0)
  })

  test('the bytes of small requests, not of the large frames that they came in', async () => {
    const { held, world } = await rig()
    const client = new RawClient(world, 'hostile')
    await world.wait(10)
    for (let request = 1; request <= 1000; request++) {
      const read: ClientMessage = { type: 'stale-read', request, atLeast: 1_000_000, query: QUERY }
      client.send([read, ...many(20_000, (): ClientMessage => ({ type: 'cancel', request: 0 }))])
    }
    await world.run(() => world.status(1).waiting === 1000)
    await world.wait(10)
    expect(held().bytes).toBeLessThan(2 << 20)
    expect(held().mostBytes).toBeLessThan(MAX_HELD_AT_ALL_BYTES)
  })
})

test('a request is refused if its number is under way already', async () => {
  const { world } = await rig()
  const client = new RawClient(world, 'hostile')
  await world.wait(10)
  const read: ClientMessage = { type: 'stale-read', request: 7, atLeast: 1_000_000, query: QUERY }
  client.send([read, read])
  await world.run(() => world.status(1).waiting === 1)
  await world.wait(10)
  expect(world.status(1).waiting).toBe(1)
})
