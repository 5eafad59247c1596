import { describe, expect, test } from 'vitest'
import type { ModelConfig } from '../../src/model/config.js'
import { CONFIGURATIONS } from '../../src/model/configurations.js'
import { GOAL_NAMES } from '../../src/model/goals.js'
import { type BreadthFirstProgress, breadthFirst } from '../../src/model/search-breadth-first.js'
import { ModelWorld } from '../../src/model/world.js'
import { TINY, TINY_LEADERLESS, finish } from './searches.js'

const explore = (config: ModelConfig, forgets = true) =>
  finish(breadthFirst(new ModelWorld(config, { forgets })))

// The numbers of states belong to this code. Another number means that the core, or the
// model, does something else than before: find out what, and write down the new number.
describe('all states of a small cluster satisfy the invariants', () => {
  test('in leader mode', () => {
    const { end, progress, goals } = explore(CONFIGURATIONS['leader-small'])
    expect(end).toBe('exhausted')
    expect(progress).toMatchObject({ states: 42_810, depth: 18, frontier: 0 })
    expect([...goals].sort()).toEqual(GOAL_NAMES.filter((goal) => goal !== 'hole-filled').sort())
  })

  test('in leaderless mode', () => {
    const { end, progress, goals } = explore(CONFIGURATIONS['leaderless-small'])
    expect(end).toBe('exhausted')
    expect(progress).toMatchObject({ states: 44_184, depth: 17, frontier: 0 })
    expect([...goals].sort()).toEqual(['adopted', 'chosen', 'learned-everywhere', 'restarted', 'split-vote'])
  })

  test.each([
    ['leader-replaced', 1062],
    ['leaderless-replaced', 2686],
  ] as const)('while the only voter is replaced: %s', (name, states) => {
    const { end, progress, goals } = explore(CONFIGURATIONS[name])
    expect(end).toBe('exhausted')
    expect(progress).toMatchObject({ states, frontier: 0 })
    expect(goals).toContain('learned-everywhere')
  })

  test('with slow disks', () => {
    const { end, goals } = explore({ ...TINY, sync: 'lazy' })
    expect(end).toBe('exhausted')
    expect(goals).toContain('adopted')
  })
})

test('holes are filled in a cluster with two slots', () => {
  const { end } = finish(breadthFirst(new ModelWorld(CONFIGURATIONS.leaderless), { until: 'hole-filled' }))
  expect(end).toBe('goal')
})

describe('dropping spent messages loses no state', () => {
  test.each([
    ['leader', TINY],
    ['leaderless', TINY_LEADERLESS],
  ])('in %s mode', (_, config) => {
    const all = explore(config, false)
    const some = explore(config, true)
    expect(some.end).toBe('exhausted')
    expect(some.goals).toEqual(all.goals)
    expect(some.progress.states * 10).toBeLessThan(all.progress.states)
  })
})

test('a search reports its progress, and stops at its limit', () => {
  const search = breadthFirst(new ModelWorld(TINY), { every: 100, maxStates: 1000 })
  const seen: BreadthFirstProgress[] = []
  let next = search.next()
  for (; next.done !== true; next = search.next()) seen.push(next.value)
  expect(seen.length).toBeGreaterThan(1)
  expect(next.value.end).toBe('limit')
  expect(next.value.progress.states).toBeGreaterThanOrEqual(1000)
  expect(next.value.progress.frontier).toBeGreaterThan(0)
})

test('a search finds the shortest path to a goal', () => {
  const { end, path } = finish(breadthFirst(new ModelWorld(TINY), { until: 'leader' }))
  expect(end).toBe('goal')
  // A campaign, a peer that hears its prepare, and the promise that comes back.
  expect(path).toHaveLength(4)
})
