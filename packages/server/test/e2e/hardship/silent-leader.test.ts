import { expect, test } from 'vitest'
import { Chance } from 'synod-testing'
import { SEED } from './run-hardships.js'
import { SilencedCluster } from './silences.js'

// The measured version, with the election timeout that clusters have unless told otherwise:
// docs/internals/hardship.md says how.
const MEASURED = Number(process.env.SYNOD_SILENCES ?? 0)
const TIMES = MEASURED > 0 ? MEASURED : 3
/** In the short version so long that what a busy machine adds decides nothing. */
const ELECTION_TIMEOUT_MS = MEASURED > 0 ? 500 : 2000
const LIMIT_MS = 2 * ELECTION_TIMEOUT_MS

test.each(['cut off', 'cut off from its peers alone', 'stopped'] as const)(
  'a leader that is %s, with its connections open, is replaced, and the next write succeeds within two election timeouts',
  async (how) => {
    await using cluster = await SilencedCluster.start(new Chance(SEED), ELECTION_TIMEOUT_MS)
    const all = new Map<string, number[]>()
    for (let time = 0; time < TIMES; time++) {
      for (const [knows, waitMs] of Object.entries(await cluster.silence(how)))
        all.set(
          knows,
          [...(all.get(knows) ?? []), waitMs].sort((a, b) => a - b),
        )
    }
    for (const [knows, waitsMs] of all) {
      const medianMs = waitsMs[waitsMs.length >> 1] ?? Infinity
      const [median, slowest] = [medianMs, waitsMs.at(-1) ?? Infinity].map(Math.round)
      process.stdout.write(
        `a leader that is ${how}, election timeout ${ELECTION_TIMEOUT_MS} ms, client that knows ${knows}: ` +
          `next write after ${median} ms, slowest of ${TIMES} ${slowest} ms\n`,
      )
      expect(medianMs, knows).toBeLessThanOrEqual(LIMIT_MS)
    }
  },
  (TIMES * 60 + 60) * 1000,
)
