import { describe, expect, test } from 'vitest'
import { seedsOf } from '../../testing/src/seeds.js'
import { exploreLeases } from './explore/explore-leases.js'
import { exploreStore } from './explore/explore-store.js'

const OPERATIONS = 500

describe('a store and its dumb twin agree', () => {
  const { count, first } = seedsOf({ seeds: 200 })
  test.each(Array.from({ length: Math.ceil(count / 20) }, (_, index) => first + index * 20))(
    'on random operations, 20 seeds from %i on',
    async (from) => {
      for (let seed = from; seed < Math.min(from + 20, first + count); seed++) {
        try {
          const explored = await exploreStore(seed, OPERATIONS)
          expect(explored.revision).toBeGreaterThan(10)
        } catch (error) {
          throw new Error(
            `SYNOD_SEED=${seed} SYNOD_SEEDS=1 npx vitest run packages/store/test/store.test.ts`,
            {
              cause: error,
            },
          )
        }
      }
    },
  )
})

test('leases end as in a plain list of them', () => {
  const { count, first } = seedsOf({ seeds: 100 })
  for (let seed = first; seed < first + count; seed++) {
    try {
      exploreLeases(seed, 500)
    } catch (error) {
      throw new Error(`SYNOD_SEED=${seed} SYNOD_SEEDS=1 npx vitest run packages/store/test/store.test.ts`, {
        cause: error,
      })
    }
  }
})
