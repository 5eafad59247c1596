import { expect, test } from 'vitest'
import type { Findings, RunningSearch } from '../../src/check/findings.js'
import { CONFIGURATION_NAMES } from '../../src/check/names.js'
import { describeConfiguration, search } from '../../src/check/search.js'

function findingsOf(search: RunningSearch): Findings {
  for (;;) {
    const { done, value } = search.next()
    if (done === true) return value
  }
}

test('a search reaches its goals one after the other, and reports the steps', () => {
  const goals = ['leader', 'second-leader', 'adopted'] as const
  const findings = findingsOf(search({ configuration: 'leader', seed: 1, goals }))
  expect(findings).toMatchObject({ end: 'reached', detail: undefined, goals })
  expect(findings.steps).toHaveLength(findings.actions.length)
  expect(findings.steps[0]).toMatch(/^s1 campaigns: /)
})

test('a goal that cannot be reached is named', () => {
  const goals = ['second-leader', 'hole-filled'] as const
  expect(findingsOf(search({ configuration: 'leader-small', seed: 1, goals }))).toMatchObject({
    end: 'unreached',
    detail: 'hole-filled',
    goals: ['second-leader'],
  })
})

test('the same seed gives the same random walk', () => {
  const walk = () => findingsOf(search({ configuration: 'leaderless-wide', seed: 7, walks: 2 }))
  const findings = walk()
  expect(findings).toMatchObject({ end: 'walked', progress: { walks: 2 } })
  expect(walk()).toEqual(findings)
})

test('each configuration has a description', () => {
  expect(CONFIGURATION_NAMES.map(describeConfiguration)[0]).toBe(
    'leader-small: 3 servers in leader mode, up to 2 ballots, 2 proposals, 1 slot and 1 restart',
  )
})
