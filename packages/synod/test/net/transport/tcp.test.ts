import { once } from 'node:events'
import * as net from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { crc32 } from '../../../src/bytes/checksum.js'
import { systemClock } from '../../../src/clock.js'
import type { ChannelListener } from '../../../src/net/transport/channel-listener.js'
import { openClientLink, type ClientLink } from '../../../src/net/client/link.js'
import { listenForClients, type ClientConnection } from '../../../src/net/client/listener.js'
import { FrameWriter, HEADER_BYTES } from '../../../src/net/transport/frame.js'
import { decodeHandshake, encodeHandshake, type Handshake } from '../../../src/net/hello.js'
import { listenForPeers, type PeerListenerOptions } from '../../../src/net/peer/listener.js'
import { openPeerLink, type PeerLink, type PeerLinkOptions } from '../../../src/net/peer/link.js'
import { PREAMBLE_BYTES } from '../../../src/net/transport/preamble.js'
import { tcpNetwork } from '../../../src/net/transport/tcp.js'
import type { Message } from '../../../src/paxos/messages.js'
import { clientHello, clientWelcome, peerHello, peerWelcome } from '../samples.js'

const LOOPBACK = { host: '127.0.0.1', port: 0 }

const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function track<Type extends { close(): unknown }>(resource: Type): Type {
  cleanups.push(() => resource.close())
  return resource
}

