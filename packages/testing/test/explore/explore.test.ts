import { describe, expect, test } from 'vitest'
import { exploreEvents } from '../../src/operations/explore-events.js'
import { exploreNamesakes } from '../../src/operations/explore-namesakes.js'
import { exploreOperations } from '../../src/operations/explore-operations.js'
import { exploreRecovery } from '../../src/operations/explore-recovery.js'
import { ChecksumMachine } from '../../src/operations/checksum-machine.js'
import { exploreExecutor } from '../../src/parts/explore-executor.js'
import { exploreJournal } from '../../src/parts/explore-journal.js'
import { exploreMembershipRules } from '../../src/parts/explore-membership-rules.js'
import { exploreSessions } from '../../src/parts/explore-sessions.js'
import { exploreSnapshots } from '../../src/parts/explore-snapshots.js'
import { exploreVersions } from '../../src/parts/explore-versions.js'
import { forEachSeed } from './seeds.js'

const { url } = import.meta
const timeout = 600_000

describe('over many seeds,', () => {
  test('a journal keeps durable records', { timeout }, () => forEachSeed(url, 100, exploreJournal))
  test('a snapshot store keeps the newest snapshot', { timeout }, () =>
    forEachSeed(url, 100, exploreSnapshots),
  )
  test('executors reach the same state, with or without snapshots', { timeout }, () =>
    forEachSeed(url, 50, exploreExecutor),
  )
  test('executors end the same sessions when the limits are reached', { timeout }, () =>
    forEachSeed(url, 100, exploreSessions),
  )
  test('an executor never goes beyond slots whose configuration it does not know', { timeout }, () =>
    forEachSeed(url, 100, exploreVersions),
  )
  test('the membership follows its rules', { timeout }, () => forEachSeed(url, 100, exploreMembershipRules))
})

test.each(['leader', 'leaderless'] as const)(
  'over many seeds, operations on a cluster succeed (%s mode)',
  { timeout },
  (mode) => forEachSeed(url, 10, (seed) => exploreOperations(mode, seed)),
)

test.each(['leader', 'leaderless'] as const)(
  'over many seeds, subscribers see every event, and leaders work one at a time (%s mode)',
  { timeout },
  (mode) => forEachSeed(url, 10, (seed) => exploreEvents(mode, seed)),
)

test.each(['leader', 'leaderless'] as const)(
  'over many seeds, no message passes between two clusters of the same name (%s mode)',
  { timeout },
  (mode) => forEachSeed(url, 20, (seed) => exploreNamesakes(mode, seed)),
)

test.each(['leader', 'leaderless'] as const)(
  'over many seeds, the survivors of a lost cluster become a new one (%s mode)',
  { timeout },
  (mode) => forEachSeed(url, 20, (seed) => exploreRecovery(mode, seed)),
)

test('the state machine of these runs throws if it is called during a restore', async () => {
  const ledger = new ChecksumMachine(() => Promise.resolve())
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
