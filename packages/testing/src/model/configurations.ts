import type { MessageType } from 'synod/internal/paxos/messages.js'
import type { ModelConfig } from './config.js'

/**
 * Both phases, and the announcement of chosen slots. Nacks add no behaviour: in leader mode a
 * server may lose patience instead, and a campaign may have seen any ballot; in leaderless mode
 * with two ballots a nack would only make its receiver wait for a third.
 */
const PHASES: readonly MessageType[] = ['prepare', 'promise', 'accept', 'accepted', 'chosen']

const EVERYTHING: readonly MessageType[] = [
  ...PHASES,
  'nack',
  'heartbeat',
  'heartbeat-answer',
  'probe',
  'probe-answer',
  'forward',
  'fetch',
  'decided',
  'transfer',
  'trimmed',
]

const LEADER: ModelConfig = {
  mode: 'leader',
  servers: 3,
  proposers: [1, 2],
  ballots: 2,
  proposals: 2,
  slots: 2,
  crashes: 1,
  delivers: PHASES,
  sync: 'eager',
}

const LEADERLESS: ModelConfig = { ...LEADER, mode: 'leaderless' }

/** The only voter is replaced by another one: of the quorums before and after, no two meet. */
const REPLACED = {
  servers: 2,
  founders: 1,
  joining: { 2: 1 },
  window: 2,
  values: { 1: ['promote s2', 'v1'], 2: ['v2', 'v3'] },
  ballots: 3,
} satisfies Partial<ModelConfig>

/**
 * One of two voters is replaced, and either of them may have chosen things with the other alone.
 */
const SWAPPED = {
  servers: 3,
  founders: 2,
  joining: { 3: 1 },
  window: 1,
  values: { 1: ['promote s3', 'v1'], 2: ['promote s3', 'v2'], 3: ['v3'] },
  proposers: [1, 2, 3],
} satisfies Partial<ModelConfig>

const WIDE: ModelConfig = {
  ...LEADER,
  proposers: [1, 2, 3],
  ballots: 5,
  proposals: 4,
  slots: 4,
  crashes: 3,
  trims: 2,
  delivers: EVERYTHING,
  sync: 'lazy',
}

/**
 * Clusters to explore, by name: docs/internals/model.md says what each of them is for. The wide
 * ones have too many states for anything but random walks.
 */
export const CONFIGURATIONS = {
  leader: LEADER,
  leaderless: LEADERLESS,
  'leader-small': { ...LEADER, slots: 1 },
  'leaderless-small': { ...LEADERLESS, slots: 1 },
  'leader-ballots': { ...LEADER, slots: 1, ballots: 4, crashes: 0 },
  'leaderless-ballots': { ...LEADERLESS, slots: 1, ballots: 3, crashes: 0, delivers: [...PHASES, 'nack'] },
  'leader-slow': { ...LEADER, slots: 1, sync: 'lazy' },
  'leaderless-slow': { ...LEADERLESS, slots: 1, sync: 'lazy' },
  'leaderless-prepared': { ...LEADERLESS, slots: 2, window: 1, crashes: 0, preparedSlots: 1 },
  'leader-trim': {
    ...LEADER,
    slots: 2,
    proposals: 2,
    crashes: 1,
    trims: 1,
    delivers: [...PHASES, 'trimmed'],
  },
  'leaderless-trim': { ...LEADERLESS, slots: 1, crashes: 1, trims: 1, delivers: [...PHASES, 'trimmed'] },
  'leader-flexible': { ...LEADER, slots: 1, quorums: { phase1: 3, phase2: 1 } },
  'leaderless-flexible': { ...LEADERLESS, slots: 1, quorums: { phase1: 1, phase2: 3 } },
  'leader-replaced': { ...LEADER, ...REPLACED, slots: 4 },
  'leaderless-replaced': { ...LEADERLESS, ...REPLACED, slots: 3 },
  'leader-swapped': { ...LEADER, ...SWAPPED, slots: 3 },
  'leaderless-swapped': { ...LEADERLESS, ...SWAPPED, slots: 2 },
  'leader-wide': WIDE,
  'leaderless-wide': { ...WIDE, mode: 'leaderless', preparedSlots: 2 },
} satisfies Record<string, ModelConfig>

export type ConfigurationName = keyof typeof CONFIGURATIONS
