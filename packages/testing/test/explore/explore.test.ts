import { describe, expect, test } from 'vitest'
import { exploreEvents } from '../../src/operations/explore-events.js'
import { exploreNamesakes } from '../../src/operations/explore-namesakes.js'
import { exploreOperations } from '../../src/operations/explore-operations.js'
import { exploreRecovery } from '../../src/operations/explore-recovery.js'
import { Ledger } from '../../src/operations/ledger.js'
import { exploreExecutor } from '../../src/parts/explore-executor.js'
import { exploreJournal } from '../../src/parts/explore-journal.js'
import { exploreMembershipRules } from '../../src/parts/explore-membership-rules.js'
import { exploreSessions } from '../../src/parts/explore-sessions.js'
import { exploreSnapshots } from '../../src/parts/explore-snapshots.js'
import { exploreVersions } from '../../src/parts/explore-versions.js'
import { forEachSeed } from './seeds.js'

const { url } = import.meta
const timeout = 600_000

describe('parts by themselves, for many seeds', () => {
  test('a journal keeps what was durable', { timeout }, () => forEachSeed(url, 100, exploreJournal))
  test('the newest snapshot stays', { timeout }, () => forEachSeed(url, 100, exploreSnapshots))
  test('executors come to the same, with snapshots or without', { timeout }, () =>
    forEachSeed(url, 50, exploreExecutor),
  )
  test('sessions that end for want of room end alike', { timeout }, () =>
    forEachSeed(url, 100, exploreSessions),
  )
  test('no executor goes past what it does not know', { timeout }, () =>
    forEachSeed(url, 100, exploreVersions),
  )
  test('the membership is what its rules say', { timeout }, () =>
    forEachSeed(url, 100, exploreMembershipRules),
  )
})

test.each(['leader', 'leaderless'] as const)(
  'what operators do goes as it should (%s mode)',
  { timeout },
  (mode) => forEachSeed(url, 10, (seed) => exploreOperations(mode, seed)),
)

test.each(['leader', 'leaderless'] as const)(
  'who follows a replica is told all, and works in turn (%s mode)',
  { timeout },
  (mode) => forEachSeed(url, 10, (seed) => exploreEvents(mode, seed)),
)

test.each(['leader', 'leaderless'] as const)(
  'nothing of a cluster reaches another one of its name (%s mode)',
  { timeout },
  (mode) => forEachSeed(url, 20, (seed) => exploreNamesakes(mode, seed)),
)

test.each(['leader', 'leaderless'] as const)(
  'what is left of a lost cluster becomes a new one (%s mode)',
  { timeout },
  (mode) => forEachSeed(url, 20, (seed) => exploreRecovery(mode, seed)),
)

test('the state machine of these runs is not asked for anything while it restores its state', async () => {
  const ledger = new Ledger(() => Promise.resolve())
  expect(ledger.apply('a')).toBe('1 97')
  const chunks = ledger.snapshot()
  const restoring = ledger.restore(
    (async function* () {
      for (const chunk of chunks) yield await Promise.resolve(chunk)
    })(),
  )
  expect(() => ledger.apply('b')).toThrow('while it restores its state')
  await restoring
  expect(ledger.query()).toBe('1 97')
})
