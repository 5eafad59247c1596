import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32 } from 'node:zlib'
import {
  FrameReader,
  FrameWriter,
  HEADER_BYTES,
  MAX_FRAME_BYTES,
  MAX_HANDSHAKE_BYTES,
} from '../../../src/net/transport/frame.js'
import { PREAMBLE_BYTES, type ConnectionKind } from '../../../src/net/transport/preamble.js'

/** With a right checksum, and any content. */
function preamble(text: string): Buffer {
  const bytes = Buffer.alloc(PREAMBLE_BYTES)
  bytes.write(text, 'latin1')
  bytes.writeUInt32LE(crc32(bytes.subarray(0, text.length)), text.length)
  return bytes
}

const PREAMBLE = preamble('SYND\x02\x02\x01')

/** A connection's bytes: the preamble and a frame for each payload. */
function stream(payloads: Uint8Array[], kind: ConnectionKind = 'peer'): Buffer {
  const writer = new FrameWriter(kind)
  const parts = payloads.map((payload) => {
    writer.open().raw(payload)
    return writer.take()
  })
  return Buffer.concat(parts)
}

/** Everything that can be read from the chunks, and the most that was buffered meanwhile. */
function readAll(chunks: Iterable<Uint8Array>, reader = new FrameReader('peer')) {
  const payloads: Buffer[] = []
  let buffered = 0
  for (const chunk of chunks) {
    reader.push(chunk)
    for (let payload = reader.next(); payload; payload = reader.next()) payloads.push(payload)
    buffered = Math.max(buffered, reader.bufferedBytes)
  }
  return { payloads, buffered }
}

function* inChunks(bytes: Buffer, size: number): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
}

/** A frame header that announces `size` bytes. */
function header(size: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES)
  bytes.writeUInt32LE(size)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 8)), 8)
  return bytes
}

function changedSize(bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes)
  changed[PREAMBLE.length + 1]! ^= 1
  return changed
}

describe('frames', () => {
  it('are read as they were written, however they are cut into chunks', () => {
    const payloads = fc.array(fc.uint8Array({ minLength: 1, maxLength: 2000 }), {
      minLength: 1,
      maxLength: 8,
    })
    fc.assert(
      fc.property(payloads, fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }), (sent, sizes) => {
        const bytes = stream(sent)
        const chunks: Buffer[] = []
        for (let at = 0, i = 0; at < bytes.length; at += sizes[i++ % sizes.length]!) {
          chunks.push(bytes.subarray(at, at + sizes[i % sizes.length]!))
        }
        expect(readAll(chunks).payloads.map((p) => p.toString('hex'))).toEqual(
          sent.map((p) => Buffer.from(p).toString('hex')),
        )
      }),
    )
  })

  it('are not copied if they lie within a chunk', () => {
    const bytes = stream([Buffer.from('one'), Buffer.from('two')])
    const { payloads, buffered } = readAll([bytes])
    expect(payloads.map((payload) => payload.buffer === bytes.buffer)).toEqual([true, true])
    expect(buffered).toBe(0)
  })

  it('do not share a buffer if they are gathered from pieces', () => {
    const { payloads } = readAll(inChunks(stream([Buffer.from('one'), Buffer.from('two')]), 2))
    expect(payloads.map(String)).toEqual(['one', 'two'])
  })

  it('of the largest size are gathered from small chunks, and copy each byte only a few times', () => {
    const large = Buffer.alloc(MAX_FRAME_BYTES, 7)
    const reader = new FrameReader('peer')
    let copied = 0
    let before = 0
    for (const chunk of inChunks(stream([Buffer.from('hello'), large]), 65_536)) {
      reader.push(chunk)
      for (let payload = reader.next(); payload; payload = reader.next()) {
        if (payload.length > 5) expect(payload.equals(large)).toBe(true)
      }
      if (reader.bufferedBytes > before) copied += before
      before = reader.bufferedBytes
    }
    expect(copied).toBeLessThan(2 * MAX_FRAME_BYTES)
    expect(reader.bufferedBytes).toBe(0)
  })

  it('hold at most twice the bytes that arrived of them', () => {
    const arrived = Buffer.alloc(10_000)
    const chunks = [stream([Buffer.from('hello')]), header(MAX_FRAME_BYTES), ...inChunks(arrived, 100)]
    expect(readAll(chunks).buffered).toBeLessThanOrEqual(20_000)
  })
})

describe('an invalid frame is refused:', () => {
  const cases: [string, Buffer, string][] = [
    ['a wrong magic', Buffer.from('GET / HTTP/1.1'), 'does not speak the Synod protocol'],
    [
      'a wrong version',
      preamble('SYND\x01\x01\x01'),
      'speaks version 1 of the protocol, this side version 2',
    ],
    ['a wrong kind', preamble('SYND\x02\x02\x02'), 'did not open a peer connection'],
    [
      'an empty handshake',
      Buffer.concat([PREAMBLE, header(0)]),
      'an empty frame, where a handshake should be',
    ],
    [
      'a handshake that is too large',
      Buffer.concat([PREAMBLE, header(MAX_HANDSHAKE_BYTES + 1)]),
      'a frame of 4097 bytes, above the limit of 4096',
    ],
    [
      'a frame that is too large',
      Buffer.concat([stream([Buffer.from('hello')]), header(MAX_FRAME_BYTES + 1)]),
      'a frame of 33554433 bytes, above the limit of 33554432',
    ],
    [
      // A reader that took the size at its word would wait for ever, and swallow all that follows.
      'a size with a flipped bit',
      changedSize(stream([Buffer.from('hello')])),
      'wrong checksum of the header of a frame',
    ],
    ['a wrong checksum', Buffer.concat([PREAMBLE, header(1), Buffer.from('x')]), 'wrong checksum of a frame'],
  ]

  it.each(cases)('%s', (_name, bytes, reason) => {
    for (const size of [1, 3, 1000]) {
      expect(() => readAll(inChunks(bytes, size))).toThrow(
        expect.objectContaining({ code: 'wrong-protocol', message: expect.stringContaining(reason) }),
      )
    }
  })

  it('any flipped bit', () => {
    const bytes = stream([Buffer.from('some payload')])
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = Buffer.from(bytes)
      damaged[bit >> 3]! ^= 1 << (bit & 7)
      expect(() => readAll([damaged])).toThrow(expect.objectContaining({ code: 'wrong-protocol' }))
    }
  })
})

describe('FrameWriter', () => {
  it('writes the preamble first, and messages written together in one frame', () => {
    const writer = new FrameWriter('client')
    writer.open().u8(1)
    writer.open().u8(2)
    expect(writer.length).toBe(PREAMBLE_BYTES + HEADER_BYTES + 2)
    const size = Buffer.from('020000009242ccb6', 'hex')
    const checksum = Buffer.alloc(4)
    checksum.writeUInt32LE(crc32(size))
    expect(writer.take()).toEqual(
      Buffer.concat([
        Buffer.from('53594e44020202e98bd988', 'hex'),
        size,
        checksum,
        Buffer.from('0102', 'hex'),
      ]),
    )
    expect(writer.length).toBe(0)
  })

  it('removes a message that is cut, and continues the frame', () => {
    const writer = new FrameWriter('peer')
    writer.open().raw(Buffer.from('kept'))
    const length = writer.length
    writer.open().raw(Buffer.alloc(5000))
    writer.cut(length)
    writer.open().raw(Buffer.from(' too'))
    expect(readAll([writer.take()]).payloads.map(String)).toEqual(['kept too'])
  })
})
