import { expect, test } from 'vitest'
import type { MemberStatus, ReplicaStatus } from 'synod'
import { statusTable } from '../../src/reports/status-table.js'

const peer = {
  server: 2,
  writingMs: 0,
  space: 'ample' as const,
  acceptor: null,
  support: { formats: { oldest: 1, newest: 1 }, machine: 1 },
  address: '127.0.0.1:2',
  up: true,
  forMs: 1,
  reason: undefined,
  protocol: 2,
  unsentBytes: 0,
  droppedMessages: 0,
}

const member: MemberStatus = { server: 1, role: 'voter', replaces: 0, address: '127.0.0.1:1', acceptor: null }

const status: ReplicaStatus = {
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
  watermarks: { snapshotted: 0, executed: 10, chosen: 10, voted: 12 },
  digest: 77,
  versions: {
    support: { formats: { oldest: 1, newest: 1 }, machine: 1 },
    agreed: { format: 1, machine: 1 },
  },
  members: [member],
  peers: [peer, { ...peer, server: 3, up: false }],
  sessions: 5,
  waiting: 2,
  clients: 1,
  held: { bytes: 8192, mostBytes: 8192, unfinishedBytes: 0 },
  recovery: 'clean',
  journal: null,
  space: { state: 'ample', freeBytes: null, reservedBytes: 0 },
  pendingQuorum: null,
  lease: null,
  snapshot: { slot: 0, sizeBytes: 0, writing: false, serving: false, arriving: null, found: 'none' },
  time: { executedMs: 1_700_000_000_000, logMs: 1_700_000_000_500, clockAheadMs: 0, isMedianKnown: true },
  stalls: { count: 1, longestMs: 60 },
  uptimeMs: 1000,
}

/** The cells of the last row. */
function lastRow(...statuses: ReplicaStatus[]): string[] {
  const table = statusTable(statuses.map((each) => ({ endpoint: `127.0.0.1:${each.server}`, status: each })))
  return table.split('\n').at(-1)!.split(/ {2,}/)
}

test('a row shows role, ballot, leader, watermarks, lag, peers and queues', () => {
  const members = [member, { ...member, server: 2 }]
  const behind = {
    ...status,
    server: 2,
    members,
    role: 'follower' as const,
    watermarks: { ...status.watermarks, executed: 3 },
  }
  expect(lastRow(status, behind)).toEqual([
    's2',
    '127.0.0.1:2',
    'follower',
    '(4, s1)',
    's1',
    '0',
    '3',
    '10',
    '12',
    '7',
    '1/2',
    '5',
    '2',
    '2023-11-14T22:13:20.500Z',
    '0.0 s',
    'slots 4 to 10 are chosen, and wait to be executed',
  ])
})

test('the row of an endpoint that does not answer shows the error', () => {
  const table = statusTable([
    { endpoint: '127.0.0.1:1', status },
    { endpoint: '127.0.0.1:9', error: new Error('no answer from 127.0.0.1:9 (refused)') },
  ])
  expect(table).toMatch(/\n- +127\.0\.0\.1:9 .* no answer from 127\.0\.0\.1:9 \(refused\)$/)
})

test('the note reports damage, a cluster that has not formed, and states that differ', () => {
  expect(lastRow({ ...status, damage: 'It is gone.' }).at(-1)).toBe('does not vote: It is gone.')
  expect(lastRow({ ...status, formed: false }).at(-1)).toBe('has not formed a cluster: waits for s3')
  expect(lastRow({ ...status, formed: false, peers: [peer] }).at(-1)).toBe(
    'has not formed a cluster: waits for the others to agree',
  )
  expect(lastRow(status, { ...status, server: 2, digest: 78 }).at(-1)).toBe(
    'has executed something else than s1',
  )
})

test('the note reports why a healthy replica does not vote', () => {
  const note = (...members: MemberStatus[]) => lastRow({ ...status, role: 'learner', members }).at(-1)
  expect(lastRow(status).at(-1)).toBe('0.0 s')
  expect(note()).toBe('does not know yet who is a member')
  expect(note({ ...member, server: 2 })).toBe('is not a member: see synod member add --help')
  expect(note({ ...member, role: 'joining' })).toBe('votes when it has caught up')
  expect(note({ ...member, role: 'joining', replaces: 3 })).toBe(
    'takes the place of s3 when it has caught up',
  )
  expect(note({ ...member, role: 'learner' })).toBe('learns without ever voting')
  expect(note(member)).toBe('is about to vote')
})

test('in leaderless mode a row has neither ballot nor leader', () => {
  const leaderless = { ...status, mode: 'leaderless' as const, role: 'proposer' as const, leader: null }
  expect(lastRow({ ...leaderless, ballot: { seq: 0, server: 0 } }).slice(2, 5)).toEqual([
    'proposer',
    '-',
    '-',
  ])
})
