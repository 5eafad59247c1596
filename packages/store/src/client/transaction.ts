import type { CallOptions } from 'synod'
import type { LeaseId } from '../keys/key-value.js'
import { keyOf } from '../keys/key-value.js'
import type {
  Compare,
  CompareResult,
  Operation,
  OperationResult,
  Transaction,
} from '../operations/operations.js'
import type { Calls } from './calls.js'
import { type Bytes, type Entry, type Keys, bytesOf, entryOf, rangeOf } from './entries.js'

/** Makes the operations of a transaction. */
export const op = {
  put: (key: Bytes, value: Bytes, { lease = 0n }: { readonly lease?: LeaseId } = {}): Operation => ({
    type: 'put',
    ...{ key: keyOf(key), value: bytesOf(value), lease, previous: false },
  }),
  delete: (keys: Keys): Operation => ({ type: 'delete', ...rangeOf(keys), previous: false }),
  increment: (key: Bytes, by = 1n): Operation => ({ type: 'increment', key: keyOf(key), by }),
  get: (keys: Keys): Operation => ({ ...RANGE, ...rangeOf(keys) }),
  txn: (transaction: Transaction): Operation => transaction,
} as const

/** What a read asks for, unless told otherwise. */
export const RANGE = {
  type: 'range',
  revision: 0,
  limit: 0,
  sortBy: 'key',
  descending: false,
  keysOnly: false,
  countOnly: false,
  minModRevision: 0,
  maxModRevision: 0,
  minCreateRevision: 0,
  maxCreateRevision: 0,
} as const

/** Makes the conditions of a transaction: each holds for all keys of its range. */
export const when = {
  exists: (keys: Keys): Compare => number(keys, 'create', 'greater', 0),
  missing: (keys: Keys): Compare => number(keys, 'create', 'equal', 0),
  value: (keys: Keys, result: CompareResult, value: Bytes): Compare => ({
    ...rangeOf(keys),
    ...{ target: 'value', result, operand: bytesOf(value) },
  }),
  version: (keys: Keys, result: CompareResult, version: number) => number(keys, 'version', result, version),
  createRevision: (keys: Keys, result: CompareResult, revision: number) =>
    number(keys, 'create', result, revision),
  modRevision: (keys: Keys, result: CompareResult, revision: number) => number(keys, 'mod', result, revision),
  lease: (keys: Keys, result: CompareResult, lease: LeaseId): Compare => ({
    ...rangeOf(keys),
    ...{ target: 'lease', result, operand: lease },
  }),
} as const

function number(
  keys: Keys,
  target: 'version' | 'create' | 'mod',
  result: CompareResult,
  operand: number,
): Compare {
  return { ...rangeOf(keys), target, result, operand }
}

/** What an operation of a transaction came to. */
export type Did =
  | { readonly type: 'put' }
  | { readonly type: 'delete'; readonly deleted: number }
  | { readonly type: 'increment'; readonly value: bigint }
  | { readonly type: 'range'; readonly entries: readonly Entry[]; readonly count: number }
  | { readonly type: 'txn'; readonly succeeded: boolean; readonly did: readonly Did[] }

export interface Committed {
  /** Whether all conditions held. */
  readonly succeeded: boolean
  /** One for each operation of the branch that was taken. */
  readonly did: readonly Did[]
  /** Of the store afterwards. */
  readonly revision: number
}

/**
 * A transaction that is being put together: all conditions are looked at on the state before it,
 * and all operations of one branch are done in one revision.
 */
export class TransactionBuilder {
  readonly #calls: Calls
  readonly #compares: readonly Compare[]
  readonly #success: readonly Operation[]
  readonly #failure: readonly Operation[]

  constructor(
    calls: Calls,
    { compares, failure, success }: Omit<Transaction, 'type'> = { compares: [], success: [], failure: [] },
  ) {
    this.#calls = calls
    this.#compares = compares
    this.#success = success
    this.#failure = failure
  }

  /** Conditions besides those there are. */
  if(...compares: readonly Compare[]): TransactionBuilder {
    return this.#with({ compares: [...this.#compares, ...compares] })
  }

  /** What is done if all conditions hold, after what there is. */
  do(...operations: readonly Operation[]): TransactionBuilder {
    return this.#with({ success: [...this.#success, ...operations] })
  }

  /** What is done otherwise. */
  otherwise(...operations: readonly Operation[]): TransactionBuilder {
    return this.#with({ failure: [...this.#failure, ...operations] })
  }

  async commit(options?: CallOptions): Promise<Committed> {
    const transaction = { type: 'txn', ...this.#parts } as const
    const { results, revision, succeeded } = await this.#calls.execute(transaction, options)
    return { succeeded, did: results.map(didOf), revision }
  }

  get #parts(): Omit<Transaction, 'type'> {
    return { compares: this.#compares, success: this.#success, failure: this.#failure }
  }

  #with(parts: Partial<Omit<Transaction, 'type'>>): TransactionBuilder {
    return new TransactionBuilder(this.#calls, { ...this.#parts, ...parts })
  }
}

function didOf(result: OperationResult): Did {
  switch (result.type) {
    case 'put':
      return { type: 'put' }
    case 'delete':
      return { type: 'delete', deleted: result.deleted }
    case 'increment':
      return { type: 'increment', value: result.value }
    case 'range':
      return { type: 'range', entries: result.pairs.map(entryOf), count: result.count }
    case 'txn':
      return { type: 'txn', succeeded: result.succeeded, did: result.results.map(didOf) }
  }
}
