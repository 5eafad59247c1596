import { beforeEach, describe, expect, test } from 'vitest'
import { ClusterHistory } from '../../../src/paxos/invariants.js'
import type { Message } from '../../../src/paxos/messages.js'
import { ClusterServer } from '../../../../testing/src/cluster/cluster-server.js'
import { LeaseWatch } from '../../../../testing/src/cluster/lease-watch.js'
import { coreConfig } from '../../../../testing/src/core-config.js'
import { ballot } from '../lone-server.js'

const LEASE_MS = 100
const config = { ...coreConfig(2, [1, 2, 3], 'leader'), leaseMs: LEASE_MS }
const at = ballot(4, 1)
const promise = { type: 'promise', ballot: ballot(5, 3), scope: 'log', slot: 1, votes: [], next: 0 } as const
const transfer = { type: 'transfer', ballot: at, to: 3 } as const

let watch: LeaseWatch
let server: ClusterServer

beforeEach(() => {
  watch = new LeaseWatch(new ClusterHistory(config))
  server = new ClusterServer(config, 1)
})

function answers(nowMs: number): void {
  const watermarks = { chosen: 0, voted: 0 }
  watch.sent(server, { type: 'heartbeat-answer', ballot: at, round: 1, ...watermarks, clockMs: nowMs }, nowMs)
}

function violates(message: Message, nowMs: number): void {
  expect(() => {
    watch.sent(server, message, nowMs)
  }).toThrow('while it is bound to (4, s1)')
}

describe('the invariant of leases: a server that answered a heartbeat', () => {
  test('promises no other server during the lease', () => {
    answers(50)
    violates(promise, 149)
    watch.sent(server, { ...promise, ballot: at }, 149)
    watch.sent(server, promise, 150)
  })

  test('keeps its promise by its own clock, also over a restart', () => {
    server.rate = 0.5
    answers(50)
    server.crash()
    server.restart(2, 100)
    violates(promise, 299)
    watch.sent(server, promise, 300)
  })

  test('may promise another server if its leader, and no other server, has started a transfer', () => {
    answers(50)
    watch.sent(server, transfer, 60)
    violates(promise, 60)
    watch.sent(new ClusterServer({ ...config, self: 1 }, 1), transfer, 60)
    watch.sent(server, promise, 60)
  })

  test('does not report that it misses its leader', () => {
    answers(50)
    const answer = { type: 'probe-answer', round: 1, ballot: at, chosen: 0 } as const
    watch.sent(server, { ...answer, missing: false }, 60)
    violates({ ...answer, missing: true }, 60)
  })
})

test('a server that holds a lease has lease promises of a quorum', () => {
  expect(() => {
    watch.holds(server, 0)
  }).toThrow('too few of 1, 2, 3 are bound to it')
})
