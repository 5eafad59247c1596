// What the tests of the leases ask of them: few names and few holders, who get in each other's way.
import type { Workload } from 'synod-testing'
import { LeaseTable } from './leases.js'

export const leases: Workload<LeaseTable> = {
  machine: () => new LeaseTable(),
  command: (chance) => ({
    type: chance.pick(['acquire', 'release']),
    name: chance.pick(['door', 'window']),
    holder: chance.pick(['ann', 'bob', 'cyd']),
    forMs: chance.below(2000),
  }),
  query: (chance) => chance.pick(['door', 'window']),
}
