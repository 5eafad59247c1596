import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Violation } from '../../src/simulator/checks/violation.js'
import { drawPlan } from '../../src/simulator/faults/plan.js'
import { type SimulateOptions, SimulationFailure, simulate } from '../../src/simulator/simulate.js'
import type { SimulationOutcome } from '../../src/simulator/simulation.js'
import type { Workload } from '../../src/simulator/workload.js'
import { type Counter, counting } from './planted.js'

beforeEach(() => {
  vi.stubEnv('SYNOD_SEED', undefined)
  vi.stubEnv('SYNOD_SEEDS', undefined)
})

afterEach(() => {
  vi.unstubAllEnvs()
})

/** How the simulation of a machine that is wrong fails. */
async function failure(
  workload: Workload<Counter>,
  options: SimulateOptions = {},
): Promise<SimulationFailure> {
  const error: unknown = await simulate(workload, {
    seeds: 3,
    onViolation: () => undefined,
    // However slow the machine is.
    shrink: { limitMs: Infinity },
    ...options,
  }).then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(SimulationFailure)
  return error as SimulationFailure
}

describe('a simulated state machine', () => {
  let calls = 0
  beforeEach(() => {
    calls = 0
  })

  it.each<[string, (total: number) => number, RegExp]>([
    [
      'reads the time without using it',
      (total) => (Date.now() > 0 ? total : 0),
      /apply\(\d\) in slot \d+ called Date\.now\(\)/,
    ],
    ['reads the date', (total) => (new Date().getDate() > 0 ? total : 0), /called new Date\(\)/],
    ['draws random numbers', (total) => total + Math.floor(Math.random() * 10), /called Math\.random\(\)/],
    ['shares a counter with its copies', () => ++calls, /depends on something other than the state/],
    [
      'throws for a reason outside of its state',
      (total) => {
        if (++calls % 5 === 0) throw new Error('not today')
        return total
      },
      /the error 'not today'.*depends on something other than the state/,
    ],
  ])('that %s is found, with no fault in the plan', async (_, apply, message) => {
    const { plan, violation } = await failure(counting(apply))
    expect(violation.kind).toBe('non-determinism')
    expect(violation.message).toMatch(message)
    expect(plan.faults).toEqual([])
  })

  it.each(['leader', 'leaderless'] as const)('that is correct passes in %s mode', async (mode) => {
    const summary = await simulate(counting(), { mode, seeds: 2 })
    expect(summary.seeds).toBe(2)
    for (const count of [summary.operations, summary.answered, summary.executed, summary.steps]) {
      expect(count).toBeGreaterThan(0)
    }
  })

  it('that uses the time of the context passes', async () => {
    await simulate(
      counting((total, { timeMs, position }) => total + position.slot + (timeMs % 7)),
      { seeds: 2 },
    )
  })
})

