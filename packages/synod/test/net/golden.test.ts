import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Reader } from '../../src/bytes/reader.js'
import { Writer } from '../../src/bytes/writer.js'
import {
  CLIENT_TAGS,
  clientSide,
  decodeClientMessage,
  REPLICA_TAGS,
  replicaSide,
} from '../../src/net/client/codec.js'
import type { ClientMessage, ReplicaMessage } from '../../src/net/client/messages.js'
import { FrameWriter } from '../../src/net/transport/frame.js'
import { decodeHandshake, encodeHandshake, HANDSHAKE_TAGS, type Handshake } from '../../src/net/hello.js'
import { decodeMessage, encodeMessage, MESSAGE_TAGS } from '../../src/net/peer/codec.js'
import type { PeerMessage } from '../../src/net/peer/messages.js'
import { clientHello, clientWelcome, peerHello, peerWelcome, plain } from './samples.js'

const FILE = new URL('golden.txt', import.meta.url)

const ballot = { seq: 4, server: 1 }
const zero = { seq: 0, server: 0 }
const value = Buffer.from('put x=1')
const noOp = Buffer.alloc(0)

const peer: PeerMessage[] = [
  { type: 'prepare', ballot, scope: 'log', slot: 300 },
  { type: 'prepare', ballot: { seq: 2 ** 36, server: 255 }, scope: 'slot', slot: 7 },
  { type: 'prepare', ballot, scope: 'log', slot: 300, predecessor: { seq: 3, server: 2 } },
  { type: 'promise', ballot, scope: 'slot', slot: 7, votes: [], next: 0 },
  {
    type: 'promise',
    ballot,
    scope: 'log',
    slot: 300,
    votes: [
      { slot: 300, ballot: { seq: 3, server: 2 }, value, chosen: false },
      { slot: 305, ballot: zero, value: noOp, chosen: true },
    ],
    next: 306,
  },
  { type: 'accept', ballot, first: 300, values: [value, noOp] },
  { type: 'accepted', ballot, first: 300, last: 301 },
  { type: 'nack', refused: ballot, ballot: { seq: 5, server: 3 }, slot: 0 },
  { type: 'chosen', ballot, first: 300, last: 301 },
  { type: 'heartbeat', ballot: zero, round: 0, chosen: 301, voted: 305 },
  { type: 'heartbeat-answer', ballot, round: 9, chosen: 0, voted: 0 },
  { type: 'heartbeat-answer', ballot, round: 9, chosen: 0, voted: 0, clockMs: 1234.5 },
  { type: 'probe', round: 2 ** 53 - 1, chosen: 300 },
  { type: 'probe-answer', round: 9, missing: true, ballot, chosen: 300 },
  { type: 'forward', values: [value] },
  { type: 'observe', round: 9 },
  { type: 'observed', round: 9, voted: 305 },
  { type: 'fetch', first: 1, last: 4096 },
  { type: 'decided', first: 1, values: [value, noOp] },
  { type: 'decided', first: 302, values: [] },
  { type: 'transfer', ballot, to: 2 },
  { type: 'trimmed', slot: 300 },
  { type: 'snapshot-request', atLeast: 300, slot: 301, offset: 4096 },
  { type: 'snapshot-chunk', slot: 301, sizeBytes: 4100, offset: 4096, bytes: Buffer.from('tail') },
  { type: 'no-snapshot' },
  { type: 'digest', slot: 256, digest: 0xfedcba98 },
  { type: 'disk', writingMs: 1200, space: 'low' },
  { type: 'disk', writingMs: 0, space: 'full' },
  { type: 'clock-request', round: 2 ** 47 },
  { type: 'clock', round: 2 ** 47, wallMs: 1_700_000_000_123 },
  { type: 'group-counts', groupCounts: [{ acceptor: '000102030405060708090a0b0c0d0e0f', groupCount: 300 }] },
]

const client: ClientMessage[] = [
  { type: 'execute', request: 1, value },
  { type: 'read', request: 200, query: Buffer.from('get x') },
  { type: 'transfer', request: 203, to: 2 },
  { type: 'stale-read', request: 201, atLeast: 300, query: Buffer.from('get x') },
  { type: 'status', request: 3 },
  { type: 'cancel', request: 1 },
  { type: 'save', request: 204, slot: 300, offset: 2 ** 40 },
  { type: 'follow', request: 205, atLeast: 300, query: Buffer.from('get x') },
]

