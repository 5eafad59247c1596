import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Guard } from '../../src/simulator/checks/guard.js'

const LOOKS: readonly [string, () => unknown][] = [
  ['Date.now()', () => Date.now()],
  ['new Date()', () => new Date()],
  ['Math.random()', () => Math.random()],
  ['performance.now()', () => performance.now()],
  ['crypto.randomUUID()', () => crypto.randomUUID()],
]

describe('a guard', () => {
  let guard = new Guard(1)
  guard[Symbol.dispose]()
  beforeEach(() => {
    guard = new Guard(1)
  })
  afterEach(() => {
    guard[Symbol.dispose]()
  })

  it.each(LOOKS)('notes %s while a command is applied', (name, look) => {
    guard.run(1, 'apply', look)
    expect(() => guard.check('apply("x") in slot 3')).toThrow(
      expect.objectContaining({
        kind: 'non-determinism',
        message: expect.stringContaining(`apply("x") in slot 3 called ${name}: `),
      }),
    )
    expect(() => guard.check('the next step')).not.toThrow()
  })

  it.each(LOOKS)('allows %s outside, and in a query', (_, look) => {
    look()
    guard.run(1, 'query', look)
    guard.run(1, 'apply', () => undefined)
    look()
    expect(() => guard.check('a step')).not.toThrow()
  })

  it('names the first look', () => {
    guard.run(1, 'apply', () => [Math.random(), Date.now()])
    expect(() => guard.check('a step')).toThrow('called Math.random()')
  })

  it('notes a look also where the step then throws, and is outside again', () => {
    const refuse = () => {
      Date.now()
      throw new Error('refused')
    }
    expect(() => guard.run(1, 'apply', refuse)).toThrow('refused')
    expect(() => guard.check('a step')).toThrow('called Date.now()')
    Date.now()
    expect(() => guard.check('a step')).not.toThrow()
  })

  it('answers differently on each server', () => {
    const answers = (look: () => unknown) => [1, 2, 3].map((server) => guard.run(server, 'apply', look))
    expect(new Set(answers(() => Date.now())).size).toBe(3)
    expect(new Set(answers(() => new Date().getTime())).size).toBe(3)
    expect(new Set(answers(() => Math.random())).size).toBe(3)
  })

  it('lets a machine work with times that it was given', () => {
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

  it('notes Date() too, which is a look as well', () => {
    guard.run(1, 'apply', () => Date())
    expect(() => guard.check('a step')).toThrow('called Date()')
  })
})

it('a guard stands alone, as two would not put back what was there', () => {
  const before = Date
  {
    using guard = new Guard(1)
    expect(() => new Guard(2)).toThrow('one simulation at a time')
    guard.run(1, 'apply', () => undefined)
  }
  expect(Date).toBe(before)
  new Guard(3)[Symbol.dispose]()
})

it('a date from before the guard is a date for it too', () => {
  const before = new Date(0)
  using guard = new Guard(1)
  expect(guard.run(1, 'apply', () => before instanceof Date)).toBe(true)
})

describe('when a guard goes, all is as it was', () => {
  const now = () => [Date, Date.now, Math.random, performance.now, crypto.randomUUID]

  it('after its work', () => {
    const before = now()
    {
      using guard = new Guard(1)
      guard.run(1, 'apply', () => Date.now())
      expect(now()).not.toEqual(before)
    }
    expect(now()).toEqual(before)
    expect(Object.hasOwn(performance, 'now'), 'what it did not have itself').toBe(false)
  })

  it('after a throw', () => {
    const before = now()
    expect(() => {
      using guard = new Guard(1)
      guard.run(1, 'apply', () => {
        throw new Error('thrown')
      })
    }).toThrow('thrown')
    expect(now()).toEqual(before)
  })
})
