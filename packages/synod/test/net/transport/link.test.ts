import { describe, expect, it } from 'vitest'
import { SynodError } from '../../../src/errors.js'
import type { PeerHello } from '../../../src/net/hello.js'
import { SETTLED_MS } from '../../../src/net/transport/link.js'
import { Rig } from '../rig.js'
import { peerHello, peerWelcome } from '../samples.js'

describe('a link', () => {
  it('is up once it is welcomed, and carries messages in order', async () => {
    const rig = new Rig({ split: () => 1 })
    const { received } = await rig.peers()
    const link = rig.peerLink()
    expect(link.send({ type: 'observe', round: 1 })).toBe(false)
    rig.clock.advance(10)
    expect(rig.taken()).toEqual(['up: s2'])
    for (let round = 1; round <= 3; round++) expect(link.send({ type: 'observe', round })).toBe(true)
    rig.clock.advance(10)
    expect(received).toEqual([])
    link.flush()
    rig.clock.advance(10)
    expect(received).toEqual([1, 2, 3].map((round) => ({ from: 1, message: { type: 'observe', round } })))
    expect(link.status()).toMatchObject({ address: 'b:2380', up: true, unsentBytes: 0, droppedMessages: 1 })
  })

  it('dials again after 10 ms, 20 ms and so on up to a second', () => {
    const rig = new Rig({ latencyMs: 0 })
    rig.peerLink()
    rig.clock.advance(4000)
    const times = rig.dialTimes()
    const waits = times.slice(1).map((atMs, i) => atMs - times[i]!)
    expect(waits).toEqual([10, 20, 40, 80, 160, 320, 640, 1000, 1000])
    expect(rig.taken()).toEqual([])
  })

  it('waits at least half of each delay, and a random part of the rest', () => {
    const rig = new Rig({ latencyMs: 0 })
    rig.peerLink({ random: () => 0 })
    rig.clock.advance(34)
    expect(rig.dialTimes()).toEqual([0, 5, 15])
  })

  it('starts with short delays again after a welcome', async () => {
    const rig = new Rig({ latencyMs: 0 })
    rig.peerLink()
    rig.clock.advance(3000)
    await rig.peers()
    rig.clock.advance(1000)
    expect(rig.taken()).toEqual(['up: s2'])
    rig.network.kill('b')
    const dials = rig.network.dials.length
    const brokenMs = rig.clock.now()
    rig.clock.advance(30)
    const waits = rig
      .dialTimes()
      .slice(dials)
      .map((atMs) => atMs - brokenMs)
    expect(waits).toEqual([0, 10, 30])
  })

  it('dials at once when its connection breaks, and reports within milliseconds that the process is gone', async () => {
    const rig = new Rig()
    await rig.peers()
    rig.peerLink()
    rig.clock.advance(10)
    rig.taken()
    rig.network.kill('b')
    rig.clock.advance(2)
    expect(rig.taken()).toEqual(['down: ended', 'process gone'])
    rig.clock.advance(60_000)
    expect(rig.taken()).toEqual([])
  })

  it('introduces itself anew, also where its hello changed while it was dialled', async () => {
    for (let atMs = 0; atMs < 15; atMs++) {
      const rig = new Rig({ latencyMs: 3 })
      const heard: (string | null)[] = []
      await rig.peers({
        judge: ({ clusterId }) => {
          heard.push(clusterId)
          return peerWelcome
        },
      })
      let clusterId: string | null = null
      const link = rig.peerLink({ hello: () => ({ ...peerHello, clusterId }) })
      rig.clock.advance(atMs)
      clusterId = 'c1'.repeat(16)
      link.redial()
      rig.clock.advance(2000)
      expect([atMs, heard.at(-1), link.up]).toEqual([atMs, clusterId, true])
    }
  })

  it('does not report a process as gone if its first dial was not answered', () => {
    const rig = new Rig()
    rig.peerLink()
    rig.clock.advance(5000)
    expect(rig.taken()).toEqual([])
  })

  it('does not report a process as gone if it only closed the connection', async () => {
    const rig = new Rig()
    const { listener } = await rig.peers()
    rig.peerLink()
    rig.clock.advance(10)
    rig.taken()
    void listener.close()
    await rig.peers()
    rig.clock.advance(100)
    expect(rig.taken()).toEqual(['down: ended', 'up: s2'])
  })

  it('does not report a process as gone if the machine is cut off', async () => {
    const rig = new Rig()
    await rig.peers()
    rig.peerLink()
    rig.clock.advance(10)
    rig.taken()
    rig.network.kill('b')
    rig.clock.advance(1)
    rig.network.cut('a', 'b')
    rig.clock.advance(20_000)
    expect(rig.taken()).toEqual(['down: ended'])
  })

  it('dials at once at most once per second, in case the other side keeps breaking the connection', async () => {
    const rig = new Rig({ latencyMs: 0 })
    await rig.peers()
    // Two that claim to be the same server: each one's connection replaces the other's.
    rig.peerLink()
    rig.peerLink()
    rig.clock.advance(10_000)
    const ups = rig.taken().filter((line) => line.startsWith('up')).length
    expect(ups).toBeGreaterThan(20)
    expect(ups).toBeLessThan(200)
  })

  it('dials at once each time when its connections were up for a while', async () => {
    const rig = new Rig({ latencyMs: 0 })
    rig.peerLink()
    for (let round = 0; round < 5; round++) {
      await rig.peers()
      rig.clock.advance(1000)
      rig.clock.advance(SETTLED_MS)
      const dials = rig.network.dials.length
      const brokenMs = rig.clock.now()
      rig.network.kill('b')
      rig.clock.advance(1)
      expect(rig.dialTimes().slice(dials)).toEqual([brokenMs])
    }
  })

  it('does not wait any longer when it is told that the other side is there', async () => {
    const rig = new Rig({ latencyMs: 0 })
    const link = rig.peerLink()
    rig.clock.advance(3000)
    await rig.peers()
    link.hurry()
    rig.clock.advance(1)
    expect(rig.taken()).toEqual(['up: s2'])
    const dials = rig.network.dials.length
    link.hurry()
    rig.clock.advance(5000)
    expect(rig.network.dials).toHaveLength(dials)
  })

  it('gives up a dial that is not answered within 5 s', () => {
    const rig = new Rig()
    rig.network.cut('a', 'b')
    const link = rig.peerLink()
    rig.clock.advance(5001)
    expect(link.status()).toMatchObject({ up: false, reason: 'timeout' })
    rig.clock.advance(100)
    expect(rig.network.dials).toHaveLength(2)
  })

  it('reports a refusal once, and dials again every second', async () => {
    const rig = new Rig({ latencyMs: 0 })
    let cluster = 'orders'
    await rig.peers({
      judge: ({ cluster: asked }) => ({
        type: 'refuse',
        code: 'wrong-cluster',
        reason: `${asked} is not ${cluster}`,
      }),
    })
    const link = rig.peerLink()
    rig.clock.advance(5500)
    expect(rig.network.dials).toHaveLength(6)
    const told = (line: string) => line.startsWith('refused')
    expect(rig.taken().filter(told)).toEqual(['refused: wrong-cluster: orders is not orders'])
    cluster = 'bills'
    rig.clock.advance(5000)
    expect(rig.taken().filter(told)).toEqual(['refused: wrong-cluster: orders is not bills'])
    expect(link.status()).toMatchObject({ up: false, reason: 'orders is not bills' })
  })

  it('may refuse the server that welcomes it', async () => {
    const rig = new Rig()
    await rig.peers()
    rig.peerLink({ judge: ({ server }) => new SynodError('wrong-acceptor', `s${server} lost its disk`) })
    rig.clock.advance(500)
    expect(rig.taken()).toEqual(['refused: wrong-acceptor: s2 lost its disk'])
  })

  it('sends a new hello at each dial', async () => {
    const rig = new Rig()
    const hellos: PeerHello[] = []
    await rig.peers({
      judge: (hello) => {
        hellos.push(hello)
        return { type: 'refuse', code: 'wrong-acceptor', reason: 'wait' }
      },
    })
    let clusterId: string | null = null
    rig.peerLink({ hello: () => ({ ...peerHello, clusterId }) })
    rig.clock.advance(500)
    clusterId = 'ab'.repeat(16)
    rig.clock.advance(1000)
    expect(hellos).toEqual([
      { ...peerHello, clusterId: null },
      { ...peerHello, clusterId },
    ])
  })

  it('reports and sends nothing once it is closed', async () => {
    const rig = new Rig()
    const { received } = await rig.peers()
    const link = rig.peerLink()
    rig.clock.advance(10)
    rig.taken()
    link.send({ type: 'observe', round: 1 })
    link.close()
    expect(link.send({ type: 'observe', round: 2 })).toBe(false)
    rig.clock.advance(5000)
    expect(received).toHaveLength(1)
    expect(rig.taken()).toEqual([])
    expect(rig.network.dials).toHaveLength(1)
  })

  it('can be closed while it waits, and inside its callbacks', async () => {
    const rig = new Rig({ latencyMs: 0 })
    const waiting = rig.peerLink()
    rig.clock.advance(1)
    waiting.close()
    await rig.peers()
    const link = rig.peerLink({ onDown: () => link.close() })
    rig.clock.advance(1)
    rig.network.kill('b')
    rig.clock.advance(5000)
    expect(rig.network.dials).toHaveLength(2)
    expect(rig.taken()).toEqual(['up: s2'])
  })
})

