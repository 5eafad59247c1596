import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Writer } from '../../src/bytes/writer.js'
import { SynodError } from '../../src/errors.js'
import { Channel, type ChannelClosed } from '../../src/net/transport/channel.js'
import { replicaSide } from '../../src/net/client/codec.js'
import { crc32 } from 'node:zlib'
import { FrameReader, FrameWriter, HEADER_BYTES } from '../../src/net/transport/frame.js'
import { encodeHandshake, type Handshake } from '../../src/net/hello.js'
import type { SocketEvents } from '../../src/net/transport/network.js'
import { encodeMessage, peerReceiver } from '../../src/net/peer/codec.js'
import { PREAMBLE_BYTES, type ConnectionKind } from '../../src/net/transport/preamble.js'
import { ManualClock } from './manual-clock.js'
import { clientHello, clientWelcome, messages, peerHello, peerWelcome, plain } from './samples.js'

/**
 * What a dialled side makes of these chunks: a welcome for any hello, then messages, then perhaps
 * an end.
 */
function receive(kind: ConnectionKind, chunks: Iterable<Uint8Array>) {
  const delivered: unknown[] = []
  const ends: ChannelClosed[] = []
  const clock = new ManualClock()
  let events: SocketEvents | undefined
  let over = false
  const ended = () => over
  const end = () => {
    over = true
    clock.soon(() => {
      if (ends.length === 0) events!.closed('closed')
    })
  }
  new Channel<unknown, unknown>(
    (socketEvents) => {
      events = socketEvents
      const nothing = () => undefined
      return {
        remote: 'fuzz:1',
        unsentBytes: 0,
        write: nothing,
        pause: nothing,
        resume: nothing,
        close: end,
        destroy: end,
      }
    },
    {
      clock,
      kind,
      codec: kind === 'peer' ? peerReceiver : replicaSide,
      limitBytes: 0,
      events: {
        greet(message): Handshake {
          if (message.type !== `${kind}-hello`) throw new SynodError('wrong-protocol', 'expected a hello')
          return kind === 'peer' ? peerWelcome : clientWelcome
        },
        onOpen: () => undefined,
        onMessages: (batch) => delivered.push(...batch.map(plain)),
        onDrained: () => undefined,
        onClosed: (reason) => ends.push(reason),
      },
    },
  )
  for (const chunk of chunks) {
    if (ended()) break
    events!.data(Buffer.from(chunk))
  }
  clock.advance(2000)
  return { delivered, ends, over }
}

function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += chunks.at(-1)!.length) {
    chunks.push(bytes.subarray(at, at + sizes[chunks.length % sizes.length]!))
  }
  return chunks
}

const sizes = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 5 })
const peerMessage = fc.oneof(...Object.values(messages))

function hello(kind: ConnectionKind): Buffer {
  const writer = new FrameWriter(kind)
  encodeHandshake(writer.open(), kind === 'peer' ? peerHello : clientHello)
  return writer.take()
}

function framed(payload: Uint8Array): Buffer {
  const writer = new FrameWriter('peer')
  writer.take()
  writer.open().raw(payload)
  return writer.take()
}

function encoded(sent: readonly Parameters<typeof encodeMessage>[1][]): Buffer {
  const writer = new Writer()
  for (const message of sent) encodeMessage(writer, message)
  return writer.take()
}

/** It goes on, or it has ended with the error that says why. */
function expectMessagesOrRefusal({ ends, over }: { ends: ChannelClosed[]; over: boolean }): void {
  if (!over) expect(ends).toEqual([])
  else expect(ends).toEqual([expect.objectContaining({ name: 'SynodError', code: 'wrong-protocol' })])
}

describe.each<ConnectionKind>(['peer', 'client'])('a %s connection', (kind) => {
  it('survives arbitrary bytes instead of a preamble', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), sizes, (bytes, sizes) => {
        const result = receive(kind, cut(bytes, sizes))
        expectMessagesOrRefusal(result)
        expect(result.delivered).toEqual([])
      }),
    )
  })

  it('survives arbitrary bytes instead of a hello', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 600 }), sizes, (bytes, sizes) => {
        const start = Buffer.concat([hello(kind).subarray(0, PREAMBLE_BYTES), framed(bytes)])
        const result = receive(kind, cut(start, sizes))
        expectMessagesOrRefusal(result)
        expect(result.delivered).toEqual([])
      }),
    )
  })

  it('survives arbitrary payloads with a correct checksum', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 600 }), sizes, (bytes, sizes) => {
        expectMessagesOrRefusal(receive(kind, cut(Buffer.concat([hello(kind), framed(bytes)]), sizes)))
      }),
      { numRuns: 1000 },
    )
  })
})

describe('frames of peer messages', () => {
  it('deliver the same messages however they are cut into chunks', () => {
    fc.assert(
      fc.property(fc.array(peerMessage, { minLength: 1, maxLength: 10 }), sizes, (sent, sizes) => {
        const bytes = Buffer.concat([hello('peer'), framed(encoded(sent))])
        expect(receive('peer', cut(bytes, sizes))).toMatchObject({ delivered: sent.map(plain), over: false })
      }),
    )
  })

  it('with changed bytes in a payload end in messages or a refusal, alike for every cut into chunks', () => {
    const changes = fc.array(fc.record({ at: fc.nat(), to: fc.nat(255) }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(
        fc.array(peerMessage, { minLength: 1, maxLength: 6 }),
        changes,
        sizes,
        (sent, changes, sizes) => {
          const payload = encoded(sent)
          for (const { at, to } of changes) payload[at % payload.length] = to
          const bytes = Buffer.concat([hello('peer'), framed(payload)])
          const result = receive('peer', cut(bytes, sizes))
          expectMessagesOrRefusal(result)
          expect(receive('peer', [bytes])).toEqual(result)
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('with any changed byte deliver only messages that were sent', () => {
    fc.assert(
      fc.property(
        fc.array(peerMessage, { minLength: 1, maxLength: 6 }),
        fc.nat(),
        sizes,
        (sent, at, sizes) => {
          const start = hello('peer')
          const bytes = Buffer.concat([start, framed(encoded(sent)), framed(encoded(sent))])
          bytes[start.length + (at % (bytes.length - start.length))]! ^= 0x10
          const result = receive('peer', cut(bytes, sizes))
          expectMessagesOrRefusal(result)
          const all = [...sent, ...sent].map(plain)
          expect(result.delivered).toEqual(all.slice(0, result.delivered.length))
          expect(result.delivered.length).toBeLessThan(all.length)
        },
      ),
    )
  })
})

describe('the frame reader', () => {
  it('holds at most four times the bytes that arrived, and at most the announced frame', () => {
    fc.assert(
      fc.property(
        fc.nat(100_000_000),
        fc.integer({ min: 1, max: 20_000 }),
        sizes,
        (size, arriving, sizes) => {
          const reader = new FrameReader('peer')
          const header = Buffer.alloc(HEADER_BYTES)
          header.writeUInt32LE(size)
          header.writeUInt32LE(crc32(header.subarray(0, 8)), 8)
          const bytes = Buffer.concat([hello('peer'), header, Buffer.alloc(arriving)])
          let held = 0
          try {
            for (const chunk of cut(bytes, sizes)) {
              reader.push(chunk)
              while (reader.next() !== undefined);
              held = Math.max(held, reader.bufferedBytes)
            }
          } catch (error) {
            expect(error).toBeInstanceOf(SynodError)
          }
          expect(held).toBeLessThanOrEqual(Math.max(4096, 4 * arriving))
        },
      ),
    )
  })
})
