import { expect, test } from 'vitest'
import { CONFIGURATIONS } from '../../src/model/configurations.js'
import { replay } from '../../src/model/replay.js'
import { staged } from '../../src/model/staged.js'
import { ModelWorld } from '../../src/model/world.js'
import { TINY, finish } from './searches.js'

test('a staged search reaches distant goals one after the other', () => {
  const config = CONFIGURATIONS.leader
  const world = new ModelWorld(config)
  const goals = ['leader', 'chosen', 'adopted', 'learned-everywhere', 'restarted'] as const
  const { end, stages, actions, cluster } = finish(staged(world, goals, { maxStates: 200_000 }))
  expect(end).toBe('goal')
  expect(stages.map(({ goal }) => goal)).toEqual(goals)
  expect(stages.flatMap((stage) => stage.actions)).toEqual(actions)
  expect(world.assess(cluster).goals).toContain('restarted')
  const { steps, violation } = replay(config, actions)
  expect(violation).toBeUndefined()
  expect(steps).toHaveLength(actions.length)
})

test('a goal that cannot be reached ends a staged search', () => {
  const { end, stages, actions } = finish(staged(new ModelWorld(TINY), ['leader', 'restarted']))
  expect(end).toBe('exhausted')
  expect(stages.map(({ goal }) => goal)).toEqual(['leader'])
  expect(actions).toEqual(stages[0]?.actions)
})
