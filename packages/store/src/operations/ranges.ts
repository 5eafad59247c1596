import { RECORD_BYTES } from '../keys/key-space.js'
import type { KeyReader } from '../keys/key-reader.js'
import type { RecordRef } from '../keys/record-heap.js'
import type { Range, RangeResult, SortTarget } from './operations.js'

/** What a range comes to, before it is read. */
export interface Selection {
  readonly refs: readonly RecordRef[]
  /** How many keys the range has, without regard to the limit and the filters. */
  readonly count: number
  readonly more: boolean
}

/** Finds the records that a range shows at a revision, which the view must hold. */
export function selectRange(reader: KeyReader, range: Range, revision: number): Selection {
  const { countOnly, descending, limit, sortBy } = range
  const isInOrder = sortBy === 'key' && !descending
  const isFiltered = hasFilters(range)
  const refs: RecordRef[] = []
  let count = 0
  for (const ref of reader.range(range.key, range.end, revision)) {
    count++
    if (countOnly || (isInOrder && limit > 0 && refs.length > limit)) continue
    if (!isFiltered || passes(reader, ref, range)) refs.push(ref)
  }
  if (sortBy !== 'key') refs.sort((a, b) => compareBy(reader, sortBy, a, b))
  if (descending) refs.reverse()
  const more = limit > 0 && refs.length > limit
  return { refs: more ? refs.slice(0, limit) : refs, count, more }
}

/** The keys and values of a selection. */
export function readSelection(
  reader: KeyReader,
  { count, more, refs }: Selection,
  keysOnly: boolean,
): RangeResult {
  return { type: 'range', pairs: refs.map((ref) => reader.keyValue(ref, !keysOnly)), count, more }
}

/** What the result of a selection takes. */
export function selectionBytes(reader: KeyReader, { refs }: Selection, keysOnly: boolean): number {
  let bytes = 0
  for (const ref of refs) bytes += RECORD_BYTES + (keysOnly ? reader.keyBytes(ref) : reader.contentBytes(ref))
  return bytes
}

function hasFilters(range: Range): boolean {
  const { maxCreateRevision, maxModRevision, minCreateRevision, minModRevision } = range
  return minModRevision > 0 || maxModRevision > 0 || minCreateRevision > 0 || maxCreateRevision > 0
}

function passes(reader: KeyReader, ref: RecordRef, range: Range): boolean {
  const modified = reader.modRevision(ref)
  const created = reader.createRevision(ref)
  return (
    modified >= range.minModRevision &&
    (range.maxModRevision === 0 || modified <= range.maxModRevision) &&
    created >= range.minCreateRevision &&
    (range.maxCreateRevision === 0 || created <= range.maxCreateRevision)
  )
}

function compareBy(reader: KeyReader, by: Exclude<SortTarget, 'key'>, a: RecordRef, b: RecordRef): number {
  switch (by) {
    case 'version':
      return reader.version(a) - reader.version(b)
    case 'create':
      return reader.createRevision(a) - reader.createRevision(b)
    case 'mod':
      return reader.modRevision(a) - reader.modRevision(b)
    case 'value':
      return reader.compareValues(a, b)
  }
}
