import { Executor } from '../../src/machine/executor.js'
import type { AnyMachine } from '../../src/machine/machine.js'
import { Membership, foundingMembership } from '../../src/paxos/membership.js'

/** As a cluster of s1 to s3 has it, with a window of 4 slots. */
export function newExecutor<M extends AnyMachine>(machine: M): Executor<M> {
  return new Executor(machine, new Membership(foundingMembership([1, 2, 3]), 4))
}
