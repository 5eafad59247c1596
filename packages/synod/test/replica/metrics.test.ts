import { expect, test } from 'vitest'
import { Histogram } from '../../src/metrics.js'
import { World } from './world.js'

test('a histogram counts a value that equals a bound in the lower bucket', () => {
  const histogram = new Histogram([1, 2])
  for (const value of [0, 1, 1.5, 2, 99]) histogram.record(value)
  expect(histogram.data()).toEqual({ bounds: [1, 2], counts: [2, 2, 1], sum: 103.5, count: 5 })
})

test('a replica counts its commands, reads and messages', async () => {
  const world = await World.formed({ options: { snapshots: { everySlots: 10 } } })
  const leader = world.leader!
  const [follower] = world.followers
  await world.raised()
  for (let i = 0; i < 20; i++) await world.settled(world.replica(leader).execute('x'))
  await world.settled(world.replica(leader).read(0))
  await world.replica(leader).readStale(0)
  await world.wait(100)
  const metrics = world.replica(leader).metrics()
  const { watermarks } = world.status(leader)
  expect(metrics).toMatchObject({
    // The opening of the session, and the raise of the format.
    requests_total: 20 + 2,
    reads_total: 1,
    stale_reads_total: 1,
    requests_refused_total: 0,
    elections_total: 1,
    elections_won_total: 1,
    leader: 1,
    voting: 1,
    slot_executed: watermarks.executed,
    slot_snapshotted: watermarks.snapshotted,
    waiting: 0,
    pending_quorum_seconds: 0,
    peers_up: 2,
  })
  expect(metrics.snapshots_total).toBeGreaterThan(0)
  expect(metrics.request_seconds.count).toBe(20 + 2)
  expect(metrics.read_seconds.count).toBe(1)
  expect(metrics.fsync_seconds.count).toBe(metrics.journal_groups_total)
  expect(metrics.messages_sent_total).toBeGreaterThan(40)
  expect(metrics.messages_received_total).toBeGreaterThan(40)
  const other = world.replica(follower!).metrics()
  expect([other.leader, other.elections_won_total, other.requests_total]).toEqual([0, 0, 0])
  expect(other.leader_changes_total).toBeGreaterThan(0)
})
