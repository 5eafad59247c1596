import type { KeyReader } from '../keys/key-reader.js'
import { holds } from './compares.js'
import type { Operation, Transaction } from './operations.js'

/** An operation with the branches that its transactions take. */
export type Planned = Exclude<Operation, Transaction> | PlannedTransaction

export interface PlannedTransaction {
  readonly type: 'txn'
  readonly succeeded: boolean
  readonly operations: readonly Planned[]
}

/**
 * The way through a transaction: all compares, nested ones too, look at the state before it.
 */
export function plan(reader: KeyReader, operation: Operation, revision: number): Planned {
  if (operation.type !== 'txn') return operation
  const succeeded = operation.compares.every((compare) => holds(reader, compare, revision))
  const branch = succeeded ? operation.success : operation.failure
  return { type: 'txn', succeeded, operations: branch.map((each) => plan(reader, each, revision)) }
}

/** The operations themselves, in their order. */
export function* leavesOf(planned: Planned): Generator<Exclude<Operation, Transaction>, void, undefined> {
  if (planned.type !== 'txn') yield planned
  else for (const each of planned.operations) yield* leavesOf(each)
}
