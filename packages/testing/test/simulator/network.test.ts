import { describe, expect, it } from 'vitest'
import { DRAIN_MARK_BYTES } from 'synod/internal/net/transport/network.js'
import { Chance } from '../../src/chance.js'
import type { ChunkFault, Direction } from '../../src/simulator/hardware/socket.js'
import { forSeeds } from '../../../synod/test/paxos/replay.js'
import { Rig } from './rig.js'

describe('a connection', () => {
  it('keeps the order of bytes, however long each chunk takes', () => {
    forSeeds(import.meta.url, 200, (seed) => {
      const chance = new Chance(seed)
      const rig = new Rig({
        latencyMs: () => chance.between(0, 50),
        split: (available) => 1 + chance.below(available),
      })
      const { a, b } = rig.connect()
      let sent = ''
      for (let n = 0; n < 30; n++) {
        a.write(`${n} `)
        sent += `${n} `
        rig.advance(chance.between(0, 10))
      }
      rig.advance()
      expect(b.text).toBe(sent)
    })
  })

  it('delivers chunks of the given size, after one latency', () => {
    const rig = new Rig({ latencyMs: 10, split: (available) => Math.min(available, 2) })
    const { a, b } = rig.connect()
    a.write('abcde')
    rig.advance(9.9)
    expect(b.chunks).toEqual([])
    rig.advance(0.1)
    expect(b.chunks.map((chunk) => Buffer.from(chunk).toString())).toEqual(['ab', 'cd', 'e'])
  })

  it('stops the writer while the reader is paused', () => {
    const rig = new Rig({ windowBytes: 1000 })
    const { a, b } = rig.connect()
    b.socket.pause()
    a.socket.write(Buffer.alloc(DRAIN_MARK_BYTES + 1000))
    rig.advance()
    expect(a.socket.unsentBytes).toBe(DRAIN_MARK_BYTES)
    expect([a.drains, b.chunks.length]).toEqual([0, 0])
    b.socket.resume()
    rig.advance()
    expect(a.socket.unsentBytes).toBe(0)
    expect([a.drains, b.text.length]).toEqual([1, DRAIN_MARK_BYTES + 1000])
  })

  it('that one side closes delivers the rest first', () => {
    const rig = new Rig({ windowBytes: 2 })
    const { a, b } = rig.connect()
    a.write('the rest')
    a.socket.close()
    rig.advance()
    expect(b.text).toBe('the rest')
    expect([a.closed, b.closed]).toEqual([['closed'], ['ended']])
  })
})

describe('a link that is cut in one direction', () => {
  it('delays bytes in that direction, and delivers them in order after it is healed', () => {
    const rig = new Rig({ latencyMs: 10 })
    const { a, b } = rig.connect()
    a.write('under way, ')
    rig.advance(5)
    rig.network.cutWay('a', 'b')
    a.write('not sent yet, ')
    b.write('back')
    rig.advance()
    expect([a.text, b.text]).toEqual(['back', ''])
    rig.network.healWay('a', 'b')
    a.write('later')
    rig.advance()
    expect(b.text).toBe('under way, not sent yet, later')
  })

  it('keeps the order of bytes that were under way before the cut, even if it is healed before they would have arrived', () => {
    forSeeds(import.meta.url, 200, (seed) => {
      const chance = new Chance(seed)
      const rig = new Rig({ latencyMs: () => chance.between(0, 50) })
      const { a, b } = rig.connect()
      let sent = ''
      for (let n = 0; n < 30; n++) {
        if (n % 5 === 2) rig.network.cutWay('a', 'b')
        if (n % 5 === 4) rig.network.healWay('a', 'b')
        a.write(`${n} `)
        sent += `${n} `
        rig.advance(chance.between(0, 20))
      }
      rig.advance()
      expect(b.text).toBe(sent)
    })
  })

  it('delays the end of connections of a process that died meanwhile', () => {
    const rig = new Rig()
    const { a, b } = rig.connect()
    a.write('last words')
    rig.network.cutWay('a', 'b')
    rig.network.kill('a')
    rig.advance()
    expect([b.text, b.closed]).toEqual(['', []])
    rig.network.healWay('a', 'b')
    rig.advance()
    expect([b.text, b.closed]).toEqual(['last words', ['ended']])
  })

  it('delays an orderly end', () => {
    const rig = new Rig()
    const { a, b } = rig.connect()
    rig.network.cutWay('a', 'b')
    a.write('bye')
    a.socket.close()
    rig.advance()
    expect(b.closed).toEqual([])
    rig.network.healWay('a', 'b')
    rig.advance()
    expect([b.text, b.closed]).toEqual(['bye', ['ended']])
  })

  it('is healed when each of its cuts is healed', () => {
    const rig = new Rig()
    const { a, b } = rig.connect()
    rig.network.cut('a', 'b')
    rig.network.cutWay('a', 'b')
    a.write('there')
    b.write('back')
    rig.network.heal('a', 'b')
    rig.advance()
    expect([a.text, b.text]).toEqual(['back', ''])
    rig.network.healWay('a', 'b')
    rig.advance()
    expect(b.text).toBe('there')
  })

  it.each([
    ['a', 'b'],
    ['b', 'a'],
  ])('answers no dial from a to b when it is cut from %s to %s', (from, to) => {
    const rig = new Rig()
    const accepted = rig.listen('b')
    rig.network.cutWay(from, to)
    const a = rig.dial('a', 'b')
    rig.advance()
    expect([accepted, a.closed]).toEqual([[], []])
  })
})

