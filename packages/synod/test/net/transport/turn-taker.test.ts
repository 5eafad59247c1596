import { expect, it } from 'vitest'
import { TurnTaker } from '../../../src/net/transport/turn-taker.js'
import { Turns } from '../../../src/net/transport/turns.js'
import { ManualClock } from '../manual-clock.js'

function rig() {
  const clock = new ManualClock()
  const turns = new Turns(clock)
  /** Turns in which some work is done. */
  const pass = (count: number) => {
    for (let turn = 0; turn < count; turn++) {
      turns.spend(1)
      clock.advance(0)
    }
  }
  /** Whether it is served before one who asks for little comes to it. */
  const isModest = (taker: TurnTaker, hasMore = false) => {
    const ran: string[] = []
    taker.later(() => ran.push('taker'), hasMore)
    turns.later(() => ran.push('modest'), 'modest')
    clock.advance(0)
    return ran[0] === 'taker'
  }
  return { isModest, pass, turns }
}

it('a taker is modest after a while, as long as it spends little', () => {
  const { isModest, pass, turns } = rig()
  const taker = new TurnTaker(turns)
  expect(isModest(taker)).toBe(false)
  pass(32)
  expect(isModest(taker)).toBe(true)
  taker.spend(100)
  expect(isModest(taker)).toBe(false)
  pass(5)
  expect(isModest(taker)).toBe(true)
  for (let turn = 0; turn < 100; turn++) {
    taker.spend(8)
    pass(1)
  }
  expect(isModest(taker)).toBe(true)
  for (let turn = 0; turn < 100; turn++) {
    taker.spend(16)
    pass(1)
  }
  expect(isModest(taker)).toBe(false)
})

it('a taker is not modest while it holds more than its share, however little it spends', () => {
  const { isModest, pass, turns } = rig()
  const taker = new TurnTaker(turns)
  pass(100)
  expect(isModest(taker, true)).toBe(false)
  expect(isModest(taker, false)).toBe(true)
})