const replica: ReplicaMessage[] = [
  { type: 'reply', request: 1, slot: 7, result: Buffer.from('ok') },
  {
    type: 'fail',
    request: 200,
    code: 'outcome-unknown',
    retryAfterMs: 0,
    message: 'the leader is gone – ask again',
  },
  { type: 'fail', request: 200, code: 'overloaded', retryAfterMs: 300, message: 'too much' },
  { type: 'leader', ballot, server: 1 },
  { type: 'leader', ballot: { seq: 0, server: 0 }, server: 0 },
  { type: 'rest' },
  { type: 'formed', clusterId: '101112131415161718191a1b1c1d1e1f' },
]

const handshakes: Handshake[] = [
  peerHello,
  peerWelcome,
  clientHello,
  clientWelcome,
  { type: 'refuse', code: 'wrong-cluster', reason: 'this is orders' },
]

function vectors<Type extends { type: string }>(
  family: string,
  messages: readonly Type[],
  encode: (writer: Writer, message: Type) => void,
  decode: (bytes: Buffer) => unknown,
) {
  return messages.map((message) => ({
    name: `${family} ${message.type}`,
    message: plain(message),
    bytes: encoded(encode, message),
    decode,
  }))
}

function encoded<Type>(encode: (writer: Writer, message: Type) => void, message: Type): Buffer {
  const writer = new Writer()
  encode(writer, message)
  return writer.take()
}

const all = [
  ...vectors('peer', peer, encodeMessage, (bytes) => decodeMessage(new Reader(bytes))),
  ...vectors('client', client, clientSide.encode, (bytes) => decodeClientMessage(new Reader(bytes))),
  ...vectors('replica', replica, replicaSide.encode, (bytes) => clientSide.decode(new Reader(bytes))),
  ...vectors('handshake', handshakes, encodeHandshake, decodeHandshake),
]

/** The first bytes of a peer connection: preamble, hello, and a frame of two messages. */
function connection(): Buffer {
  const writer = new FrameWriter('peer')
  encodeHandshake(writer.open(), peerHello)
  const hello = writer.take()
  encodeMessage(writer.open(), { type: 'observe', round: 9 })
  encodeMessage(writer.open(), { type: 'probe', round: 1, chosen: 0 })
  return Buffer.concat([hello, writer.take()])
}

const text = [
  ...all.map(
    ({ name, message, bytes }) => `${name}\n  ${JSON.stringify(message)}\n  ${bytes.toString('hex')}\n`,
  ),
  `connection\n  "peer preamble, peer-hello, frame of observe 9 and probe 1"\n  ${connection().toString('hex')}\n`,
].join('\n')

describe('the bytes on the wire', () => {
  it('equal those of golden.txt (after a change of the protocol: UPDATE_GOLDEN=1)', () => {
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(FILE, text)
    expect(text).toBe(readFileSync(FILE, 'utf8'))
  })

  it('are decoded to the message that golden.txt shows', () => {
    for (const { message, bytes, decode } of all) expect(plain(decode(bytes))).toEqual(message)
  })

  it('include every type of message', () => {
    const types = (family: Record<string, number>, prefix: string) =>
      Object.keys(family).map((type) => `${prefix} ${type}`)
    const expected = [
      ...types(MESSAGE_TAGS, 'peer'),
      ...types(CLIENT_TAGS, 'client'),
      ...types(REPLICA_TAGS, 'replica'),
      ...types(HANDSHAKE_TAGS, 'handshake'),
    ]
    expect([...new Set(all.map(({ name }) => name))].sort()).toEqual(expected.sort())
  })

  it.each([MESSAGE_TAGS, CLIENT_TAGS, REPLICA_TAGS, HANDSHAKE_TAGS])('use each tag for one type', (tags) => {
    const numbers = Object.values(tags)
    expect(new Set(numbers).size).toBe(numbers.length)
  })
})