function signal<Type = void>() {
  let resolve: (value: Type) => void = () => undefined
  const promise = new Promise<Type>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

async function peers(options: Partial<PeerListenerOptions> = {}): Promise<ChannelListener> {
  return track(
    await listenForPeers({
      network: tcpNetwork,
      clock: systemClock,
      address: LOOPBACK,
      judge: () => peerWelcome,
      onMessages: () => undefined,
      onRefused: () => undefined,
      ...options,
    }),
  )
}

function peerLink(port: number, options: Partial<PeerLinkOptions> = {}): PeerLink {
  return track(
    openPeerLink({
      network: tcpNetwork,
      clock: systemClock,
      random: () => 0.5,
      address: { host: '127.0.0.1', port },
      hello: () => peerHello,
      onUp: () => undefined,
      onDown: () => undefined,
      onRefused: () => undefined,
      ...options,
    }),
  )
}

/**
 * Sends raw bytes to the listener, and returns what it tells: the handshake messages, up to its
 * end.
 */
async function answersTo(port: number, bytes: Uint8Array): Promise<Handshake[]> {
  const socket = net.connect(port, '127.0.0.1')
  socket.write(bytes)
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  await once(socket, 'end')
  const received = Buffer.concat(chunks)
  expect(received.subarray(0, PREAMBLE_BYTES).equals(hello().subarray(0, PREAMBLE_BYTES))).toBe(true)
  const answers: Handshake[] = []
  for (let at = PREAMBLE_BYTES; at < received.length; at += HEADER_BYTES + received.readUInt32LE(at)) {
    const start = at + HEADER_BYTES
    answers.push(decodeHandshake(received.subarray(start, start + received.readUInt32LE(at))))
  }
  return answers
}

function hello(message: Handshake = peerHello): Buffer {
  const writer = new FrameWriter('peer')
  encodeHandshake(writer.open(), message)
  return writer.take()
}

function writePreambleOf(bytes: Buffer, version: number, kind: number): void {
  bytes.set([version, version, kind], 4)
  bytes.writeUInt32LE(crc32(bytes, 0, 7), 7)
}

function changed(bytes: Buffer, change: (bytes: Buffer) => void): Buffer {
  change(bytes)
  return bytes
}

describe('over loopback', () => {
  it('messages arrive in order, also large ones', async () => {
    const done = signal()
    const received: Message[] = []
    const listener = await peers({
      onMessages(from, batch) {
        expect(from).toBe(1)
        received.push(...batch)
        if (received.length === 2001) done.resolve()
      },
    })
    const up = signal()
    const link = peerLink(listener.address.port, { onUp: () => up.resolve() })
    await up.promise
    const large = Buffer.alloc(8 * 1024 * 1024, 'synod')
    for (let round = 0; round < 1000; round++) link.send({ type: 'observe', round })
    link.send({ type: 'accept', ballot: { seq: 1, server: 1 }, first: 1, values: [large] })
    for (let round = 1000; round < 2000; round++) link.send({ type: 'observe', round })
    link.flush()
    await done.promise
    const rounds = received.flatMap((message) => (message.type === 'observe' ? [message.round] : []))
    expect(rounds).toEqual(Array.from({ length: 2000 }, (_, round) => round))
    const accept = received.find((message) => message.type === 'accept')
    expect(large.equals(accept!.values[0]!)).toBe(true)
    expect(link.status()).toMatchObject({ unsentBytes: 0, droppedMessages: 0 })
  })

  it('a link reports when the process of a peer is gone', async () => {
    const gone = signal()
    const up = signal()
    const down = signal<string>()
    const listener = await peers()
    peerLink(listener.address.port, {
      onUp: () => up.resolve(),
      onDown: down.resolve,
      onProcessGone: gone.resolve,
    })
    await up.promise
    await listener.close()
    expect(await down.promise).toBe('ended')
    await gone.promise
  })

  it('a client gets an answer, and is notified of the end of its connection', async () => {
    const up = signal()
    const down = signal<string>()
    const answered = signal<unknown>()
    const listener = track(
      await listenForClients({
        network: tcpNetwork,
        clock: systemClock,
        address: LOOPBACK,
        judge: () => clientWelcome,
        onConnected: () => undefined,
        onMessages(connection: ClientConnection, batch) {
          for (const { request } of batch) {
            connection.send({ type: 'reply', request, slot: 7, result: Buffer.from('ok') })
          }
          connection.close()
        },
        onDrained: () => undefined,
        onDisconnected: () => undefined,
        onRefused: () => undefined,
      }),
    )
    const link: ClientLink = track(
      openClientLink({
        network: tcpNetwork,
        clock: systemClock,
        random: () => 0.5,
        address: listener.address,
        hello: () => clientHello,
        onUp: () => up.resolve(),
        onDown: down.resolve,
        onRefused: () => undefined,
        onMessages: answered.resolve,
      }),
    )
    await up.promise
    link.send({ type: 'status', request: 5 })
    link.flush()
    expect(await answered.promise).toEqual([
      { type: 'reply', request: 5, slot: 7, result: Buffer.from('ok') },
    ])
    expect(await down.promise).toBe('ended')
  })

  it('an address in use is refused', async () => {
    const { address } = await peers()
    await expect(peers({ address })).rejects.toThrow(
      expect.objectContaining({ code: 'invalid-options', message: expect.stringContaining('EADDRINUSE') }),
    )
  })
})

describe('over loopback, an invalid connection is told why it is refused', () => {
  const cases: [string, Buffer, string, string][] = [
    ['magic', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'wrong-protocol', 'does not speak the Synod protocol'],
    [
      'version',
      changed(hello(), (bytes) => writePreambleOf(bytes, 3, 1)),
      'wrong-protocol',
      'speaks version 3 of the protocol, this side version 2',
    ],
    [
      'kind',
      changed(hello(), (bytes) => writePreambleOf(bytes, 2, 2)),
      'wrong-protocol',
      'did not open a peer connection',
    ],
    [
      'size',
      changed(hello(), (bytes) => bytes.writeUInt32LE(2 ** 31, PREAMBLE_BYTES)),
      'wrong-protocol',
      'wrong checksum of the header of a frame',
    ],
    [
      'checksum',
      changed(hello(), (bytes) => bytes.writeUInt8(0, 30)),
      'wrong-protocol',
      'wrong checksum of a frame',
    ],
    ['hello', hello(clientHello), 'wrong-protocol', 'expected a peer-hello, not a client-hello'],
    [
      'server',
      hello({ ...peerHello, server: 70_000 }),
      'wrong-protocol',
      'malformed message: server 70000 out of range',
    ],
    ['cluster', hello({ ...peerHello, cluster: 'bills' }), 'wrong-cluster', 'this is orders'],
  ]

  it.each(cases)('a wrong %s', async (_name, bytes, code, reason) => {
    const refused = signal<unknown>()
    const listener = await peers({
      judge: ({ cluster }) =>
        cluster === 'orders'
          ? peerWelcome
          : { type: 'refuse', code: 'wrong-cluster', reason: 'this is orders' },
      onRefused: refused.resolve,
    })
    // What it goes on to send is of no use, but must not cost it the answer.
    const answers = await answersTo(
      listener.address.port,
      Buffer.concat([bytes, Buffer.alloc(8 * 1024 * 1024)]),
    )
    expect(answers).toEqual([{ type: 'refuse', code, reason: expect.stringContaining(reason) }])
    expect(await refused.promise).toMatchObject({
      name: 'SynodError',
      code,
      message: expect.stringContaining(reason),
    })
  })

  it('a link reports the refusal', async () => {
    const refused = signal<string>()
    const listener = await peers({
      judge: () => ({ type: 'refuse', code: 'wrong-mode', reason: 'leaderless here' }),
    })
    peerLink(listener.address.port, { onRefused: (code, reason) => refused.resolve(`${code}: ${reason}`) })
    expect(await refused.promise).toBe('wrong-mode: leaderless here')
  })

  it('a link reports a peer that does not speak the Synod protocol', async () => {
    const refused = signal<string>()
    const server = net.createServer((socket) =>
      socket.on('error', () => undefined).end('HTTP/1.1 400\r\n\r\n'),
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    track(server)
    peerLink((server.address() as net.AddressInfo).port, {
      onRefused: (_code, reason) => refused.resolve(reason),
    })
    expect(await refused.promise).toBe('the other side does not speak the Synod protocol')
  })
})
