import { expect, it } from 'vitest'
import { Flow } from '../../../src/net/transport/flow.js'
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
  const isModest = (flow: Flow, hasMore = false) => {
    const ran: string[] = []
    flow.later(() => ran.push('flow'), hasMore)
    turns.later(() => ran.push('modest'), 'modest')
    clock.advance(0)
    return ran[0] === 'flow'
  }
  return { isModest, pass, turns }
}

it('a flow is modest after a while, as long as it spends little', () => {
  const { isModest, pass, turns } = rig()
  const flow = new Flow(turns)
  expect(isModest(flow)).toBe(false)
  pass(32)
  expect(isModest(flow)).toBe(true)
  flow.spend(100)
  expect(isModest(flow)).toBe(false)
  pass(5)
  expect(isModest(flow)).toBe(true)
  for (let turn = 0; turn < 100; turn++) {
    flow.spend(8)
    pass(1)
  }
  expect(isModest(flow)).toBe(true)
  for (let turn = 0; turn < 100; turn++) {
    flow.spend(16)
    pass(1)
  }
  expect(isModest(flow)).toBe(false)
})

it('a flow is not modest while it holds more than its share, however little it spends', () => {
  const { isModest, pass, turns } = rig()
  const flow = new Flow(turns)
  pass(100)
  expect(isModest(flow, true)).toBe(false)
  expect(isModest(flow, false)).toBe(true)
})
