import { expect, it } from 'vitest'
import { Chance } from '../../src/chance.js'
import { StepClock } from '../../src/simulator/hardware/clock.js'
import { forSeeds } from '../../../synod/test/paxos/replay.js'

it('timers run by time, and then in the order of their requests, as in a sorted list', () => {
  forSeeds(import.meta.url, 100, (seed) => {
    const chance = new Chance(seed)
    const clock = new StepClock()
    const ran: number[] = []
    let waiting: { readonly id: number; readonly atMs: number; readonly cancel: () => void }[] = []
    for (let id = 0; id < 200; id++) {
      const dice = chance.next()
      if (dice < 0.6) {
        const delayMs = chance.below(20)
        const cancel = clock.timer(delayMs, () => ran.push(id))
        waiting.push({ id, atMs: clock.now() + delayMs, cancel })
        // The sort is stable.
        waiting.sort((a, b) => a.atMs - b.atMs)
      } else if (dice < 0.7 && waiting.length > 0) {
        const cancelled = chance.pick(waiting)
        cancelled.cancel()
        waiting = waiting.filter((timer) => timer !== cancelled)
      } else {
        const next = waiting.shift()
        const endMs = next?.atMs ?? clock.now() + 1
        expect(clock.step(endMs)).toBe(next !== undefined)
        expect(clock.now()).toBe(endMs)
        expect(ran.splice(0)).toEqual(next === undefined ? [] : [next.id])
      }
    }
    while (clock.step(clock.now() + 100));
    expect(ran).toEqual(waiting.map(({ id }) => id))
  })
})

it('the clock moves no further than asked', () => {
  const clock = new StepClock()
  let ran = false
  clock.timer(10, () => {
    ran = true
  })
  expect([clock.step(9), clock.now(), ran]).toEqual([false, 9, false])
  expect([clock.step(10), clock.now(), ran]).toEqual([true, 10, true])
})

it('next() runs before any timer, and soon() after due timers', () => {
  const clock = new StepClock()
  const ran: string[] = []
  clock.timer(0, () => {
    ran.push('due')
    clock.next(() => ran.push('next'))
    clock.soon(() => ran.push('soon'))
  })
  clock.timer(0, () => ran.push('also due'))
  while (clock.step(0));
  expect(ran).toEqual(['due', 'next', 'also due', 'soon'])
  expect(clock.steps, 'timers alone are counted').toBe(3)
})

it('the wall clock moves with the clock', () => {
  const clock = new StepClock()
  const beforeMs = clock.wallTime()
  clock.step(1234)
  expect(clock.wallTime() - beforeMs).toBe(1234)
})
