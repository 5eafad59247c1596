import { expect, test } from 'vitest'
import type { MemberStatus, ReplicaStatus } from 'synod'
import { answered, membersOf, requireAnswer } from '../../src/commands/cluster-status.js'

function member(server: number, address: string): MemberStatus {
  return { server, role: 'voter', replaces: 0, address, acceptor: null }
}

/** All that is looked at here. */
function status(chosen: number, members: readonly MemberStatus[]): ReplicaStatus {
  return {
    watermarks: { snapshotted: 0, executed: 0, chosen, voted: 0 },
    members,
  } as unknown as ReplicaStatus
}

test('the most advanced replica that answers comes first; if none does, the first error is thrown', () => {
  const [first, second] = [status(1, []), status(2, [])]
  const error = new Error('no answer')
  const statuses = [
    { endpoint: 'a', error },
    ...[first, second].map((each) => ({ endpoint: 'b', status: each })),
  ]
  expect(answered(statuses)).toEqual([second, first])
  requireAnswer(statuses)
  expect(() =>
    requireAnswer([
      { endpoint: 'a', error },
      { endpoint: 'b', error: new Error('none') },
    ]),
  ).toThrow(error)
})

test('the members come from the most advanced replica, ordered by id, with their addresses', () => {
  const members = membersOf([
    status(9, []),
    status(8, [member(4, 'd:1'), member(1, '')]),
    status(7, [member(1, 'a:1'), member(2, 'b:1')]),
  ])
  expect(members).toEqual([member(1, 'a:1'), member(4, 'd:1')])
  expect(membersOf([status(1, [])])).toEqual([])
})
