import { expect, test } from 'vitest'
import type { ReplicaStatus } from 'synod/internal/status.js'
import { TimeWatch } from '../../src/simulator/checks/time-watch.js'

const TODAY_MS = 1_700_000_000_000
const NOTHING = new Uint8Array(0)

class Rig {
  readonly wrong = new Set<number>()
  voters = [1, 2, 3]
  logMs = TODAY_MS
  nowMs = 0
  readonly watch: TimeWatch

  constructor(rates: readonly number[] = [1, 1, 1]) {
    this.watch = new TimeWatch({
      rates,
      now: () => this.nowMs,
      wallTime: () => TODAY_MS + this.nowMs,
      isRight: (server) => !this.wrong.has(server),
      statuses: () =>
        [1, 2, 3].map((server) => {
          const members = this.voters.map((voter) => ({ server: voter, role: 'voter' }))
          return { server, members, time: { logMs: this.logMs } } as unknown as ReplicaStatus
        }),
    })
  }

  execute(timeMs: number): void {
    this.watch.executed({
      position: { slot: 1, index: 0 },
      tag: 1,
      timeMs,
      version: 1,
      command: '',
      encoded: NOTHING,
      by: 1,
      result: NOTHING,
    })
  }
}

test('log time that goes back is found', () => {
  const rig = new Rig()
  rig.execute(TODAY_MS)
  rig.execute(TODAY_MS)
  expect(() => {
    rig.execute(TODAY_MS - 1)
  }).toThrow('log time went back')
})

test('log time ahead of a majority of correct clocks, by more than the drift, is found', () => {
  const rig = new Rig([1, 1.25, 0.9])
  rig.wrong.add(1)
  rig.nowMs = 1000
  rig.execute(TODAY_MS + 1000 + 350)
  expect(() => {
    rig.execute(TODAY_MS + 1000 + 351)
  }).toThrow('log time is 351 ms ahead of the right time in slot 1')
})

test('after a majority of clocks was wrong, log time may have any value', () => {
  const rig = new Rig()
  rig.wrong.add(1)
  rig.voters = [1, 2]
  rig.execute(TODAY_MS + 1e9)
  rig.voters = [1, 2, 3]
  rig.execute(TODAY_MS + 2e9)
  expect(rig.watch.wrongTimes([1, 2, 3])).toEqual([])
})

test('log time must be right at the end while a majority of correct clocks is up', () => {
  const rig = new Rig()
  expect(rig.watch.wrongTimes([1, 2, 3])).toEqual([])
  rig.logMs -= 101
  expect(rig.watch.wrongTimes([1, 2, 3])).toEqual([1, 2, 3])
  expect(rig.watch.wrongTimes([2, 3])).toEqual([2, 3])
  expect(rig.watch.wrongTimes([3])).toEqual([])
  rig.wrong.add(2)
  expect(rig.watch.wrongTimes([2, 3])).toEqual([])
})
