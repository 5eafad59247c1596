import { expect, it } from 'vitest'
import { SynodError } from 'synod/internal/errors.js'
import { Timeline, TooLateError } from '../../src/simulator/timeline.js'

/** Notes the time at 10, 20 and 30 ms. */
function noting(): { readonly line: Timeline; readonly noted: number[] } {
  const line = new Timeline()
  const noted: number[] = []
  for (const atMs of [10, 20, 30]) line.clock.timer(atMs, () => noted.push(line.clock.now()))
  return { line, noted }
}

it('a timeline moves one timer at a time, and stops as soon as the condition holds', async () => {
  const { line, noted } = noting()
  await line.run(() => noted.length === 2)
  expect(noted).toEqual([10, 20])
  expect(line.clock.now()).toBe(20)
})

it('a timeline does not move if the condition holds already', async () => {
  const { line } = noting()
  await line.run(() => true)
  expect(line.clock.now()).toBe(0)
})

it('a timeline waits no longer than requested', async () => {
  const { line, noted } = noting()
  await expect(line.run(() => noted.length === 3, 25)).rejects.toBeInstanceOf(TooLateError)
  expect([noted, line.clock.now()]).toEqual([[10, 20], 25])
  await line.wait(100)
  expect([noted, line.clock.now()]).toEqual([[10, 20, 30], 125])
})

it('a timeline runs all promises between two timers', async () => {
  const line = new Timeline()
  const order: string[] = []
  line.clock.timer(1, () => {
    order.push('first')
    void (async () => {
      for (let n = 0; n < 50; n++) await Promise.resolve()
      order.push('its promises')
    })()
  })
  line.clock.timer(1, () => order.push('second'))
  await line.wait(1)
  expect(order).toEqual(['first', 'its promises', 'second'])
})

it('a timeline moves until a promise is settled', async () => {
  const line = new Timeline()
  const later = new Promise((done) => line.clock.timer(10, () => done('kept')))
  expect(await line.settled(later)).toBe('kept')
  const broken = new Promise((_, fail) =>
    line.clock.timer(10, () => fail(new SynodError('unreachable', 'gone'))),
  )
  expect(await line.failure(broken)).toMatchObject({ code: 'unreachable' })
  expect(line.clock.now()).toBe(20)
  await expect(line.failure(Promise.resolve('fine'))).rejects.toThrow('no failure, but "fine"')
})

it('a timeline ends with the error of its watch', async () => {
  const { line, noted } = noting()
  line.onStep = () => {
    if (noted.length === 1) throw new Error('seen enough')
  }
  await expect(line.wait(100)).rejects.toThrow('seen enough')
  expect(noted).toEqual([10])
})

it('a timeline is moved by one caller at a time', async () => {
  const { line } = noting()
  const moving = line.wait(100)
  await expect(line.wait(1)).rejects.toThrow('moved already')
  await moving
})