describe('the message of a failure', () => {
  it('has the violation, the seed and the command that replays it', async () => {
    const found = await failure(
      counting((total) => total + Math.random()),
      { seed: 3, mode: 'leaderless' },
    )
    expect(found.seed).toBe(3)
    expect(found.message).toMatch(
      /^non-determinism: apply\(.*\nSeed 3\. Replay: SYNOD_SEED=3 SYNOD_SEEDS=1, in leaderless mode\.\nIt takes no fault\.$/,
    )
  })

  it('lists the faults that cause the violation', () => {
    const pause = { kind: 'pause', atMs: 12.3, forMs: 40, server: 2 } as const
    const cut = { kind: 'cut', atMs: 99, forMs: 5, from: 'c1', to: 3, oneWay: true, reset: false } as const
    const plan = { ...drawPlan(1), faults: [pause, cut] }
    const { cause, message } = new SimulationFailure(1, plan, new Violation('agreement', 'they differ'))
    expect(message.split('\n')).toEqual([
      'agreement: they differ',
      'Seed 1. Replay: SYNOD_SEED=1 SYNOD_SEEDS=1, in leader mode.',
      'It takes these faults:',
      '  at 12 ms: the process of s2 is paused, for 40 ms',
      '  at 99 ms: c1 to s3 are cut off, for 5 ms',
    ])
    expect(cause).toBeInstanceOf(Violation)
  })
})

describe('the seeds of a simulation', () => {
  async function seedsOf(options: SimulateOptions): Promise<number[]> {
    const outcomes: SimulationOutcome[] = []
    await simulate(counting(), { ...options, onOutcome: (outcome) => outcomes.push(outcome) })
    return outcomes.map(({ plan }) => plan.seed)
  }

  it('are those of the options', async () => {
    expect(await seedsOf({ seed: 5, seeds: 2 })).toEqual([5, 6])
  })

  it('are those of the environment, if it has any', async () => {
    vi.stubEnv('SYNOD_SEED', '8')
    vi.stubEnv('SYNOD_SEEDS', '1')
    expect(await seedsOf({ seed: 5, seeds: 2 })).toEqual([8])
  })
})

describe('a violation', () => {
  const wrong = () => counting((total) => total + Math.random())

  it('is reported before its plan is shrunk', async () => {
    // By default, on stderr; and the finding is not lost where its test has no time left.
    const told: string[] = []
    const time = new AbortController()
    const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      told.push(String(text))
      time.abort()
      return true
    })
    const found: unknown = await simulate(wrong(), { signal: time.signal }).catch((error: unknown) => error)
    stderr.mockRestore()
    expect(told).toHaveLength(1)
    expect(told[0]).toMatch(/^non-determinism: apply\(.*\nSeed 1\. Replay: SYNOD_SEED=1 SYNOD_SEEDS=1/)
    expect(found).toBeInstanceOf(SimulationFailure)
    expect((found as SimulationFailure).plan, 'nothing was tried').toEqual(drawPlan(1))
  })

  it('is shrunk for the given time, and not at all if shrinking is off', async () => {
    for (const shrink of [false, { attempts: 0 }, { limitMs: 0 }] as const)
      expect((await failure(wrong(), { shrink })).plan).toEqual(drawPlan(1))
    const found: SimulationFailure[] = []
    const { plan } = await failure(wrong(), { onViolation: (failure) => found.push(failure) })
    expect(plan.faults).toEqual([])
    expect(found.map(({ plan }) => plan)).toEqual([drawPlan(1)])
  })
})

describe('a simulation that was aborted', () => {
  it('ends at once, and lets the next one run', async () => {
    const time = new AbortController()
    const workload = counting((total) => {
      time.abort('the time is up')
      return total
    })
    const given = simulate(workload, { signal: time.signal })
    const next = simulate(counting(), { seeds: 1 })
    await expect(given).rejects.toMatchObject({ code: 'aborted', cause: 'the time is up' })
    expect((await next).seeds).toBe(1)
    await expect(simulate(counting(), { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'aborted',
    })
  })

  it('or abandoned lets the next one run: simulations take turns', async () => {
    const [first, second] = [simulate(counting(), { seeds: 2 }), simulate(counting(), { seeds: 1, seed: 7 })]
    expect((await second).seeds).toBe(1)
    expect((await first).seeds).toBe(2)
  })
})

describe('the options of a simulation', () => {
  it.each<[object, string]>([
    [{ seed: NaN }, 'seed must be a whole number'],
    [{ seeds: 0 }, 'seeds must be a whole number from 1'],
    [{ seeds: '5' }, "seeds must be a whole number from 1 to 2,147,483,647, not '5'"],
    [{ mode: 'raft' }, "mode must be 'leader' or 'leaderless', not 'raft'"],
    [{ servers: 0 }, 'servers must be'],
    [{ sedes: 5 }, 'sedes is no option: there are mode, '],
    [{ shrink: true }, 'shrink must be an object, not true'],
    [{ shrink: { limitMs: NaN } }, 'shrink.limitMs must be'],
    [{ signal: {} }, 'signal must be an AbortSignal'],
  ])('%o are refused, with the reason', async (options, message) => {
    await expect(simulate(counting(), options as SimulateOptions)).rejects.toMatchObject({
      code: 'invalid-options',
      message: expect.stringContaining(message),
    })
  })

  it('an invalid seed of the environment is refused, as no simulation would run', async () => {
    vi.stubEnv('SYNOD_SEEDS', 'many')
    await expect(simulate(counting())).rejects.toThrow(
      'the environment variable SYNOD_SEEDS must be a whole number',
    )
  })

  it.each<[object, string]>([
    [{ machine: counting().machine }, 'command must be a function, not undefined'],
    [{ ...counting(), querry: () => 1 }, 'querry is no option'],
    [
      { ...counting(), machine: () => ({ apply: () => 1 }) },
      'machine must be an object with the methods apply, query',
    ],
  ])('an invalid workload is refused: %o', async (workload, message) => {
    await expect(simulate(workload as ReturnType<typeof counting>)).rejects.toThrow(message)
  })
})
