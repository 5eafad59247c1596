import type { KeyReader } from '../keys/key-reader.js'
import type { RecordRef } from '../keys/record-heap.js'
import type { Compare, CompareResult } from './operations.js'

/** Whether a compare holds at a revision. */
export function holds(reader: KeyReader, compare: Compare, revision: number): boolean {
  let isEmpty = true
  for (const ref of reader.range(compare.key, compare.end, revision)) {
    isEmpty = false
    if (!agrees(compare.result, orderOf(reader, compare, ref))) return false
  }
  if (!isEmpty) return true
  return compare.target !== 'value' && agrees(compare.result, orderOfNothing(compare))
}

/** Negative where the key's field comes before the operand. */
function orderOf(reader: KeyReader, compare: Compare, ref: RecordRef): number {
  switch (compare.target) {
    case 'version':
      return reader.version(ref) - compare.operand
    case 'create':
      return reader.createRevision(ref) - compare.operand
    case 'mod':
      return reader.modRevision(ref) - compare.operand
    case 'lease':
      return orderOfIds(reader.lease(ref), compare.operand)
    case 'value':
      return reader.compareValue(ref, compare.operand)
  }
}

function orderOfNothing(compare: Exclude<Compare, { target: 'value' }>): number {
  return compare.target === 'lease' ? orderOfIds(0n, compare.operand) : -compare.operand
}

function orderOfIds(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function agrees(result: CompareResult, order: number): boolean {
  switch (result) {
    case 'equal':
      return order === 0
    case 'greater':
      return order > 0
    case 'less':
      return order < 0
    case 'not-equal':
      return order !== 0
  }
}
