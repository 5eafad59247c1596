import { describe, expect, it } from 'vitest'
import { SynodError } from 'synod/internal/errors.js'
import { FrameReader, FrameWriter } from 'synod/internal/net/transport/frame.js'
import { PREAMBLE_BYTES } from 'synod/internal/net/transport/preamble.js'
import { Chance } from '../../src/chance.js'
import { type FrameFaultRates, frameFault, flipBit } from '../../src/simulator/faults/frame-fault.js'
import { forSeeds } from '../../../synod/test/paxos/replay.js'

const NEVER: FrameFaultRates = { loss: 0, duplication: 0, reordering: 0 }

/** One direction of a connection: the preamble, and a frame for each payload. */
function stream(...payloads: readonly string[]): Buffer {
  const writer = new FrameWriter('peer')
  return Buffer.concat(
    payloads.map((payload) => {
      writer.open().raw(Buffer.from(payload))
      return writer.take()
    }),
  )
}

function payloadsOf(chunks: readonly Uint8Array[]): string[] {
  const reader = new FrameReader('peer')
  const payloads: string[] = []
  for (const chunk of chunks) {
    reader.push(chunk)
    for (let payload = reader.next(); payload; payload = reader.next()) payloads.push(payload.toString())
  }
  return payloads
}

function cutAnywhere(bytes: Uint8Array, chance: Chance): Uint8Array[] {
  const chunks: Uint8Array[] = []
  for (let rest = bytes; rest.length > 0; rest = rest.subarray(chunks.at(-1)?.length)) {
    chunks.push(rest.subarray(0, 1 + chance.below(40)))
  }
  return chunks
}

describe('a fault of frames', () => {
  const sent = stream('handshake', '1', '2', '3', '4', '5')

  it.each<[string, Partial<FrameFaultRates>, string[]]>([
    ['drops all frames but the handshake', { loss: 1 }, ['handshake']],
    [
      'duplicates frames',
      { duplication: 1 },
      ['handshake', '1', '1', '2', '2', '3', '3', '4', '4', '5', '5'],
    ],
    ['lets the next frame overtake', { reordering: 1 }, ['handshake', '2', '1', '4', '3']],
    ['changes nothing', {}, ['handshake', '1', '2', '3', '4', '5']],
  ])('%s, however chunks are cut', (_, rates, expected) => {
    forSeeds(import.meta.url, 100, (seed) => {
      const chance = new Chance(seed)
      const fault = frameFault(() => ({ ...NEVER, ...rates }), chance)
      expect(payloadsOf(cutAnywhere(sent, chance).flatMap(fault))).toEqual(expected)
    })
  })

  it('passes all bytes at once while it has not struck', () => {
    const fault = frameFault(() => undefined, new Chance(1))
    expect(Buffer.concat(fault(sent))).toEqual(sent)
  })

  it('delivers overtaken frames when the fault ends', () => {
    let rates: FrameFaultRates | undefined
    const fault = frameFault(() => rates, new Chance(1))
    const chunks = [...fault(stream('handshake'))]
    rates = { ...NEVER, reordering: 1 }
    chunks.push(...fault(stream('1').subarray(PREAMBLE_BYTES)))
    rates = undefined
    chunks.push(...fault(stream('2').subarray(PREAMBLE_BYTES)))
    expect(payloadsOf(chunks)).toEqual(['handshake', '2', '1'])
  })

  it('strikes with the given probability', () => {
    const many = Array.from({ length: 4000 }, (_, n) => `${n}`)
    const count = (rates: Partial<FrameFaultRates>) => {
      const fault = frameFault(() => ({ ...NEVER, ...rates }), new Chance(1))
      return payloadsOf(fault(stream('handshake', ...many))).length - 1
    }
    expect(count({ loss: 0.25 }) / many.length).toBeCloseTo(0.75, 1)
    expect(count({ duplication: 0.25 }) / many.length).toBeCloseTo(1.25, 1)
  })
})

describe('garbling', () => {
  const sent = stream('handshake', 'first', 'second')

  it('flips exactly one bit, in a copy', () => {
    forSeeds(import.meta.url, 200, (seed) => {
      const before = Buffer.from(sent)
      const garbled = flipBit(before, new Chance(seed))
      expect(before).toEqual(sent)
      expect(differentBits(garbled, sent)).toBe(1)
    })
  })

  it('is detected for each bit', () => {
    forSeeds(import.meta.url, 500, (seed) => {
      const chance = new Chance(seed)
      const chunks = cutAnywhere(flipBit(sent, chance), chance)
      expect(() => payloadsOf(chunks)).toThrow(SynodError)
    })
  })
})

function differentBits(a: Uint8Array, b: Uint8Array): number {
  let count = 0
  for (const [at, byte] of a.entries()) {
    for (let bits = byte ^ b[at]!; bits > 0; bits >>= 1) count += bits & 1
  }
  return count + 8 * Math.abs(a.length - b.length)
}
