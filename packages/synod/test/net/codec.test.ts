import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MalformedError, Reader } from '../../src/bytes/reader.js'
import { Writer } from '../../src/bytes/writer.js'
import {
  decodeClientMessage,
  decodeReplicaMessage,
  encodeClientMessage,
  encodeReplicaMessage,
} from '../../src/net/client/codec.js'
import { decodeHandshake, encodeHandshake, expectHandshake, type Handshake } from '../../src/net/hello.js'
import { decodeMessage, encodeMessage, peerSender } from '../../src/net/peer/codec.js'
import type { Message } from '../../src/paxos/messages.js'
import {
  clientHello,
  clientMessages,
  handshakes,
  messages,
  peerHello,
  plain,
  replicaMessages,
} from './samples.js'

function encoded<Type>(encode: (writer: Writer, message: Type) => void, message: Type): Buffer {
  const writer = new Writer()
  encode(writer, message)
  return writer.take()
}

const families = [
  { family: 'peer', samples: messages, encode: encodeMessage, decode: decodeMessage },
  { family: 'client', samples: clientMessages, encode: encodeClientMessage, decode: decodeClientMessage },
  { family: 'replica', samples: replicaMessages, encode: encodeReplicaMessage, decode: decodeReplicaMessage },
  {
    family: 'handshake',
    samples: handshakes,
    encode: encodeHandshake,
    decode: (reader: Reader) => decodeHandshake(reader.raw(reader.remaining)),
  },
].flatMap(({ family, samples, encode, decode }) =>
  Object.entries(samples).map(([type, sample]) => {
    const codec = { encode: encode as (writer: Writer, message: unknown) => void, decode }
    return [family, type, sample as fc.Arbitrary<unknown>, codec] as const
  }),
)

describe.each(families)('the %s message %s', (_family, _type, sample, { encode, decode }) => {
  it('is decoded as it was encoded, to the last byte', () => {
    fc.assert(
      fc.property(sample, (message) => {
        const reader = new Reader(encoded(encode, message))
        expect(plain(decode(reader))).toEqual(plain(message))
        expect(reader.remaining).toBe(0)
      }),
    )
  })

  it('is malformed wherever it is cut short', () => {
    fc.assert(
      fc.property(sample, fc.double({ min: 0, max: 0.999, noNaN: true }), (message, share) => {
        const bytes = encoded(encode, message)
        const cut = bytes.subarray(0, Math.floor(bytes.length * share))
        expect(() => decode(new Reader(cut))).toThrow(MalformedError)
      }),
    )
  })
})

describe('values', () => {
  it('are views of the bytes received', () => {
    const bytes = encoded<Message>(encodeMessage, { type: 'forward', values: [Buffer.from('hello')] })
    const message = decodeMessage(new Reader(bytes))
    expect(message.type === 'forward' && message.values[0]?.buffer).toBe(bytes.buffer)
  })
})

