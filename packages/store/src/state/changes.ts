import { RECORD_BYTES } from '../keys/key-space.js'
import type { Key, LeaseId } from '../keys/key-value.js'
import { NONE } from '../keys/record-heap.js'
import { shapeFault } from '../operations/check-shape.js'
import { integerOf, isInRange } from '../operations/integer.js'
import { MAX_READ_BYTES } from '../operations/limits.js'
import type {
  Delete,
  DeleteResult,
  IncrementResult,
  Operation,
  OperationResult,
  Put,
  PutResult,
  Refused,
} from '../operations/operations.js'
import { type Planned, leavesOf, plan } from '../operations/plan.js'
import { readSelection, selectRange, selectionBytes } from '../operations/ranges.js'
import type { StoreState } from './state.js'

const NO_VALUE = new Uint8Array(0)

/** What operations would take, by the state before them. */
interface Needs {
  /** Of keys, values and history. */
  writtenBytes: number
  deletedBytes: number
  /** Of the results. */
  readBytes: number
}

/**
 * Does an operation in one revision, or refuses it and changes nothing: everything that could fail
 * is checked ahead of the first change, on the state before it.
 */
export function change(state: StoreState, operation: Operation): OperationResult | Refused {
  const fault = shapeFault(operation)
  if (fault !== undefined) return fault
  const planned = plan(state.keys.reader, operation, state.keys.revision)
  const refused = check(state, planned)
  if (refused !== undefined) return refused
  const result = perform(state, planned)
  state.keys.commit()
  return result
}

/** Why a revision cannot be read; undefined if it can. 0 stands for the newest one. */
export function revisionFault({ keys }: StoreState, revision: number): Refused | undefined {
  if (revision > keys.revision) return 'future-revision'
  return revision !== 0 && revision < keys.compacted ? 'compacted' : undefined
}

function check(state: StoreState, planned: Planned): Refused | undefined {
  const needs: Needs = { writtenBytes: 0, deletedBytes: 0, readBytes: 0 }
  for (const operation of leavesOf(planned)) {
    const fault = faultOf(state, operation, needs)
    if (fault !== undefined) return fault
  }
  if (needs.readBytes > MAX_READ_BYTES) return 'too-large'
  const { bytes } = state.keys
  if (needs.writtenBytes > 0) return state.quota.takes(bytes, needs.writtenBytes) ? undefined : 'no-space'
  return state.quota.takesDeletions(bytes, needs.deletedBytes) ? undefined : 'no-space'
}

/** Adds to what is needed, and tells what cannot be done. */
function faultOf(
  state: StoreState,
  operation: Exclude<Planned, { type: 'txn' }>,
  needs: Needs,
): Refused | undefined {
  const { keys, leases } = state
  const { reader } = keys
  switch (operation.type) {
    case 'range': {
      const { keysOnly, revision } = operation
      const fault = revisionFault(state, revision)
      if (fault !== undefined) return fault
      const selection = selectRange(reader, operation, revision === 0 ? keys.revision : revision)
      needs.readBytes += selectionBytes(reader, selection, keysOnly)
      return undefined
    }
    case 'delete':
      for (const ref of reader.range(operation.key, operation.end, keys.revision)) {
        needs.deletedBytes += RECORD_BYTES + reader.keyBytes(ref)
        if (operation.previous) needs.readBytes += RECORD_BYTES + reader.contentBytes(ref)
      }
      return undefined
    case 'increment': {
      const sum = incremented(state, operation.key, operation.by)
      if (typeof sum === 'string') return sum
      needs.writtenBytes += RECORD_BYTES + operation.key.length + sum.toString().length
      return undefined
    }
    case 'put': {
      const before = keys.get(operation.key)
      const { key, lease, previous, value } = operation
      if ((value === null || lease === null) && before === NONE) return 'key-not-found'
      if (lease !== null && lease !== 0n && !leases.has(lease)) return 'lease-not-found'
      const beforeBytes = before === NONE ? 0 : reader.contentBytes(before)
      if (previous) needs.readBytes += RECORD_BYTES + beforeBytes
      needs.writtenBytes += RECORD_BYTES + (value === null ? beforeBytes : key.length + value.length)
      return undefined
    }
  }
}

function perform(state: StoreState, planned: Planned): OperationResult {
  switch (planned.type) {
    case 'txn': {
      const results = planned.operations.map((each) => perform(state, each))
      return { type: 'txn', succeeded: planned.succeeded, results }
    }
    case 'range': {
      const { reader, revision } = state.keys
      // What the same transaction has put is read too, and has the next revision.
      const at = planned.revision === 0 ? revision + 1 : planned.revision
      return readSelection(reader, selectRange(reader, planned, at), planned.keysOnly)
    }
    case 'put':
      return put(state, planned)
    case 'delete':
      return deleteRange(state, planned)
    case 'increment':
      return increment(state, planned.key, planned.by)
  }
}

function put(state: StoreState, { key, lease, previous, value }: Put): PutResult {
  const { keys } = state
  const before = keys.get(key)
  const newLease = lease ?? keys.reader.lease(before)
  const shown = previous && before !== NONE ? keys.reader.keyValue(before) : undefined
  set(state, key, value ?? (before === NONE ? NO_VALUE : keys.reader.value(before)), newLease)
  return { type: 'put', previous: shown }
}

/** Takes the key off its lease, if that is another one. */
export function set({ keys, leases }: StoreState, key: Key, value: Uint8Array, lease: LeaseId): void {
  const before = keys.put(key, value, lease)
  const leaseBefore = before === NONE ? 0n : keys.reader.lease(before)
  if (leaseBefore === lease) return
  leases.detach(leaseBefore, key)
  leases.attach(lease, key)
}

/** Returns what was there. */
export function remove({ keys, leases }: StoreState, key: Key): boolean {
  const before = keys.delete(key)
  if (before === NONE) return false
  leases.detach(keys.reader.lease(before), key)
  return true
}

function deleteRange(state: StoreState, { end, key, previous }: Delete): DeleteResult {
  const { reader, revision } = state.keys
  const refs = [...reader.range(key, end, revision + 1)]
  const shown = previous ? refs.map((ref) => reader.keyValue(ref)) : []
  for (const each of refs.map((ref) => reader.key(ref))) remove(state, each)
  return { type: 'delete', deleted: refs.length, previous: shown }
}

/** The new value of an integer. */
function incremented({ keys }: StoreState, key: Key, by: bigint): bigint | Refused {
  const before = keys.get(key)
  const value = before === NONE ? 0n : integerOf(keys.reader.value(before))
  if (value === undefined) return 'not-an-integer'
  const sum = value + by
  return isInRange(sum) ? sum : 'out-of-range'
}

/** The key keeps its lease. */
function increment(state: StoreState, key: Key, by: bigint): IncrementResult {
  const { keys } = state
  const sum = incremented(state, key, by)
  if (typeof sum === 'string') throw new RangeError(sum)
  const before = keys.get(key)
  set(state, key, Buffer.from(sum.toString()), before === NONE ? 0n : keys.reader.lease(before))
  return { type: 'increment', value: sum }
}
