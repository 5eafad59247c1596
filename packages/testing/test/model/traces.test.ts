import { expect, test } from 'vitest'
import { type Action, actionsAlong } from '../../src/model/actions.js'
import { CONFIGURATIONS } from '../../src/model/configurations.js'
import { replay } from '../../src/model/replay.js'
import { breadthFirst } from '../../src/model/search-breadth-first.js'
import { traceLines } from '../../src/model/trace-lines.js'
import { ModelWorld } from '../../src/model/world.js'
import { TINY, TINY_LEADERLESS, finish } from './searches.js'

const words = (steps: readonly { readonly words: string }[]) => steps.map((step) => step.words)

test('the path to a goal is described server by server, and can be replayed from JSON', () => {
  const world = new ModelWorld(TINY)
  const { path } = finish(breadthFirst(world, { until: 'chosen' }))
  const actions = JSON.parse(JSON.stringify(actionsAlong(world, path))) as Action[]
  const { steps, violation } = replay(TINY, actions)
  expect(violation).toBeUndefined()
  expect(steps.map(({ action }) => action)).toEqual(actions)
  expect(words(steps)).toMatchInlineSnapshot(`
    [
      "s1 campaigns: writes promise (1, s1) for every slot; is candidate at (1, s1); sends [prepare (1, s1) for every slot from 1] to s2 and s3",
      "s2 hears [prepare (1, s1) for every slot from 1] from s1: writes promise (1, s1) for every slot; sends [promise (1, s1) for every slot from 1: no votes] to s1",
      "s1 hears [promise (1, s1) for every slot from 1: no votes] from s2: is leader at (1, s1)",
      "s1 gets a proposal: writes vote (1, s1) in slot 1: v1.1; sends [accept (1, s1) in slot 1: v1.1] to s2 and s3",
      "s2 hears [accept (1, s1) in slot 1: v1.1] from s1: writes vote (1, s1) in slot 1: v1.1; sends [accepted (1, s1) in slot 1] to s1",
      "s1 hears [accepted (1, s1) in slot 1] from s2: writes chosen in slot 1; sends [chosen (1, s1) in slot 1] to s2 and s3",
    ]
  `)
})

test('the path to a goal in leaderless mode is described too', () => {
  const world = new ModelWorld(TINY_LEADERLESS)
  const { path } = finish(breadthFirst(world, { until: 'chosen' }))
  expect(words(replay(TINY_LEADERLESS, actionsAlong(world, path)).steps)).toMatchInlineSnapshot(`
    [
      "s1 gets a proposal",
      "s1 has its timer run out (place): writes promise (1, s1) for slot 1; sends [prepare (1, s1) for slot 1] to s2 and s3",
      "s2 hears [prepare (1, s1) for slot 1] from s1: writes promise (1, s1) for slot 1; sends [promise (1, s1) for slot 1: no votes] to s1",
      "s1 hears [promise (1, s1) for slot 1: no votes] from s2: writes vote (1, s1) in slot 1: v1.1; sends [accept (1, s1) in slot 1: v1.1] to s2 and s3",
      "s2 hears [accept (1, s1) in slot 1: v1.1] from s1: writes vote (1, s1) in slot 1: v1.1; sends [accepted (1, s1) in slot 1] to s1",
      "s1 hears [accepted (1, s1) in slot 1] from s2: writes chosen in slot 1; sends [chosen (1, s1) in slot 1] to s2 and s3",
    ]
  `)
})

test('a path contains crashes', () => {
  const config = CONFIGURATIONS['leader-small']
  const lost: Action[] = [
    { server: 1, type: 'campaign', seen: { seq: 0, server: 0 }, crash: { keeps: 0 } },
    { server: 1, type: 'campaign', seen: { seq: 0, server: 0 } },
  ]
  expect(words(replay(config, lost).steps)).toMatchInlineSnapshot(`
    [
      "s1 campaigns: writes promise (1, s1) for every slot; crashes before that is durable, keeping 0 records; restarts",
      "s1 campaigns: writes promise (1, s1) for every slot; is candidate at (1, s1); sends [prepare (1, s1) for every slot from 1] to s2 and s3",
    ]
  `)
  const slow: Action[] = [
    { server: 1, type: 'campaign', seen: { seq: 0, server: 0 } },
    { server: 1, type: 'crash', keeps: 0 },
    { server: 1, type: 'campaign', seen: { seq: 0, server: 0 } },
    { server: 1, type: 'sync' },
  ]
  expect(words(replay({ ...config, sync: 'lazy' }, slow).steps)).toMatchInlineSnapshot(`
    [
      "s1 campaigns: writes promise (1, s1) for every slot; is candidate at (1, s1)",
      "s1 crashes, losing 1 record, and restarts: is a follower again",
      "s1 campaigns: writes promise (1, s1) for every slot; is candidate at (1, s1)",
      "s1 has one more record durable: sends [prepare (1, s1) for every slot from 1] to s2 and s3",
    ]
  `)
})

