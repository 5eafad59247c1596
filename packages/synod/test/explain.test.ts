import { describe, expect, test } from 'vitest'
import { explain } from '../src/explain.js'
import type { PeerStatus, ReplicaStatus } from '../src/status.js'
import { World } from './replica/world.js'

const up: PeerStatus = {
  server: 2,
  acceptor: null,
  support: { formats: { oldest: 1, newest: 1 }, machine: 1 },
  writingMs: 0,
  space: 'ample' as const,
  address: '127.0.0.1:2',
  up: true,
  forMs: 60_000,
  reason: undefined,
  protocol: 2,
  unsentBytes: 0,
  droppedMessages: 0,
}
const down: PeerStatus = { ...up, server: 3, up: false, forMs: 4100, reason: 'refused' }
const journal = { groups: 1, segments: 1, bytes: 100, fsyncs: 1, lastFsyncMs: 1, writingMs: 0 }

const well: ReplicaStatus = {
  server: 1,
  cluster: 'test',
  clusterId: 'ab'.repeat(16),
  mode: 'leader',
  role: 'leader',
  ballot: { seq: 4, server: 1 },
  leader: 1,
  formed: true,
  admitted: true,
  voting: true,
  damage: null,
  watermarks: { snapshotted: 0, executed: 811, chosen: 811, voted: 820 },
  digest: 77,
  versions: {
    support: { formats: { oldest: 1, newest: 1 }, machine: 1 },
    agreed: { format: 1, machine: 1 },
  },
  members: [],
  peers: [up, down],
  sessions: 5,
  waiting: 2,
  clients: 1,
  held: { bytes: 8192, mostBytes: 8192, unfinishedBytes: 0 },
  recovery: 'clean',
  space: { state: 'ample', freeBytes: null, reservedBytes: 0 },
  journal,
  pendingQuorum: null,
  lease: null,
  snapshot: { slot: 0, sizeBytes: 0, writing: false, serving: false, arriving: null, found: 'none' },
  time: { executedMs: 1_700_000_000_000, logMs: 1_700_000_000_500, clockAheadMs: 0, isMedianKnown: true },
  stalls: { count: 0, longestMs: 0 },
  uptimeMs: 1000,
}
const vote = { step: 'accept', slot: 812, heard: [1], needed: 2, forMs: 1300 } as const

test.each<[string | null, Partial<ReplicaStatus>]>([
  [null, {}],
  ['does not vote: it is gone', { damage: 'it is gone' }],
  ['has not formed a cluster: waits for s3', { formed: false }],
  ['has not formed a cluster: waits for the others to agree', { formed: false, peers: [up] }],
  [
    'gets a snapshot from s2: 25 % of 2000 bytes',
    { snapshot: { ...well.snapshot, arriving: { from: 2, slot: 9, arrivedBytes: 500, sizeBytes: 2000 } } },
  ],
  [
    'slot 812 waits for a second vote: s2 is connected and does not answer, s3 unreachable for 4.1 s (refused)',
    { pendingQuorum: vote },
  ],
  [
    "slot 812 waits for a second vote: s2's disk has not answered for 1.2 s, s3 unreachable for 4.1 s (refused)",
    {
      pendingQuorum: vote,
      peers: [
        { ...up, writingMs: 1200 },
        { ...down, writingMs: 700 },
      ],
    },
  ],
  [null, { peers: [{ ...up, writingMs: 1200 }] }],
  [null, { time: { ...well.time, clockAheadMs: -1000 } }],
  [
    "its wall clock is 3.6 s ahead of log time, which follows the median of the voters' clocks",
    { time: { ...well.time, clockAheadMs: 3600 } },
  ],
  [
    "its wall clock is 1.1 s behind log time, which follows the median of the voters' clocks",
    { time: { ...well.time, clockAheadMs: -1100 } },
  ],
  [
    'its wall clock is 3.6 s ahead of log time, and too few clocks of voters agree to tell which is right',
    { time: { ...well.time, clockAheadMs: 3600, isMedianKnown: false } },
  ],
  [
    'waits for the wall clocks of a majority of the voters, to tell the time: s2 is connected and does not answer, s3 unreachable for 4.1 s (refused)',
    { time: { ...well.time, executedMs: 0, logMs: 0 }, waiting: 1 },
  ],
  [
    'slot 812 waits for a second vote: its own disk has not answered for 1.2 s, s3 unreachable for 4.1 s (refused)',
    { pendingQuorum: { ...vote, heard: [2] }, journal: { ...journal, writingMs: 1200 } },
  ],
  [null, { pendingQuorum: { ...vote, forMs: 400 } }],
  [
    'wants to lead, and waits for 2 more promises: s3 unreachable for 4.1 s (refused)',
    {
      role: 'candidate',
      leader: null,
      pendingQuorum: { step: 'prepare', slot: 0, heard: [1, 2], needed: 4, forMs: 900 },
    },
  ],
  [
    'misses the leader, and waits for a second answer of others that do too: s3 unreachable for 4.1 s',
    {
      role: 'follower',
      leader: null,
      peers: [{ ...down, reason: undefined }],
      pendingQuorum: { step: 'probe', slot: 0, heard: [1], needed: 2, forMs: 900 },
    },
  ],
  [
    'slot 3 waits for a third promise: s3 unreachable for 4.1 s (refused)',
    {
      mode: 'leaderless',
      pendingQuorum: { step: 'prepare', slot: 3, heard: [1, 2], needed: 3, forMs: 900 },
    },
  ],
  [
    'knows of no leader: s2 is connected and does not answer, s3 unreachable for 4.1 s (refused)',
    { role: 'follower', leader: null },
  ],
  [
    'knows of no leader: all servers are connected, and none leads',
    { role: 'follower', leader: null, peers: [] },
  ],
  ['its disk has not answered for 2.0 s', { journal: { ...journal, writingMs: 2000.4 } }],
  [
    'slots 800 to 811 are chosen, and wait to be executed',
    { watermarks: { ...well.watermarks, executed: 799 } },
  ],
  [
    'its clock is slow beside s2, s3: for a lease of its own it does not count on those any more',
    { lease: { held: false, fastClocks: [2, 3] } },
  ],
  ['stood still for up to 1.2 s', { stalls: { count: 2, longestMs: 1234.5 } }],
])('explain says: %s', (sentence, change) => {
  expect(explain({ ...well, ...change })).toBe(sentence)
})

