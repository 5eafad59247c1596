import { describe, expect, it } from 'vitest'
import { MAX_MESSAGE_BYTES } from '../../src/net/transport/channel.js'
import { CLIENT_ADDRESS, Rig } from './rig.js'
import { peerHello, peerWelcome } from './samples.js'

describe('listening for peers', () => {
  it('replaces the connection of a server by its next one', async () => {
    const rig = new Rig()
    const { received } = await rig.peers()
    const first = rig.peerLink({
      onDown: (reason) => {
        rig.note(`first down: ${reason}`)
        first.close()
      },
    })
    rig.clock.advance(10)
    const second = rig.peerLink()
    rig.clock.advance(1)
    // On its way while the second connection is welcomed: it comes too late.
    first.send({ type: 'observe', round: 1 })
    first.flush()
    rig.clock.advance(10)
    expect(rig.taken()).toEqual(['up: s2', 'up: s2', 'first down: ended'])
    second.send({ type: 'observe', round: 2 })
    second.flush()
    rig.clock.advance(10)
    expect(received.map(({ message }) => message)).toEqual([{ type: 'observe', round: 2 }])
  })

  it('tells servers apart', async () => {
    const rig = new Rig()
    const { received } = await rig.peers()
    const links = [1, 3].map((server) => rig.peerLink({ hello: () => ({ ...peerHello, server }) }))
    rig.clock.advance(10)
    links.forEach((link, round) => {
      link.send({ type: 'observe', round })
      link.flush()
    })
    rig.clock.advance(10)
    expect(received.map(({ from }) => from)).toEqual([1, 3])
  })

  it('closes all connections when it is closed', async () => {
    const rig = new Rig()
    const { listener } = await rig.peers()
    rig.peerLink()
    rig.clock.advance(10)
    const closed = listener.close()
    rig.clock.advance(10)
    await closed
    expect(rig.taken()).toEqual(['up: s2', 'down: ended', 'process gone'])
  })

  it('ends a connection after an invalid message, and gives the reason', async () => {
    const rig = new Rig()
    const { received } = await rig.peers()
    const link = rig.peerLink()
    rig.clock.advance(10)
    link.send({ type: 'observe', round: 1 })
    link.send({ type: 'fetch', first: 0, last: 1 })
    link.flush()
    rig.clock.advance(1)
    expect(received.map(({ message }) => message)).toEqual([{ type: 'observe', round: 1 }])
    rig.clock.advance(1)
    expect(rig.taken()).toEqual([
      'up: s2',
      'listener refused: wrong-protocol: malformed message: slot 0 where there must be one',
      'down: ended',
    ])
  })

  it('ends a connection that sends nothing for 5 s', async () => {
    const rig = new Rig()
    await rig.peers()
    const closed: string[] = []
    rig.network.host('a').connect(
      { host: 'b', port: 2380 },
      {
        data: () => undefined,
        drained: () => undefined,
        closed: (reason) => closed.push(`${reason} at ${rig.clock.now()}`),
      },
    )
    rig.clock.advance(10_000)
    expect(closed).toEqual(['ended at 5002'])
  })

  it('answers a hello as the judge decides', async () => {
    const rig = new Rig()
    await rig.peers({ judge: (hello) => ({ ...peerWelcome, server: hello.founders.length }) })
    rig.peerLink()
    rig.clock.advance(10)
    expect(rig.taken()).toEqual(['up: s3'])
  })
})

