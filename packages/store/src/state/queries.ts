import type { KeyReader } from '../keys/key-reader.js'
import { shapeFault } from '../operations/check-shape.js'
import { MAX_ANSWER_BYTES, MAX_READ_BYTES } from '../operations/limits.js'
import { RECORD_BYTES } from '../keys/key-space.js'
import type { Answer, OperationResult, Query, Range, Refused, StoreStatus } from '../operations/operations.js'
import { type Planned, leavesOf, plan } from '../operations/plan.js'
import { type Selection, readSelection, selectRange, selectionBytes } from '../operations/ranges.js'
import { revisionFault } from './changes.js'
import type { StoreState } from './state.js'

type Bare<Of extends Answer> = Of extends unknown ? Omit<Of, 'revision'> : never
type BareAnswer = Bare<Answer>

/** Answers a query from the state as it is. */
export function answer(state: StoreState, query: Exclude<Query, { type: 'watch' }>): Answer {
  return { ...answerOf(state, query), revision: state.keys.revision }
}

function answerOf(state: StoreState, query: Exclude<Query, { type: 'watch' }>): BareAnswer {
  const { leases } = state
  switch (query.type) {
    case 'range':
    case 'txn':
      return read(state, query)
    case 'lease': {
      const { keys, lease: id } = query
      const lease = leases.get(id)
      if (lease === undefined) return { type: 'lease', lease: id, ttlSeconds: 0, leftSeconds: -1, keys: [] }
      const { ttlSeconds } = lease
      const leftSeconds = leases.leftSecondsOf(lease)
      return { type: 'lease', lease: id, ttlSeconds, leftSeconds, keys: keys ? leases.keysOf(id) : [] }
    }
    case 'leases':
      return { type: 'leases', leases: [...leases.ids] }
    case 'status':
      return { type: 'status', ...statusOf(state) }
  }
}

export function statusOf({ keys, leases, quota }: StoreState): StoreStatus {
  return {
    compacted: keys.compacted,
    keys: keys.size,
    leases: leases.size,
    bytes: keys.bytes,
    quotaBytes: quota.bytes,
    isFull: quota.isFull,
    needsTicks: leases.size > 0 || keys.isCompacting,
  }
}

function read(state: StoreState, query: Extract<Query, { type: 'range' | 'txn' }>): BareAnswer {
  const { reader, revision } = state.keys
  const fault = shapeFault(query)
  if (fault !== undefined) return refused(fault)
  const planned = plan(reader, query, revision)
  for (const operation of leavesOf(planned)) {
    if (operation.type !== 'range') return refused('writes')
    const refusal = revisionFault(state, operation.revision)
    if (refusal !== undefined) return refused(refusal)
  }
  if (planned.type === 'range') return readPage(state, planned)
  const left = { bytes: MAX_READ_BYTES }
  const result = readAll(state, planned, left)
  return left.bytes < 0 ? refused('too-large') : (result as BareAnswer)
}

/** Reads what a transaction asks for. Below 0 bytes left, it is too large. */
function readAll(state: StoreState, planned: Planned, left: { bytes: number }): OperationResult {
  const { reader } = state.keys
  if (planned.type === 'txn') {
    const results = planned.operations.map((each) => readAll(state, each, left))
    return { type: 'txn', succeeded: planned.succeeded, results }
  }
  if (planned.type !== 'range') throw new RangeError(`a ${planned.type} is no read`)
  const selection = select(state, planned)
  left.bytes -= selectionBytes(reader, selection, planned.keysOnly)
  return readSelection(reader, left.bytes < 0 ? { ...selection, refs: [] } : selection, planned.keysOnly)
}

/**
 * A range in the order of its keys is answered as far as it fits: the next question begins behind
 * the last key.
 */
function readPage(state: StoreState, range: Range): BareAnswer {
  const { reader } = state.keys
  const selection = select(state, range)
  const fitting = fittingOf(reader, selection, range.keysOnly)
  if (fitting === selection.refs.length) return readSelection(reader, selection, range.keysOnly)
  if (range.sortBy !== 'key') return refused('too-large')
  const refs = selection.refs.slice(0, fitting)
  return readSelection(reader, { ...selection, refs, more: true }, range.keysOnly)
}

function select({ keys }: StoreState, range: Range): Selection {
  return selectRange(keys.reader, range, range.revision === 0 ? keys.revision : range.revision)
}

/** How many records of a selection fit into an answer: one at least. */
function fittingOf(reader: KeyReader, { refs }: Selection, keysOnly: boolean): number {
  let bytes = 0
  for (const [index, ref] of refs.entries()) {
    bytes += RECORD_BYTES + (keysOnly ? reader.keyBytes(ref) : reader.contentBytes(ref))
    if (index > 0 && bytes > MAX_ANSWER_BYTES) return index
  }
  return refs.length
}

function refused(reason: Refused): BareAnswer {
  return { type: 'refused', reason }
}