describe('the status of a running replica explains that', () => {
  test('a leader without followers waits for votes in a slot, and which servers are missing', async () => {
    // So that it does not give up before it has waited for long enough to say so.
    const world = await World.formed({ options: { electionTimeoutMs: 2000 } })
    await world.settled(world.replica(1).execute('a'))
    const leader = world.leader!
    const { chosen } = world.status(leader).watermarks
    for (const id of world.followers) world.kill(id)
    world
      .replica(leader)
      .execute('b', { timeoutMs: 60_000 })
      .catch(() => undefined)
    await world.run(() => (world.status(leader).pendingQuorum?.forMs ?? 0) > 480)
    await world.run(() => explain(world.status(leader)) !== null)
    expect(explain(world.status(leader))).toMatch(
      new RegExp(
        `^slot ${chosen + 1} waits for a second vote: s\\d unreachable for 0.\\d s \\(.*\\), s\\d unreachable`,
      ),
    )
    await world.run(() => world.status(leader).role !== 'leader')
    const misses = 'misses the leader, and waits for a second answer'
    await world.run(() => explain(world.status(leader))?.startsWith(misses) === true)
  })

  test('the disk of the leader is stuck', async () => {
    const world = await World.formed()
    const leader = world.leader!
    world.server(leader).syncMs = () => Infinity
    await world.settled(world.replica(leader).execute('a'))
    await world.wait(700)
    expect(explain(world.status(leader))).toMatch(/^its disk has not answered for 0\.\d s$/)
  })

  test('a slot waits for the stuck disk of one follower, while the other follower is unreachable', async () => {
    const world = await World.formed()
    const leader = world.leader!
    const [stuck, gone] = world.followers
    world.server(stuck!).syncMs = () => Infinity
    world.kill(gone!)
    world
      .replica(leader)
      .execute('a', { timeoutMs: 60_000 })
      .catch(() => undefined)
    await world.wait(600)
    const disk = new RegExp(`s${stuck}'s disk has not answered for 0\\.\\d s`)
    expect(explain(world.status(leader))).toMatch(/^slot \d+ waits for a second vote: /)
    expect(explain(world.status(leader))).toMatch(disk)
    expect(explain(world.status(leader))).toMatch(new RegExp(`s${gone} unreachable for 0\\.\\d s`))
  })

  /** What s1 waits for, when it is asked to write and the others are gone. */
  async function alone(world: World): Promise<string | null> {
    for (const id of [2, 3]) world.kill(id)
    world
      .replica(1)
      .execute('a', { timeoutMs: 60_000 })
      .catch(() => undefined)
    await world.run(() => explain(world.status(1)) !== null)
    return explain(world.status(1))
  }

  test('a lone server in leaderless mode waits for promises in a slot', async () => {
    const world = await World.formed({ mode: 'leaderless' })
    await world.settled(world.replica(2).execute('first'))
    await world.converged()
    expect(await alone(world)).toMatch(
      /^slot \d+ waits for (a second promise|2 more promises): s2 unreachable/,
    )
  })

  test('a lone server in leaderless mode waits for votes in a slot that it had prepared', async () => {
    const world = await World.formed({ mode: 'leaderless' })
    await world.settled(world.replica(1).execute('first'))
    await world.converged()
    expect(await alone(world)).toMatch(/^slot \d+ waits for a second vote: s2 unreachable/)
  })
})
