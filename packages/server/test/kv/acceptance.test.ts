import { type Chance, type Workload, acceptanceTests } from 'synod-testing'
import { test } from 'vitest'
import { KvMachine } from '../../src/kv/machine.js'

const key = (chance: Chance) => `k${chance.below(6)}`
const value = (chance: Chance) => Buffer.from(String(chance.below(4)))

const workload: Workload<KvMachine> = {
  machine: () => new KvMachine(),
  command(chance) {
    const dice = chance.next()
    if (dice < 0.4) return { type: 'put', key: key(chance), value: value(chance) }
    if (dice < 0.6) return { type: 'delete', key: key(chance) }
    if (dice < 0.8) return { type: 'increment', key: key(chance), by: BigInt(chance.below(9)) }
    const expected = chance.happens(0.3) ? null : value(chance)
    return { type: 'cas', key: key(chance), expected, value: value(chance) }
  },
  query: (chance) =>
    chance.happens(0.5)
      ? { type: 'get', key: key(chance) }
      : { type: 'range', prefix: 'k', after: key(chance), limit: 3, keysOnly: chance.happens(0.5) },
}

for (const { name, run } of acceptanceTests(workload)) test(name, run)
