import { describe, expect, test } from 'vitest'
import { encodeOpen } from '../../src/machine/request.js'
import { keyOf } from '../machine/keys.js'
import { Channel } from '../../src/net/transport/channel.js'
import { MAX_HELD_BYTES } from '../../src/net/transport/client-load.js'
import { clientSide } from '../../src/net/client/codec.js'
import type { ClientMessage, ReplicaMessage } from '../../src/net/client/messages.js'
import { World } from '../replica/world.js'

describe('a replica stops reading from a client', () => {
  test('that has too many requests under way, until fewer are', async () => {
    const world = await World.formed()
    const [follower] = world.followers
    const client = await world.connect('client', { endpoints: [`s${follower!}:2379`] })
    await world.settled(client.execute('a'))
    world.isolate(follower!)
    const reads = []
    for (let count = 0; count < 80; count++) {
      for (let more = 0; more < 100; more++) reads.push(client.read(0))
      await world.wait(3)
    }
    expect(world.status(follower!).waiting).toBeGreaterThanOrEqual(4096)
    expect(world.status(follower!).waiting).toBeLessThan(4096 + 200)
    world.heal()
    for (const answer of await world.settled(Promise.all(reads))) expect(answer).toEqual(['a'])
  })

  test('that does not read its answers, until it reads them', async () => {
    const world = await World.formed({ servers: 1 })
    const megabyte = 'x'.repeat(1 << 19)
    for (let count = 0; count < 2; count++) await world.settled(world.replica(1).execute(megabyte))
    const slow = new SlowClient(world)
    await world.wait(10)
    slow.channel.pause()
    for (let request = 1; request <= 20; request++)
      slow.send({ type: 'read', request, query: Buffer.from('0') })
    await world.wait(100)
    const sessions = world.status(1).sessions
    for (let request = 21; request <= 30; request++) {
      slow.send({ type: 'execute', request, value: encodeOpen(keyOf(request)) })
      await world.wait(100)
    }
    // It is found out when the next message comes; that one is still taken.
    expect(world.status(1).sessions).toBeLessThanOrEqual(sessions + 1)
    slow.channel.resume()
    await world.run(() => slow.answers.size === 30)
    expect(world.status(1).sessions).toBe(sessions + 10)
  })
})

test('clients that leave too much unread together are refused further answers until they read, and others are served', async () => {
  const world = await World.formed({ servers: 1 })
  for (let count = 0; count < 15; count++)
    await world.settled(world.replica(1).execute('x'.repeat((1 << 20) - 2)))
  const clients = Array.from({ length: 6 }, (_, index) => new SlowClient(world, `slow ${index}`))
  await world.wait(10)
  for (const { channel } of clients) channel.pause()
  // Of one client alone, four answers of 15 MiB are not too many.
  for (const client of clients)
    for (let request = 1; request <= 4; request++)
      client.send({ type: 'read', request, query: Buffer.from('0') })
  await world.wait(100)
  const client = await world.connect('quick', { retryOverloaded: false })
  await world.settled(Promise.all([client.read(15), client.readStale(15)]))
  expect(await world.settled(client.execute('a'))).toBe(16)
  for (const { channel } of clients) channel.resume()
  await world.run(() => clients.every(({ answers, failures }) => answers.size + failures.size === 4))
  // More at once than could be answered, and the ones that could be were.
  const fitted = Math.ceil(MAX_HELD_BYTES / (15 << 20))
  expect(clients.reduce((sum, { answers }) => sum + answers.size, 0)).toBe(fitted)
  for (const { failures } of clients) for (const code of failures.values()) expect(code).toBe('overloaded')
  expect(await world.settled(client.execute('b'))).toBe(17)
})

test('a request for which a connection has no room waits until there is room', async () => {
  const world = await World.formed({ servers: 1 })
  const client = await world.connect()
  await world.settled(client.execute('first'))
  world.partition('client', 1)
  const megabyte = 'x'.repeat((1 << 20) - 2)
  const calls = Array.from({ length: 80 }, () => client.execute(megabyte))
  const late = client.execute('no time', { timeoutMs: 5 })
  expect(await world.failure(late)).toMatchObject({ code: 'overloaded', retryAfterMs: expect.any(Number) })
  await world.wait(100)
  world.reunite('client', 1)
  const results = await world.settled(Promise.all(calls))
  expect(new Set(results).size).toBe(80)
  expect(world.texts(1)).toHaveLength(81)
})

/** A client that reads only when the test wants it to. */
class SlowClient {
  readonly channel: Channel<ClientMessage, ReplicaMessage>
  readonly answers = new Set<number>()
  readonly failures = new Map<number, string>()

  constructor(world: World, name = 'slow') {
    const address = { host: 's1', port: 2379 }
    this.channel = new Channel((events) => world.network.host(name).connect(address, events), {
      clock: world.clock,
      kind: 'client',
      codec: clientSide,
      limitBytes: 1 << 26,
      hello: { type: 'client-hello', cluster: '', clusterId: null },
      events: {
        greet: () => undefined,
        onOpen: () => undefined,
        onMessages: (batch) => {
          for (const message of batch) {
            if (message.type === 'reply') this.answers.add(message.request)
            if (message.type === 'fail') this.failures.set(message.request, message.code)
          }
        },
        onDrained: () => undefined,
        onClosed: () => undefined,
      },
    })
  }

  send(message: ClientMessage): void {
    this.channel.send(message)
    this.channel.flush()
  }
}
