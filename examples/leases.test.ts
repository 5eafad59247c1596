import type { ApplyContext } from 'synod'
import { simulate } from 'synod-testing'
import { expect, test } from 'vitest'
import { leases } from './leases-workload.js'
import { type LeaseCommand, LeaseTable } from './leases.js'

test('the lease table passes the simulation', async ({ signal }) => {
  await simulate(leases, { signal })
})

/** The mistake: whether a lease has run out depends on when a replica comes to look. */
class HastyLeaseTable extends LeaseTable {
  override apply(command: LeaseCommand, context: ApplyContext) {
    return super.apply(command, { ...context, timeMs: Date.now() })
  }
}

test('the simulation finds a machine that reads the clock', async () => {
  await expect(simulate({ ...leases, machine: () => new HastyLeaseTable() })).rejects.toThrow(
    /^non-determinism: apply\(\{"type":.*\}\) in slot \d+ called Date\.now\(\)/,
  )
})

/** The mistake: a lease is lost with each snapshot. */
class LossyLeaseTable extends LeaseTable {
  override async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const rest = chunks[Symbol.asyncIterator]()
    await rest.next()
    await super.restore({ [Symbol.asyncIterator]: () => rest })
  }
}

test('the simulation finds a snapshot that loses a lease', async () => {
  await expect(simulate({ ...leases, machine: () => new LossyLeaseTable() }, { seeds: 200 })).rejects.toThrow(
    /^non-determinism: apply\(/,
  )
})
