import { describe, expect, it } from 'vitest'
import { DEAD_AFTER_MS, KEEP_ALIVE_MS, KeepAliveWatch } from '../../../src/net/transport/keep-alive.js'
import type { ReplicaMessage } from '../../../src/net/client/messages.js'
import { Rig } from '../rig.js'

const MINUTE_MS = 60_000

/** A rig with a link that is up. */
async function peers() {
  const rig = new Rig()
  const { received } = await rig.peers()
  const link = rig.peerLink()
  rig.clock.advance(10)
  expect(rig.taken()).toEqual(['up: s2'])
  const send = (round: number) => {
    link.send({ type: 'observe', round })
    link.flush()
  }
  return { rig, link, received, send }
}

describe('a connection that passes no bytes', () => {
  it('is ended within seconds by the side that dialled and writes, and is replaced as soon as bytes pass', async () => {
    const { received, rig, send } = await peers()
    rig.network.cut('a', 'b')
    send(1)
    rig.clock.advance(DEAD_AFTER_MS - 1)
    expect(rig.taken()).toEqual([])
    rig.clock.advance(10)
    expect(rig.taken()).toEqual(['down: timeout'])
    rig.clock.advance(10 * MINUTE_MS)
    rig.network.heal('a', 'b')
    // The dial under way may be in vain, and then it waits for a second at most.
    rig.clock.advance(7000)
    expect(rig.taken()).toEqual(['up: s2'])
    send(2)
    rig.clock.advance(10)
    expect(received.at(-1)).toMatchObject({ message: { round: 2 } })
  })

  it('is ended even if only the answers are lost', async () => {
    const { rig, send } = await peers()
    rig.network.cutWay('b', 'a')
    for (let second = 0; second < 10; second++) {
      send(second)
      rig.clock.advance(1000)
    }
    expect(rig.taken()).toEqual(['down: timeout'])
  })

  it('is kept if bytes pass again before the limit, and delivers the bytes that waited', async () => {
    const { received, rig, send } = await peers()
    rig.network.cut('a', 'b')
    send(1)
    rig.clock.advance(DEAD_AFTER_MS - KEEP_ALIVE_MS - 10)
    rig.network.heal('a', 'b')
    rig.clock.advance(MINUTE_MS)
    expect(rig.taken()).toEqual([])
    expect(received).toHaveLength(1)
  })
})

describe('a connection is kept', () => {
  it('if one side sends at any interval and the other side sends nothing', async () => {
    const { received, rig, send } = await peers()
    for (const everyMs of [10, 900, 1000, 1100, 4000, 20_000]) {
      for (let passedMs = 0; passedMs < MINUTE_MS; passedMs += everyMs) {
        send(1)
        rig.clock.advance(everyMs)
      }
    }
    rig.clock.advance(MINUTE_MS)
    expect(rig.taken()).toEqual([])
    expect(received.length).toBeGreaterThan(6000)
  })

  it('while a client waits for its answer', async () => {
    const rig = new Rig()
    const { connections } = await rig.clients()
    const { batches, link } = rig.clientLink()
    rig.clock.advance(10)
    link.send({ type: 'status', request: 1 })
    link.flush()
    rig.clock.advance(MINUTE_MS)
    const reply: ReplicaMessage = { type: 'reply', request: 1, slot: 1, result: Buffer.of(1) }
    connections[0]?.send(reply)
    connections[0]?.flush()
    rig.clock.advance(10)
    expect(rig.taken()).toEqual(['up: s3'])
    expect(batches).toMatchObject([[{ type: 'reply', request: 1 }]])
  })

  it('while the other side is busy and reads nothing', async () => {
    const rig = new Rig()
    const { batches, connections } = await rig.clients()
    const { link } = rig.clientLink()
    const send = () => {
      link.send({ type: 'status', request: 1 })
      link.flush()
    }
    rig.clock.advance(10)
    send()
    rig.clock.advance(10)
    connections[0]?.pause()
    for (let second = 0; second < 60; second++) {
      send()
      rig.clock.advance(1000)
    }
    expect(rig.taken()).toEqual(['up: s3'])
    connections[0]?.resume()
    rig.clock.advance(10)
    expect(batches.flat()).toHaveLength(61)
  })
})

it('a process that stood still does not count that time as silence of its peer', () => {
  const rings: (() => void)[] = []
  let isDead = false
  const clock = {
    now: () => 0,
    wallTime: () => 0,
    next: () => undefined,
    soon: () => undefined,
    timer: (_: number, run: () => void) => {
      rings.push(run)
      return () => undefined
    },
  }
  const watch = new KeepAliveWatch(clock, () => (isDead = true))
  watch.onSent()
  // However late they come: what arrived meanwhile is dealt with after the first of them.
  for (const ring of rings) {
    expect(isDead).toBe(false)
    ring()
  }
  expect(rings).toHaveLength(DEAD_AFTER_MS / KEEP_ALIVE_MS)
  expect(isDead).toBe(true)
})
