import { expect, test } from 'vitest'
import { measurePairs, ratiosOf } from './pairs.js'
import type { Cluster, Measured } from './system.js'

const NO_CPU = { userUs: 0, systemUs: 0 }

test('two clusters are warmed up, and take turns at being the first', async () => {
  const order: string[] = []
  const cluster = (name: string, rate: number): Cluster => ({
    measure(_load, { seconds }): Promise<Measured> {
      order.push(`${name} ${seconds}`)
      const cpu = { leader: NO_CPU, follower: NO_CPU, load: NO_CPU }
      return Promise.resolve({ rate, p50Ms: 1, p99Ms: 1, cpu })
    },
    stop: () => Promise.resolve(),
  })
  const pairs = await measurePairs([cluster('a', 30), cluster('b', 20)], {
    load: { connections: 1, inFlight: 1 },
    count: 3,
    span: { seconds: 1, warmUpSeconds: 0 },
    warmUpSeconds: 10,
    onRun: () => undefined,
  })
  expect(order).toEqual(['a 10', 'b 10', 'a 1', 'b 1', 'b 1', 'a 1', 'a 1', 'b 1'])
  expect(ratiosOf(pairs)).toEqual([1.5, 1.5, 1.5])
})