describe('a peer that does not read', () => {
  it('costs bounded memory: further messages are dropped and counted', async () => {
    const rig = new Rig()
    await rig.peers()
    const network = rig.network.host('a')
    const limitBytes = 1024 * 1024
    const link = rig.peerLink({ network, limitBytes })
    rig.clock.advance(10)
    // Nothing passes any more, and no end is told.
    rig.network.cut('a', 'b')
    const value = Buffer.alloc(10_000)
    for (let i = 0; i < 1000; i++) {
      link.send({ type: 'forward', values: [value] })
      link.flush()
    }
    const { unsentBytes, droppedMessages } = link.status()
    expect(unsentBytes).toBeGreaterThan(limitBytes - 20_000)
    expect(unsentBytes).toBeLessThan(limitBytes + 20_000)
    expect(droppedMessages).toBeGreaterThan(800)
    expect(link.up).toBe(true)
  })

  it('gets messages again once it reads', async () => {
    const rig = new Rig({ windowBytes: 4096 })
    const { received } = await rig.peers()
    const link = rig.peerLink({ limitBytes: 10_000 })
    rig.clock.advance(10)
    rig.network.cut('a', 'b')
    for (let i = 0; i < 10; i++) link.send({ type: 'forward', values: [Buffer.alloc(5000)] })
    link.flush()
    expect(link.send({ type: 'observe', round: 1 })).toBe(false)
    rig.network.heal('a', 'b')
    rig.clock.advance(100)
    expect(link.send({ type: 'observe', round: 2 })).toBe(true)
    link.flush()
    rig.clock.advance(100)
    expect(received.at(-1)).toEqual({ from: 1, message: { type: 'observe', round: 2 } })
  })
})
