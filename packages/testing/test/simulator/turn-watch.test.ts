import { describe, expect, it } from 'vitest'
import { MAX_TURN_UNITS } from 'synod/internal/net/transport/turns.js'
import { TurnWatch } from '../../src/simulator/checks/turn-watch.js'
import { StepClock } from '../../src/simulator/hardware/clock.js'

/** More than two turns may do. */
const TOO_MANY = 3 * MAX_TURN_UNITS

function watch() {
  const clock = new StepClock()
  const violations: string[] = []
  const turns = new TurnWatch(clock, (what) => violations.push(what))
  const settle = () => {
    while (clock.step(clock.now() + 1));
  }
  return { clock, turns, violations, settle }
}

describe('the watch over turns of the event loop', () => {
  it('finds a turn with more work than its limit', () => {
    const { turns, violations, settle } = watch()
    for (let message = 0; message < TOO_MANY; message++) turns.done(1)
    settle()
    expect(violations).toEqual([`dealt with ${TOO_MANY} messages of clients in 1 turns`])
  })

  it('allows the same work over several turns', () => {
    const { turns, violations, settle } = watch()
    for (let share = 0; share < 3; share++) {
      turns.done(MAX_TURN_UNITS)
      settle()
    }
    expect(violations).toEqual([])
  })

  it('finds postponed work that was done in one turn', () => {
    const { turns, violations, settle } = watch()
    turns.caughtUp(turns.defer(TOO_MANY))
    settle()
    expect(violations).toHaveLength(1)
  })

  it('allows postponed work over as many turns as it takes', () => {
    const { clock, turns, violations, settle } = watch()
    const putOff = turns.defer(TOO_MANY)
    for (let turn = 0; turn < 2; turn++) clock.step(0)
    turns.caughtUp(putOff)
    settle()
    expect(violations).toEqual([])
  })

  it('does not wait for postponed work that is never done, nor count it', () => {
    const { clock, turns, violations, settle } = watch()
    const putOff = turns.defer(TOO_MANY)
    settle()
    expect(clock.now()).toBe(1)
    turns.caughtUp(putOff)
    turns.forget(turns.defer(TOO_MANY))
    settle()
    expect(violations).toEqual([])
  })
})
