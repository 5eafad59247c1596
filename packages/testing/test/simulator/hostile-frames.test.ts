import { describe, expect, it } from 'vitest'
import { FrameReader } from 'synod/internal/net/transport/frame.js'
import { decodeHandshake } from 'synod/internal/net/hello.js'
import { Reader } from 'synod/internal/bytes/reader.js'
import { decodeClientMessage } from 'synod/internal/net/client/codec.js'
import { Chance } from '../../src/chance.js'
import { ACTS, type Memory, OPENINGS, frame } from '../../src/simulator/faults/hostile-frames.js'
import { forSeeds } from '../../../synod/test/paxos/replay.js'

const NOTHING = new Uint8Array(0)

/** Of all that is said, what is neither half nor wrong. */
const SOUND = [
  'statuses',
  'reads',
  'reads-of-never',
  'reads-and-cancels',
  'cancels',
  'opens',
  'commands-of-no-session',
  'command-twice',
  'malformed-commands',
  'large-commands',
  'same-number',
  'transfer',
  'empty-frames',
]

function memory(messages = 1000): Memory {
  return { request: 0, last: NOTHING, rest: NOTHING, allowance: { messages } }
}

/** How many messages there are after the handshake. Throws what a replica would refuse. */
function read(bytes: Uint8Array): number {
  const frames = new FrameReader('client')
  frames.push(bytes)
  const greeting = frames.next()
  if (greeting === undefined) throw new Error('no handshake')
  decodeHandshake(greeting)
  let messages = 0
  for (let payload = frames.next(); payload !== undefined; payload = frames.next()) {
    const reader = new Reader(payload)
    for (; reader.remaining > 0; messages++) decodeClientMessage(reader)
  }
  if (frames.bufferedBytes > 0) throw new Error('cut short')
  return messages
}

describe('what hostile clients send', () => {
  it.each(SOUND)('is valid unless it is meant to be invalid: %s', (act) => {
    forSeeds(import.meta.url, 20, (seed) => {
      const chance = new Chance(seed)
      const own = memory()
      const messages = read(Buffer.concat([OPENINGS.right!(chance, own), ACTS[act]!(chance, own)]))
      if (act !== 'empty-frames') expect(messages).toBeGreaterThan(0)
    })
  })

  it.each(['too-large-announced', 'wrong-checksum', 'malformed-message'])(
    'is refused if it is meant to be invalid: %s',
    (act) => {
      const chance = new Chance(1)
      const own = memory()
      expect(() => read(Buffer.concat([OPENINGS.right!(chance, own), ACTS[act]!(chance, own)]))).toThrow()
    },
  )

  it('stops flooding at the limit of the simulation', () => {
    const own = memory(500)
    const chance = new Chance(1)
    for (let act = 0; act < 50; act++) ACTS.statuses!(chance, own)
    expect(own.allowance.messages).toBe(0)
    expect(own.request).toBe(550)
  })

  it('continues a half frame where it ended', () => {
    const own = memory()
    const sent = ACTS['half-frame']!(new Chance(3), own)
    const whole = Buffer.concat([sent, own.rest])
    expect(whole).toEqual(frame(whole.subarray(12)))
  })
})
