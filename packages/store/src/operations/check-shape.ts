import { type Key, NO_END } from '../keys/key-value.js'
import { MAX_KEY_BYTES, MAX_TXN_OPERATIONS } from './limits.js'
import type { KeyRange, Operation, Refused, Transaction } from './operations.js'

/** Why an operation cannot be done on any state; undefined if it can. */
export function shapeFault(operation: Operation): Refused | undefined {
  if (operation.type !== 'txn') return keyFault(operation.key)
  return transactionFault(operation, MAX_TXN_OPERATIONS) ?? branchesFault(operation)
}

function keyFault(key: Key): Refused | undefined {
  if (key === '') return 'empty-key'
  return key.length > MAX_KEY_BYTES ? 'key-too-long' : undefined
}

/** A nested transaction has what its parent's largest part has left of `budget`. */
function transactionFault({ compares, failure, success }: Transaction, budget: number): Refused | undefined {
  const largest = Math.max(compares.length, success.length, failure.length)
  if (largest > budget) return 'too-many-operations'
  for (const { key } of compares) {
    const fault = keyFault(key)
    if (fault !== undefined) return fault
  }
  for (const operation of [...success, ...failure]) {
    const fault =
      operation.type === 'txn' ? transactionFault(operation, budget - largest) : keyFault(operation.key)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** What a branch changes. */
interface Changes {
  readonly puts: ReadonlySet<Key>
  readonly deletes: readonly KeyRange[]
}

/** No key may be changed twice on the same way through a transaction, but for deletions. */
function branchesFault({ failure, success }: Transaction): Refused | undefined {
  return changesOf(success) === undefined || changesOf(failure) === undefined ? 'duplicate-key' : undefined
}

/** Of the operations of a branch; undefined where one key is changed twice. */
function changesOf(operations: readonly Operation[]): Changes | undefined {
  const puts = new Set<Key>()
  const deletes: KeyRange[] = []
  for (const operation of operations) if (operation.type === 'delete') deletes.push(operation)
  for (const operation of operations) {
    if (operation.type !== 'txn') continue
    const [success, failure] = [changesOf(operation.success), changesOf(operation.failure)]
    if (success === undefined || failure === undefined) return undefined
    // Only one of the two branches is taken, so they may share keys with each other.
    for (const branch of [success, failure]) {
      for (const key of branch.puts) if (puts.has(key) || isIn(deletes, key)) return undefined
      for (const range of branch.deletes) for (const key of puts) if (covers(range, key)) return undefined
    }
    for (const branch of [success, failure]) {
      for (const key of branch.puts) puts.add(key)
      deletes.push(...branch.deletes)
    }
  }
  for (const operation of operations) {
    if (operation.type !== 'put' && operation.type !== 'increment') continue
    if (puts.has(operation.key) || isIn(deletes, operation.key)) return undefined
    puts.add(operation.key)
  }
  return { puts, deletes }
}

function isIn(ranges: readonly KeyRange[], key: Key): boolean {
  return ranges.some((range) => covers(range, key))
}

export function covers({ end, key: first }: KeyRange, key: Key): boolean {
  if (end === '') return key === first
  return key >= first && (end === NO_END || key < end)
}
