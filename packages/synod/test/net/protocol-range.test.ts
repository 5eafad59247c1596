import { describe, expect, it } from 'vitest'
import { Writer } from '../../src/bytes/writer.js'
import type { VersionRange } from '../../src/cluster/versions.js'
import { decodeHandshake, encodeHandshake } from '../../src/net/hello.js'
import { Rig } from './rig.js'
import { peerHello } from './samples.js'

const range = (oldest: number, newest: number): VersionRange => ({ oldest, newest })

/**
 * A peer that listens and speaks `there`, and one that dials and speaks `here`: what both noted,
 * and what they speak.
 */
async function meet(here: VersionRange, there: VersionRange) {
  const rig = new Rig()
  const { received } = await rig.peers({ protocols: there })
  const link = rig.peerLink({ protocols: here })
  rig.clock.advance(10)
  link.send({ type: 'observe', round: 1 })
  link.flush()
  rig.clock.advance(10)
  return { notes: rig.taken(), protocol: link.status().protocol, received: received.length }
}

describe('two builds', () => {
  it.each([
    [range(2, 2), range(2, 2), 2],
    [range(2, 3), range(2, 2), 2],
    [range(2, 2), range(2, 3), 2],
    [range(2, 3), range(3, 3), 3],
    [range(3, 3), range(2, 3), 3],
    [range(2, 3), range(2, 3), 3],
    [range(2, 5), range(3, 4), 4],
  ])('that support protocols %o and %o use the newest protocol of both', async (here, there, spoken) => {
    expect(await meet(here, there)).toEqual({ notes: ['up: s2'], protocol: spoken, received: 1 })
  })

  it.each([
    [range(2, 2), range(3, 3), 'version 2', 'version 3'],
    [range(3, 4), range(2, 2), 'versions 3 to 4', 'version 2'],
    [range(2, 3), range(4, 6), 'versions 2 to 3', 'versions 4 to 6'],
    [range(2, 3), range(3, 2), 'versions 2 to 3', 'versions 3 to 2'],
  ])(
    'that support protocols %o and %o refuse each other, and both give the reason',
    async (here, there, ours, theirs) => {
      const { notes, protocol, received } = await meet(here, there)
      expect([protocol, received]).toEqual([0, 0])
      expect(notes.sort()).toEqual([
        `listener refused: wrong-protocol: the other side speaks ${ours} of the protocol, this side ${theirs}`,
        `refused: wrong-protocol: the other side speaks ${theirs} of the protocol, this side ${ours}`,
      ])
    },
  )

  it('understand each other’s handshake if the newer build adds fields at its end', () => {
    const writer = new Writer()
    encodeHandshake(writer, peerHello)
    writer.string('something new')
    const bytes = writer.take()
    expect(decodeHandshake(bytes, true)).toEqual(peerHello)
    expect(() => decodeHandshake(bytes)).toThrow('bytes left over')
  })
})
