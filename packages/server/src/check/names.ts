import type { ConfigurationName, Goal } from 'synod-testing'

// Named here again, checked by the compiler: the help has the names without the model checker.

export const CONFIGURATION_NAMES = Object.keys({
  'leader-small': true,
  'leaderless-small': true,
  leader: true,
  leaderless: true,
  'leader-ballots': true,
  'leaderless-ballots': true,
  'leader-slow': true,
  'leaderless-slow': true,
  'leaderless-prepared': true,
  'leader-trim': true,
  'leaderless-trim': true,
  'leader-flexible': true,
  'leaderless-flexible': true,
  'leader-replaced': true,
  'leaderless-replaced': true,
  'leader-swapped': true,
  'leaderless-swapped': true,
  'leader-wide': true,
  'leaderless-wide': true,
} satisfies Record<ConfigurationName, true>) as readonly ConfigurationName[]

export const GOAL_NAMES = Object.keys({
  leader: true,
  'second-leader': true,
  chosen: true,
  adopted: true,
  'split-vote': true,
  'hole-filled': true,
  'learned-everywhere': true,
  restarted: true,
} satisfies Record<Goal, true>) as readonly Goal[]