test('a replay skips impossible actions: those above a limit, and deliveries of messages never sent', () => {
  const prepare = {
    type: 'deliver',
    from: 1,
    message: 'prepare (1, s1) for every slot from 1',
    due: 'nothing',
  } as const
  const campaign = { server: 1, type: 'campaign', seen: { seq: 0, server: 0 } } as const
  const actions: Action[] = [
    { ...prepare, server: 2 },
    { server: 1, type: 'crash', keeps: 0 },
    { ...campaign, server: 3 },
    campaign,
    campaign,
    { ...prepare, server: 2 },
  ]
  const { steps } = replay(TINY, actions)
  expect(steps.map(({ action }) => action)).toEqual([campaign, { ...prepare, server: 2 }])
})

test('a crash may come between two records of one step', () => {
  const alone = { ...TINY, servers: 1, proposers: [1], crashes: 1 }
  const begin: Action[] = [{ server: 1, type: 'campaign', seen: { seq: 0, server: 0 } }]
  const survived = (keeps: number) => {
    const { steps } = replay(alone, [...begin, { server: 1, type: 'propose', crash: { keeps } }])
    return steps.at(-1)?.words
  }
  expect(survived(0)).toMatchInlineSnapshot(
    `"s1 gets a proposal: writes vote (1, s1) in slot 1: v1.1; crashes before that is durable, keeping 0 records; restarts"`,
  )
  expect(survived(1)).toMatchInlineSnapshot(
    `"s1 gets a proposal: writes vote (1, s1) in slot 1: v1.1; writes chosen in slot 1; crashes before that is durable, keeping 1 record; restarts"`,
  )
})

test('a path can be written as a trace of arrivals, durable records and sendings, step by step', () => {
  const world = new ModelWorld(TINY)
  const { path } = finish(breadthFirst(world, { until: 'chosen' }))
  const lines = traceLines(TINY, replay(TINY, actionsAlong(world, path)))
  const events = lines.map((line) => JSON.parse(line) as { atMs: number; event: string })
  expect(events.map(({ atMs, event }) => `${atMs} ${event}`)).toEqual([
    ...['0 start', '0 start', '0 start'],
    ...['1 durable', '1 send', '1 send'],
    ...['2 message', '2 durable', '2 send'],
    ...['3 message'],
    ...['4 invoke', '4 durable', '4 send', '4 send'],
    ...['5 message', '5 durable', '5 send'],
    ...['6 message', '6 durable', '6 send', '6 send', '6 chosen'],
  ])
  expect(events[0]).toEqual({
    ...{ atMs: 0, event: 'start', server: 1, mode: 'leader' },
    ...{ servers: [1, 2, 3], quorums: { phase1: 2, phase2: 2 } },
  })
  expect(events.at(-1)).toEqual({ atMs: 6, event: 'chosen', server: 1, first: 1, last: 1 })
})

test('a trace shows what a crash leaves, and a message that arrives more often than it was sent', () => {
  const config = { ...CONFIGURATIONS['leader-small'], sync: 'lazy' } as const
  const campaign: Action = { server: 1, type: 'campaign', seen: { seq: 0, server: 0 } }
  const hear: Action = {
    ...{ server: 2, type: 'deliver', from: 1, due: 'nothing' },
    message: 'prepare (1, s1) for every slot from 1',
  }
  const actions: Action[] = [
    campaign,
    { server: 1, type: 'sync' },
    hear,
    { server: 2, type: 'crash', keeps: 1 },
    hear,
  ]
  const { steps } = replay(config, actions)
  const events = steps.map(({ events }) => events.map(({ event }) => event))
  expect(events).toEqual([
    [],
    ['durable', 'send', 'send'],
    ['message'],
    ['durable', 'stop', 'start'],
    ['message', 'send'],
  ])
  const arrivals = traceLines(config, { steps, violation: 'two leaders' }).filter((line) =>
    line.includes('"event":"message"'),
  )
  expect(arrivals.map((line) => line.includes('"again":true'))).toEqual([false, true])
  expect(traceLines(config, { steps, violation: 'two leaders' }).at(-1)).toBe(
    '{"atMs":5,"event":"violation","kind":"invariant","message":"two leaders"}',
  )
})
