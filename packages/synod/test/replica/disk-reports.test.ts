import { describe, expect, test } from 'vitest'
import type { DiskReport, SpaceState } from '../../src/net/peer/messages.js'
import { DiskReports } from '../../src/replica/disk-reports.js'
import { ManualClock } from '../net/manual-clock.js'
import { World } from './world.js'

/** Two servers that tell each other of their disks; what is told is lost while `isCut`. */
class Rig {
  readonly clock = new ManualClock()
  readonly told: DiskReport[] = []
  isCut = false
  /** When the write began that the first one's disk is at. */
  writingSinceMs = Infinity
  space: SpaceState = 'ample'
  readonly first = new DiskReports({
    clock: this.clock,
    writingMs: () => Math.max(0, this.clock.now() - this.writingSinceMs),
    space: () => this.space,
    send: (report) => {
      this.told.push(report)
      if (!this.isCut) this.second.onReport(1, report)
    },
  })
  readonly second = new DiskReports({
    clock: this.clock,
    writingMs: () => 0,
    space: () => 'ample',
    send: () => {
      throw new Error('its disk is well')
    },
  })

  get heardMs(): number {
    return this.second.writingMs(1)
  }

  stickDisk(): void {
    this.writingSinceMs = this.clock.now()
  }
}

describe('a server reports about its disk', () => {
  test('nothing while writes are fast', () => {
    const rig = new Rig()
    for (let write = 0; write < 20; write++) {
      rig.stickDisk()
      rig.clock.advance(200)
    }
    expect(rig.told).toEqual([])
    expect(rig.heardMs).toBe(0)
  })

  test('that it is full, repeatedly, and once that it has space again', () => {
    const rig = new Rig()
    expect(rig.second.space(1)).toBe('ample')
    rig.space = 'full'
    rig.clock.advance(5000)
    expect([rig.second.space(1), rig.heardMs]).toEqual(['full', 0])
    const { length } = rig.told
    rig.space = 'ample'
    rig.clock.advance(5000)
    expect([rig.second.space(1), rig.told.length]).toEqual(['ample', length + 1])
  })

  test('its space again and again, as peers forget an old report', () => {
    const rig = new Rig()
    rig.space = 'low'
    rig.clock.advance(300)
    expect(rig.second.space(1)).toBe('low')
    rig.isCut = true
    rig.clock.advance(2000)
    expect(rig.second.space(1)).toBe('ample')
  })

  test('soon that it is stuck, for how long, and when it recovers', () => {
    const rig = new Rig()
    rig.clock.advance(1100)
    rig.stickDisk()
    rig.clock.advance(500)
    expect(rig.heardMs).toBe(500)
    rig.clock.advance(10_000)
    expect(rig.heardMs).toBe(10_500)
    rig.writingSinceMs = Infinity
    rig.clock.advance(250)
    expect(rig.heardMs).toBe(0)
    const { length } = rig.told
    rig.clock.advance(10_000)
    expect(rig.told.slice(length)).toEqual([])
    expect(rig.told.filter(({ writingMs }) => writingMs === 0)).toHaveLength(1)
  })

  test('that it is stuck repeatedly: peers forget an old report, and believe the next one', () => {
    const rig = new Rig()
    rig.stickDisk()
    rig.clock.advance(2000)
    expect(rig.heardMs).toBe(2000)
    rig.isCut = true
    rig.clock.advance(900)
    expect(rig.heardMs).toBe(2900)
    rig.clock.advance(200)
    expect(rig.heardMs).toBe(0)
    rig.isCut = false
    rig.clock.advance(250)
    expect(rig.heardMs).toBe(3350)
  })

  test('nothing after it stopped', () => {
    const rig = new Rig()
    rig.stickDisk()
    rig.first.stop()
    rig.clock.advance(1000)
    expect(rig.told).toEqual([])
  })
})

describe('in a running cluster', () => {
  const stuckFor = (world: World, at: number, of: number) =>
    world.status(at).peers.find(({ server }) => server === of)!.writingMs

  test('the other servers know of a stuck disk while it is stuck, and of no healthy disk', async () => {
    const world = await World.formed()
    const leader = world.leader!
    const [stuck, sound] = world.followers as [number, number]
    const server = world.server(stuck)
    const { syncMs } = server
    server.syncMs = () => Infinity
    await world.settled(world.replica(leader).execute('a'))
    await world.wait(3000)
    const ownMs = world.status(stuck).journal!.writingMs
    for (const at of [leader, sound]) expect(Math.abs(stuckFor(world, at, stuck) - ownMs)).toBeLessThan(2)
    expect(stuckFor(world, leader, sound)).toBe(0)
    expect(stuckFor(world, stuck, leader)).toBe(0)
    server.syncMs = syncMs
    server.process?.unstick()
    await world.wait(300)
    for (const at of [leader, sound]) expect(stuckFor(world, at, stuck)).toBe(0)
    await world.converged()
  })
})
