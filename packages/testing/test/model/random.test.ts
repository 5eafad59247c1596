import { describe, expect, test } from 'vitest'
import { CONFIGURATIONS } from '../../src/model/configurations.js'
import { minimise } from '../../src/model/minimise.js'
import type { StepFunction } from '../../src/model/running-server.js'
import { randomWalks } from '../../src/model/search-random.js'
import { forSeeds } from '../../../synod/test/paxos/replay.js'
import { finish } from './searches.js'

describe('random walks through larger clusters satisfy the invariants:', () => {
  test.each(['leader-wide', 'leaderless-wide'] as const)('%s', (name) => {
    forSeeds(import.meta.url, 2, (seed) => {
      const { violation, progress } = finish(
        randomWalks(CONFIGURATIONS[name], { seed, walks: 4, depth: 100 }),
      )
      expect(violation).toBeUndefined()
      expect(progress.walks).toBe(4)
      expect(progress.states).toBeGreaterThan(50)
    })
  })
})

test('a seed gives the same walk each time', () => {
  const walk = () => finish(randomWalks(CONFIGURATIONS['leader-wide'], { seed: 5, walks: 2, depth: 60 }))
  expect(walk()).toEqual(walk())
})

test('random walks find a mistake, which is minimised to few steps', () => {
  // A promise that tells of no votes.
  const step: StepFunction = (paxos, input, nowMs) => {
    if (input.type !== 'message' || input.message.type !== 'promise') return paxos.step(input, nowMs)
    return paxos.step({ ...input, message: { ...input.message, votes: [] } }, nowMs)
  }
  const config = { ...CONFIGURATIONS['leader-small'], sync: 'lazy' } as const
  const { violation, actions } = finish(randomWalks(config, { seed: 1, walks: 500, depth: 100, step }))
  expect(violation).toBeDefined()
  const { steps } = minimise(config, actions, step)
  expect(steps.length).toBeLessThan(actions.length)
})
