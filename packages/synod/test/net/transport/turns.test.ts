import { describe, expect, it } from 'vitest'
import { MAX_TURN_MS, MAX_TURN_UNITS, Turns } from '../../../src/net/transport/turns.js'
import { ManualClock } from '../manual-clock.js'

/** A clock of which the test says how long what runs takes. */
class SlowClock extends ManualClock {
  busyMs = 0

  override now(): number {
    return super.now() + this.busyMs
  }
}

function rig() {
  const clock = new SlowClock()
  const turns = new Turns(clock)
  const ran: string[] = []
  const work = (name: string, units: number) => () => {
    ran.push(name)
    turns.spend(units)
  }
  return { clock, ran, turns, work }
}

describe('turns of the event loop', () => {
  it('have a capacity of work, which the next turn renews', () => {
    const { clock, turns } = rig()
    turns.spend(MAX_TURN_UNITS - 1)
    expect(turns.hasBudget).toBe(true)
    turns.spend(1)
    expect(turns.hasBudget).toBe(false)
    clock.advance(0)
    expect(turns.hasBudget).toBe(true)
    expect(turns.number).toBe(1)
  })

  it('have a limit of time, independent of the work done', () => {
    const { clock, turns } = rig()
    turns.spend(1)
    clock.busyMs += MAX_TURN_MS
    expect(turns.hasBudget).toBe(false)
    clock.advance(0)
    expect(turns.hasBudget).toBe(true)
  })

  it('serve waiting flows in the order of their requests, within the capacity', () => {
    const { clock, ran, turns, work } = rig()
    for (const name of ['a', 'b', 'c', 'd']) turns.later(work(name, MAX_TURN_UNITS / 2), 'more')
    expect(turns.isQueued).toBe(true)
    const served: string[][] = []
    for (let turn = 0; turn < 3; turn++) {
      const before = ran.length
      // One step of the clock at a time: what it runs may ask for the next turn.
      clock.soon(() => served.push(ran.slice(before)))
      clock.advance(0)
    }
    expect(ran).toEqual(['a', 'b', 'c', 'd'])
    expect(turns.isQueued).toBe(false)
  })

  it('serve modest flows before flows that have more', () => {
    const { clock, ran, turns, work } = rig()
    turns.later(work('more', 1), 'more')
    turns.later(work('new', 1), 'modest')
    turns.later(work('newer', 1), 'modest')
    clock.advance(0)
    expect(ran).toEqual(['new', 'newer', 'more'])
  })

  it('serve other flows too while modest flows never end', () => {
    const { clock, ran, turns, work } = rig()
    let rounds = 3
    const endless = () => {
      work('little', MAX_TURN_UNITS)()
      if (--rounds > 0) turns.later(endless, 'modest')
    }
    turns.later(endless, 'modest')
    for (const name of ['a', 'b']) turns.later(work(name, 1), 'more')
    clock.advance(0)
    expect(ran).toEqual(['little', 'a', 'little', 'b', 'little'])
  })

  it('serve a flow that asks again after all flows that asked meanwhile', () => {
    const { clock, ran, turns, work } = rig()
    let rounds = 3
    const greedy = () => {
      work('greedy', 1)()
      if (--rounds > 0) turns.later(greedy, 'more')
    }
    turns.later(greedy, 'more')
    turns.later(work('modest', 1), 'more')
    clock.advance(0)
    expect(ran).toEqual(['greedy', 'modest', 'greedy', 'greedy'])
  })
})