describe('listening for clients', () => {
  it('carries requests and answers, each batch as it was sent', async () => {
    const rig = new Rig()
    const { connections, batches: requests } = await rig.clients()
    const { link, batches: answers } = rig.clientLink()
    rig.clock.advance(10)
    for (let request = 1; request <= 3; request++) link.send({ type: 'status', request })
    link.flush()
    rig.clock.advance(10)
    expect(requests).toEqual([[1, 2, 3].map((request) => ({ type: 'status', request }))])
    connections[0]!.send({ type: 'leader', ballot: { seq: 1, server: 3 }, server: 3 })
    connections[0]!.send({ type: 'fail', request: 1, code: 'no-quorum', retryAfterMs: 0, message: 'wait' })
    connections[0]!.flush()
    rig.clock.advance(10)
    expect(answers).toEqual([
      [
        { type: 'leader', ballot: { seq: 1, server: 3 }, server: 3 },
        { type: 'fail', request: 1, code: 'no-quorum', retryAfterMs: 0, message: 'wait' },
      ],
    ])
  })

  it('refuses a client above the limit, and accepts it when there is room', async () => {
    const rig = new Rig()
    await rig.clients({ connectionLimit: 2 })
    const first = rig.clientLink().link
    rig.clientLink()
    rig.clock.advance(10)
    expect(rig.taken()).toEqual(['up: s3', 'up: s3'])
    rig.clientLink()
    rig.clock.advance(100)
    const refusal = 'overloaded: 2 clients are connected, which is the limit'
    expect(rig.taken()).toEqual([`refused: ${refusal}`, `listener refused: ${refusal}`])
    first.close()
    rig.clock.advance(2000)
    expect(rig.taken()).toContain('up: s3')
  })

  it('disconnects a client that has too much unread', async () => {
    const rig = new Rig()
    const { connections } = await rig.clients({ limitBytes: 1_000_000 })
    rig.clientLink()
    rig.clock.advance(10)
    rig.taken()
    rig.network.cut('a', 'b')
    const [connection] = connections
    let most = 0
    for (let request = 0; request < 1000; request++) {
      connection!.send({ type: 'reply', request, slot: 7, result: Buffer.alloc(10_000) })
      connection!.flush()
      most = Math.max(most, connection!.unsentBytes)
    }
    rig.clock.advance(10)
    expect(most).toBeLessThan(1_020_000)
    expect(connection!.unsentBytes).toBe(0)
    const fault = 'the client does not read what is sent to it'
    expect(rig.taken()).toEqual([`listener refused: overloaded: ${fault}`, `disconnected: ${fault}`])
  })

  it('reports when a slow client has read everything', async () => {
    const rig = new Rig({ windowBytes: 10_000 })
    const { connections } = await rig.clients()
    rig.clientLink()
    rig.clock.advance(10)
    rig.taken()
    connections[0]!.send({ type: 'reply', request: 1, slot: 7, result: Buffer.alloc(200_000) })
    connections[0]!.flush()
    expect(connections[0]!.unsentBytes).toBeGreaterThan(180_000)
    rig.clock.advance(5)
    expect(rig.taken()).toEqual([])
    rig.clock.advance(100)
    expect(rig.taken()).toEqual(['drained'])
    expect(connections[0]!.unsentBytes).toBe(0)
  })

  it('receives nothing from a paused client, whose messages wait', async () => {
    const rig = new Rig({ windowBytes: 1000 })
    const { connections, batches } = await rig.clients()
    const { link } = rig.clientLink()
    rig.clock.advance(10)
    connections[0]!.pause()
    for (let request = 0; request < 10; request++) {
      link.send({ type: 'execute', request, value: Buffer.alloc(500) })
      link.flush()
    }
    rig.clock.advance(1000)
    expect(batches).toEqual([])
    expect(link.unsentBytes).toBeGreaterThan(4000)
    connections[0]!.resume()
    rig.clock.advance(1000)
    expect(batches.flat().map(({ request }) => request)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it('sends messages from before close, and none from after it', async () => {
    const rig = new Rig({ windowBytes: 1000 })
    const { connections } = await rig.clients()
    const { batches } = rig.clientLink()
    rig.clock.advance(10)
    const [connection] = connections
    connection!.send({ type: 'reply', request: 1, slot: 7, result: Buffer.alloc(50_000) })
    connection!.close()
    connection!.send({ type: 'reply', request: 2, slot: 7, result: Buffer.alloc(1) })
    connection!.flush()
    rig.clock.advance(200)
    expect(batches.flat().map((message) => message.type === 'reply' && message.request)).toEqual([1])
  })

  it('refuses a message larger than a frame, and sends later ones', async () => {
    const rig = new Rig()
    const { connections } = await rig.clients()
    const { batches } = rig.clientLink()
    rig.clock.advance(10)
    const [connection] = connections
    connection!.send({ type: 'reply', request: 1, slot: 7, result: Buffer.alloc(100_000) })
    expect(() => {
      connection!.send({ type: 'reply', request: 2, slot: 7, result: Buffer.alloc(MAX_MESSAGE_BYTES) })
    }).toThrow(expect.objectContaining({ code: 'too-large' }))
    connection!.send({ type: 'reply', request: 3, slot: 7, result: Buffer.alloc(MAX_MESSAGE_BYTES - 10) })
    connection!.send({ type: 'reply', request: 4, slot: 7, result: Buffer.alloc(1) })
    connection!.flush()
    rig.clock.advance(1000)
    expect(batches.flat().map((message) => message.type === 'reply' && message.request)).toEqual([1, 3, 4])
  })

  it('delivers a frame of many tiny messages in batches of bounded size', async () => {
    const rig = new Rig()
    const { batches } = await rig.clients()
    const { link } = rig.clientLink()
    rig.clock.advance(10)
    for (let request = 0; request < 10_000; request++) link.send({ type: 'cancel', request })
    link.flush()
    rig.clock.advance(10)
    expect(batches.map(({ length }) => length)).toEqual([...Array.from({ length: 625 }, () => 16)])
    expect(batches.flat().map(({ request }) => request)).toEqual(Array.from({ length: 10_000 }, (_, i) => i))
  })
})

describe('at the limit of connections', () => {
  const limit = 16

  /** A client that rests when it is told to. */
  function resting(rig: Rig) {
    const client = rig.clientLink({
      onMessages: (batch) => {
        if (!batch.some(({ type }) => type === 'rest')) return
        rig.note('rests')
        client.link.rest()
      },
    })
    return client
  }

  async function full(idle: (index: number) => boolean) {
    const rig = new Rig()
    const { connections, batches } = await rig.clients({
      connectionLimit: limit,
      isIdle: (connection) => idle(connections.indexOf(connection)),
    })
    const links = Array.from({ length: limit }, () => resting(rig))
    rig.clock.advance(10)
    expect(rig.taken()).toHaveLength(limit)
    return { batches, links, rig }
  }

  it('the client that was idle for longest is disconnected, and reconnects when it has a question', async () => {
    const { batches, links, rig } = await full(() => true)
    links[0]!.link.send({ type: 'status', request: 1 })
    links[0]!.link.flush()
    rig.clock.advance(10)
    resting(rig)
    rig.clock.advance(60_000)
    expect(rig.taken()).toEqual([
      'listener refused: overloaded: 16 connections are open, and this one was idle',
      'disconnected: 16 connections are open, and this one was idle',
      'rests',
      'down: ended',
      'up: s3',
    ])
    expect(links.map(({ link }) => link.up)).toEqual(links.map((_, index) => index !== 1))
    links[1]!.link.wake()
    rig.clock.advance(10)
    expect(links.map(({ link }) => link.up)).toEqual(links.map((_, index) => index !== 2))
    expect(batches.flat()).toHaveLength(1)
  })

  it('clients that wait for answers stay, and a new client is refused', async () => {
    const { rig } = await full(() => false)
    const late = rig.clientLink()
    rig.clock.advance(10)
    expect(rig.taken()).toEqual([
      'refused: overloaded: 16 clients are connected, which is the limit',
      'listener refused: overloaded: 16 clients are connected, which is the limit',
    ])
    late.link.close()
  })

  it('connections without a handshake are closed first', async () => {
    const { links, rig } = await full((index) => index < 3)
    for (let count = 0; count < 10; count++)
      rig.network.host('a').connect(CLIENT_ADDRESS, {
        data: () => undefined,
        drained: () => undefined,
        closed: (reason) => {
          rig.note(`silent: ${reason}`)
        },
      })
    rig.clock.advance(10)
    // Three of them have the places of the idle ones, and the others the place of one of
    // these.
    const silent = rig.taken().filter((line) => line.startsWith('silent'))
    expect(silent).toEqual(Array.from({ length: 7 }, () => 'silent: ended'))
    expect(links.filter(({ link }) => link.up)).toHaveLength(limit - 3)
  })
})