describe('an invalid message is malformed:', () => {
  const ballot = { seq: 4, server: 1 }
  const zero = { seq: 0, server: 0 }
  const value = Buffer.from('x')
  const vote = { slot: 5, ballot, value, chosen: false }

  it.each<[string, Message]>([
    ['a prepare at the zero ballot', { type: 'prepare', ballot: zero, scope: 'log', slot: 1 }],
    [
      'a clock before its beginning',
      { type: 'heartbeat-answer', ballot, round: 1, chosen: 0, voted: 0, clockMs: -1 },
    ],
    [
      'a clock that is no number',
      { type: 'heartbeat-answer', ballot, round: 1, chosen: 0, voted: 0, clockMs: NaN },
    ],
    ['a prepare for slot 0', { type: 'prepare', ballot, scope: 'slot', slot: 0 }],
    [
      'a ballot of server 65536',
      { type: 'prepare', ballot: { seq: 1, server: 65_536 }, scope: 'log', slot: 1 },
    ],
    ['a ballot of server 0', { type: 'prepare', ballot: { seq: 1, server: 0 }, scope: 'log', slot: 1 }],
    [
      'a ballot above 2^37 - 1',
      { type: 'prepare', ballot: { seq: 2 ** 37, server: 1 }, scope: 'log', slot: 1 },
    ],
    ['a slot above 2^52', { type: 'prepare', ballot, scope: 'log', slot: 2 ** 53 - 1 }],
    ['an accept without values', { type: 'accept', ballot, first: 1, values: [] }],
    ['an accept from slot 0', { type: 'accept', ballot, first: 0, values: [value] }],
    ['a range that ends above 2^52', { type: 'accepted', ballot, first: 2 ** 52, last: 2 ** 52 + 1 }],
    ['a decided from slot 0', { type: 'decided', first: 0, values: [value] }],
    [
      'a vote at the zero ballot that is not chosen',
      { type: 'promise', ballot, scope: 'log', slot: 1, votes: [{ ...vote, ballot: zero }], next: 0 },
    ],
    [
      'two votes in one slot',
      { type: 'promise', ballot, scope: 'log', slot: 1, votes: [vote, vote], next: 0 },
    ],
    [
      'a promise for one slot with a vote in another',
      { type: 'promise', ballot, scope: 'slot', slot: 4, votes: [vote], next: 0 },
    ],
    [
      'a promise for one slot that has more to come',
      { type: 'promise', ballot, scope: 'slot', slot: 5, votes: [vote], next: 6 },
    ],
    [
      'a promise that goes on at a slot it listed',
      { type: 'promise', ballot, scope: 'log', slot: 1, votes: [vote], next: 5 },
    ],
  ])('%s', (_name, message) => {
    expect(() => decodeMessage(new Reader(encoded(encodeMessage, message)))).toThrow(MalformedError)
  })

  it.each<[string, Handshake]>([
    ['server 0', { ...peerHello, server: 0 }],
    ['server 65536', { ...peerHello, server: 65_536 }],
    ['a peer without a cluster', { ...peerHello, cluster: '' }],
    ['an address of 263 bytes', { ...peerHello, address: 'x'.repeat(263) }],
    ['a cluster name of 256 bytes', { ...clientHello, cluster: 'x'.repeat(256) }],
    ['a founder listed twice', { ...peerHello, founders: [1, 2, 1] }],
    ['founder 0', { ...peerHello, founders: [0] }],
    ['256 founders', { ...peerHello, founders: Array.from({ length: 256 }, (_, i) => (i % 255) + 1) }],
    [
      'an acceptor of 15 bytes',
      { ...peerHello, founders: [], clusterId: null, acceptor: '00'.repeat(15), process: 0 },
    ],
  ])('%s', (_name, message) => {
    expect(() => decodeHandshake(encoded(encodeHandshake, message))).toThrow(MalformedError)
  })

  it('bytes after the handshake message', () => {
    const bytes = Buffer.concat([encoded<Handshake>(encodeHandshake, clientHello), Buffer.from([0])])
    expect(() => decodeHandshake(bytes)).toThrow('1 bytes left over')
  })

  it('a message with an unknown tag', () => {
    expect(() => decodeMessage(new Reader(Buffer.from([99])))).toThrow('unknown tag 99')
  })

  it('any message from the server that was dialled', () => {
    expect(() => peerSender.decode(new Reader(Buffer.from([1])))).toThrow(MalformedError)
  })
})

describe('a reason that is too long', () => {
  it('is cut after the last whole character that fits', () => {
    const bytes = encoded<Handshake>(encodeHandshake, {
      type: 'refuse',
      code: 'closed',
      reason: 'aé'.repeat(400),
    })
    expect(decodeHandshake(bytes)).toEqual({ type: 'refuse', code: 'closed', reason: `${'aé'.repeat(341)}a` })
  })
})

describe('expectHandshake', () => {
  it('throws the error of a refusal', () => {
    const refuse = { type: 'refuse', code: 'wrong-cluster', reason: 'this is orders' } as const
    expect(() => expectHandshake(refuse, 'peer-welcome')).toThrow(
      expect.objectContaining({ code: 'wrong-cluster', message: 'this is orders' }),
    )
  })

  it('refuses any other message', () => {
    expect(() => expectHandshake(clientHello, 'peer-hello')).toThrow(
      'expected a peer-hello, not a client-hello',
    )
  })
})