describe('a host', () => {
  it('without a listener refuses a dial', () => {
    const rig = new Rig()
    const a = rig.dial('a', 'b')
    rig.advance()
    expect(a.closed).toEqual(['refused'])
  })

  it('whose process is killed ends its connections, and refuses new ones', () => {
    const rig = new Rig()
    const { a, b } = rig.connect()
    b.write('last words')
    rig.network.kill('b')
    const again = rig.dial('a', 'b')
    rig.advance()
    expect([a.text, a.closed]).toEqual(['last words', ['ended']])
    expect(b.closed, 'told to a process that is gone').toEqual([])
    expect(again.closed).toEqual(['refused'])
  })

  it('whose process is killed with unread bytes resets its connections', () => {
    const rig = new Rig()
    const { a, b } = rig.connect()
    b.socket.pause()
    a.write('unread')
    rig.advance()
    rig.network.kill('b')
    rig.advance()
    expect(a.closed).toEqual(['reset'])
  })

  it('whose process is killed resets a peer that continues to write', () => {
    const rig = new Rig({ latencyMs: 10 })
    const { a, b } = rig.connect()
    a.socket.pause()
    b.write('last words')
    rig.network.kill('b')
    a.write('anyone?')
    rig.advance(19)
    expect(a.closed).toEqual([])
    rig.advance(1)
    expect(a.closed).toEqual(['reset'])
  })

  it('may break its connections with another host, at both ends', () => {
    const rig = new Rig()
    const { a, b } = rig.connect()
    a.write('lost')
    rig.network.breakConnections('a', 'elsewhere')
    rig.network.breakConnections('b', 'a')
    rig.advance()
    expect([a.closed, b.closed, b.text]).toEqual([['reset'], ['reset'], ''])
  })

  it('without power is silent until it is back, and then resets', () => {
    const rig = new Rig()
    const { a, b } = rig.connect()
    rig.network.powerOff('b')
    a.write('anyone?')
    const again = rig.dial('a', 'b')
    rig.advance(100_000)
    expect([a.closed, b.text, b.closed, again.closed]).toEqual([[], '', [], []])
    rig.network.powerOn('b')
    rig.advance()
    expect(a.closed).toEqual(['reset'])
    const [third, accepted] = [rig.dial('a', 'b'), rig.listen('b')]
    rig.advance()
    expect([third.closed, accepted.length]).toEqual([[], 1])
  })

  it('that returns behind a cut link is noticed when the link is healed', () => {
    const rig = new Rig()
    const { a } = rig.connect()
    rig.network.powerOff('b')
    rig.network.cut('a', 'b')
    rig.network.powerOn('b')
    rig.advance()
    expect(a.closed).toEqual([])
    rig.network.heal('a', 'b')
    rig.advance()
    expect(a.closed).toEqual(['reset'])
  })
})

describe('a fault of chunks', () => {
  it('gets each direction of a connection, and changes its bytes', () => {
    const ways: Direction[] = []
    const rig = new Rig({
      chunkFault(way) {
        ways.push(way)
        if (way.from === 'b') return undefined
        return (chunk) => [Buffer.from(Buffer.from(chunk).toString().toUpperCase()), Buffer.from('!')]
      },
    })
    const { a, b } = rig.connect()
    a.write('there')
    b.write('back')
    rig.advance()
    expect([a.text, b.text]).toEqual(['back', 'THERE!'])
    expect(ways).toEqual([
      { connection: 1, from: 'a', to: 'b', port: 2380 },
      { connection: 1, from: 'b', to: 'a', port: 2380 },
    ])
  })

  const windowBytes = 10
  it.each<[string, ChunkFault]>([
    ['drops', () => []],
    ['duplicates', (chunk) => [chunk, chunk]],
    ['holds back', holdsBack()],
  ])('that %s bytes keeps the size of the window', (_, fault) => {
    let isFaulty = true
    const rig = new Rig({
      windowBytes,
      split: (available) => Math.min(available, 3),
      chunkFault: () => (chunk) => (isFaulty ? fault(chunk) : [chunk]),
    })
    const { a, b } = rig.connect()
    a.write('x'.repeat(100))
    rig.advance()
    expect(a.socket.unsentBytes).toBe(0)
    isFaulty = false
    b.socket.pause()
    a.write('x'.repeat(25))
    rig.advance()
    expect(a.socket.unsentBytes).toBe(25 - windowBytes)
  })

  it('that duplicates bytes does not free the window before they are read', () => {
    const rig = new Rig({ windowBytes, chunkFault: () => (chunk) => [chunk, chunk] })
    const { a, b } = rig.connect()
    b.socket.pause()
    a.write('x'.repeat(25))
    rig.advance()
    expect(a.socket.unsentBytes).toBe(15)
    b.socket.resume()
    rig.advance()
    expect([a.socket.unsentBytes, b.text.length]).toEqual([0, 50])
  })
})

/** Gives out each chunk when the next one comes. */
function holdsBack(): ChunkFault {
  let held: Uint8Array[] = []
  return (chunk) => {
    const out = held
    held = [chunk]
    return out
  }
}
