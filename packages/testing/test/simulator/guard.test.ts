import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DeterminismGuard } from '../../src/simulator/checks/determinism-guard.js'

const FORBIDDEN_CALLS: readonly [string, () => unknown][] = [
  ['Date.now()', () => Date.now()],
  ['new Date()', () => new Date()],
  ['Math.random()', () => Math.random()],
  ['performance.now()', () => performance.now()],
  ['crypto.randomUUID()', () => crypto.randomUUID()],
]

describe('the guard against non-determinism', () => {
  let guard = new DeterminismGuard(1)
  guard[Symbol.dispose]()
  beforeEach(() => {
    guard = new DeterminismGuard(1)
  })
  afterEach(() => {
    guard[Symbol.dispose]()
  })

  it.each(FORBIDDEN_CALLS)('finds %s while a command is applied', (name, look) => {
    guard.run(1, 'apply', look)
    expect(() => guard.check('apply("x") in slot 3')).toThrow(
      expect.objectContaining({
        kind: 'non-determinism',
        message: expect.stringContaining(`apply("x") in slot 3 called ${name}: `),
      }),
    )
    expect(() => guard.check('the next step')).not.toThrow()
  })

  it.each(FORBIDDEN_CALLS)('allows %s outside of the machine, and in a query', (_, look) => {
    look()
    guard.run(1, 'query', look)
    guard.run(1, 'apply', () => undefined)
    look()
    expect(() => guard.check('a step')).not.toThrow()
  })

  it('names the first forbidden call', () => {
    guard.run(1, 'apply', () => [Math.random(), Date.now()])
    expect(() => guard.check('a step')).toThrow('called Math.random()')
  })

  it('finds a forbidden call in a step that throws, and allows calls after it', () => {
    const refuse = () => {
      Date.now()
      throw new Error('refused')
    }
    expect(() => guard.run(1, 'apply', refuse)).toThrow('refused')
    expect(() => guard.check('a step')).toThrow('called Date.now()')
    Date.now()
    expect(() => guard.check('a step')).not.toThrow()
  })

  it('gives each server other answers', () => {
    const answers = (look: () => unknown) => [1, 2, 3].map((server) => guard.run(server, 'apply', look))
    expect(new Set(answers(() => Date.now())).size).toBe(3)
    expect(new Set(answers(() => new Date().getTime())).size).toBe(3)
    expect(new Set(answers(() => Math.random())).size).toBe(3)
  })

  it('allows calculations with given times', () => {
    const given = new Date(0)
    const seen = guard.run(1, 'apply', () => [
      new Date(0).toISOString(),
      new Date(2020, 0).getFullYear(),
      new Date('2020-02-03T00:00:00Z').getTime(),
      Date.UTC(2020, 0),
      given instanceof Date,
      new Date(1) instanceof Date,
    ])
    expect(seen).toEqual(['1970-01-01T00:00:00.000Z', 2020, 1_580_688_000_000, Date.UTC(2020, 0), true, true])
    expect(() => guard.check('a step')).not.toThrow()
  })

  it('finds Date()', () => {
    guard.run(1, 'apply', () => Date())
    expect(() => guard.check('a step')).toThrow('called Date()')
  })
})

it('two guards at a time are refused, as they could not restore the globals', () => {
  const before = Date
  {
    using guard = new DeterminismGuard(1)
    expect(() => new DeterminismGuard(2)).toThrow('one simulation at a time')
    guard.run(1, 'apply', () => undefined)
  }
  expect(Date).toBe(before)
  new DeterminismGuard(3)[Symbol.dispose]()
})

it('a date from before the guard is an instance of Date during it', () => {
  const before = new Date(0)
  using guard = new DeterminismGuard(1)
  expect(guard.run(1, 'apply', () => before instanceof Date)).toBe(true)
})

describe('the end of a guard restores all globals', () => {
  const now = () => [Date, Date.now, Math.random, performance.now, crypto.randomUUID]

  it('after a run', () => {
    const before = now()
    {
      using guard = new DeterminismGuard(1)
      guard.run(1, 'apply', () => Date.now())
      expect(now()).not.toEqual(before)
    }
    expect(now()).toEqual(before)
    expect(Object.hasOwn(performance, 'now'), 'what it did not have itself').toBe(false)
  })

  it('after a throw', () => {
    const before = now()
    expect(() => {
      using guard = new DeterminismGuard(1)
      guard.run(1, 'apply', () => {
        throw new Error('thrown')
      })
    }).toThrow('thrown')
    expect(now()).toEqual(before)
  })
})
