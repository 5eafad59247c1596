import { describe, expect, it } from 'vitest'
import { type Clock, systemClock } from '../src/clock.js'
import { StepClock } from '../../testing/src/simulator/hardware/clock.js'
import { Process } from '../../testing/src/simulator/hardware/process.js'
import { Rig } from '../../testing/test/simulator/rig.js'
import { Timeline } from '../../testing/src/simulator/timeline.js'

/*
 * The promises of the interface, checked on the real clock and on its doubles.
 */

interface Bench {
  readonly clock: Clock
  /** Lets time go on until a promise is settled. */
  settled<T>(promise: Promise<T>): Promise<T>
}

function simulatedBench(rate?: number): Bench {
  const timeline = new Timeline()
  const { network } = new Rig()
  const clock =
    rate === undefined
      ? timeline.clock
      : new Process({ clock: timeline.clock, network: network.host('a'), rate, skewMs: () => 0.7 }).clock
  return { clock, settled: (promise) => timeline.settled(promise) }
}

const makers: [string, () => Bench][] = [
  ['the real clock', () => ({ clock: systemClock, settled: (promise) => promise })],
  ['the simulated clock', () => simulatedBench()],
  ['the clock of a simulated process', () => simulatedBench(1)],
  ['a simulated clock that runs fast', () => simulatedBench(1.1)],
  ['a simulated clock that runs slow', () => simulatedBench(0.97)],
]

describe.each(makers)('%s', (_, make) => {
  const { clock, settled } = make()

  /** Lets this many milliseconds pass. */
  const passed = (delayMs: number) => settled(new Promise<void>((done) => clock.timer(delayMs, done)))

  /** What `work`, called from a callback, has noted by the time that `passed` is over. */
  async function notedBy(
    work: (note: (text: string) => () => void, log: string[]) => void,
  ): Promise<string[]> {
    const log: string[] = []
    await settled(
      new Promise<void>((done) => {
        clock.soon(() => {
          work((text) => () => log.push(text), log)
          log.push('sync')
          clock.timer(40, done)
        })
      }),
    )
    return log
  }

  it('now() never goes back, and wallTime() is in whole milliseconds', async () => {
    const times = [clock.now()]
    for (const delayMs of [1, 0.3, 2.7]) {
      await passed(delayMs)
      times.push(clock.now())
      expect(Number.isSafeInteger(clock.wallTime())).toBe(true)
    }
    expect(times).toEqual([...times].sort((a, b) => a - b))
  })

  it('runs no timer early', async () => {
    for (let n = 0; n < 30; n++) {
      const delayMs = 0.37 * n
      const dueMs = clock.now() + delayMs
      await passed(delayMs)
      expect(clock.now()).toBeGreaterThanOrEqual(dueMs)
    }
  })

  it('keeps the order of many timers of the same delay, and runs none early', async () => {
    const ran: number[] = []
    const early: number[] = []
    const count = 3000
    await settled(
      new Promise<void>((done) => {
        for (let n = 0; n < count; n++) {
          const dueMs = clock.now() + 3.5
          clock.timer(3.5, () => {
            ran.push(n)
            if (clock.now() < dueMs) early.push(n)
            if (ran.length === count) done()
          })
        }
      }),
    )
    expect(early).toEqual([])
    expect(ran).toEqual(Array.from({ length: count }, (__, n) => n))
  })

  it('runs promises, then next(), then soon(), then timers', async () => {
    const log = await notedBy((note) => {
      clock.timer(20, note('timer'))
      clock.soon(note('soon'))
      clock.next(note('next'))
      void Promise.resolve().then(note('promise')).then(note('and the one after'))
    })
    expect(log).toEqual(['sync', 'promise', 'and the one after', 'next', 'soon', 'timer'])
  })

  it('runs a next() requested by a promise before soon()', async () => {
    const log = await notedBy((note) => {
      clock.soon(note('soon'))
      void Promise.resolve().then(() => {
        clock.next(note('next'))
        void Promise.resolve().then(note('promise'))
      })
    })
    expect(log).toEqual(['sync', 'promise', 'next', 'soon'])
  })

  it('runs next() before a soon() or timer that was requested earlier', async () => {
    const log = await notedBy((note) => {
      clock.soon(note('soon'))
      clock.timer(0, note('timer'))
      clock.next(() => {
        note('next')()
        clock.next(note('next of next'))
      })
    })
    expect(log.slice(0, 3)).toEqual(['sync', 'next', 'next of next'])
    expect(log.slice(3).sort()).toEqual(['soon', 'timer'])
  })

  it('runs soon() in the order of the requests, and a nested soon() in a later turn', async () => {
    const log = await notedBy((note) => {
      clock.soon(() => {
        note('first')()
        clock.soon(note('third'))
      })
      clock.soon(note('second'))
    })
    expect(log).toEqual(['sync', 'first', 'second', 'third'])
  })

  it('runs timers of the same delay in the order of the requests, and shorter timers first', async () => {
    const log = await notedBy((note) => {
      clock.timer(25, note('later'))
      for (const text of ['first', 'second', 'third']) clock.timer(5, note(text))
    })
    expect(log).toEqual(['sync', 'first', 'second', 'third', 'later'])
  })

  it('runs an overdue timer in a later turn', async () => {
    const log = await notedBy((note) => {
      for (const delayMs of [0, -5, -Infinity]) clock.timer(delayMs, note('timer'))
      clock.next(note('next'))
    })
    expect(log).toEqual(['sync', 'next', 'timer', 'timer', 'timer'])
  })

  it('runs no cancelled timer, and no timer of Infinity', async () => {
    const log = await notedBy((note) => {
      clock.timer(Infinity, note('for ever'))()
      clock.timer(Infinity, note('for ever'))
      const cancel = clock.timer(1, note('cancelled'))
      cancel()
      cancel()
      const others: (() => void)[] = []
      const cancelAll = () => {
        note('cancels')()
        for (const cancelOther of others) cancelOther()
      }
      others.push(clock.timer(5, cancelAll), clock.timer(5, note('due at the same time')))
    })
    expect(log).toEqual(['sync', 'cancels'])
  })

  it('refuses a timer of NaN milliseconds', () => {
    expect(() => clock.timer(NaN, () => undefined)).toThrow(RangeError)
  })
})

it('the simulated clock never runs a timer of Infinity, however far it moves', () => {
  const clock = new StepClock()
  const ran: string[] = []
  clock.timer(Infinity, () => ran.push('for ever'))
  clock.timer(1e12, () => ran.push('in the end'))
  while (clock.step(Number.MAX_VALUE));
  expect(clock.step(Infinity)).toBe(false)
  expect(ran).toEqual(['in the end'])
})
