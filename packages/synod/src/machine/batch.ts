import { MalformedError, Reader } from '../bytes/reader.js'
import { uncounted } from '../bytes/uncounted.js'
import { Writer, varintBytes } from '../bytes/writer.js'
import type { Value } from '../paxos/value.js'
import { BATCH_TAG, type ReceivedRequest, decodeRequest, readRequest, readTime } from './request.js'

/** The first format of the replicated state that has batches. */
export const BATCH_FORMAT = 2

/** A batch is no larger, unless it holds one request. What holds one of its bytes may hold all. */
export const MAX_BATCH_BYTES = 512 << 10

/** What a batch takes for each request besides its bytes, at most, and for all of them together. */
const SIZE_BYTES = 5
const HEADER_BYTES = 9

const NONE: readonly ReceivedRequest[] = []

/** Something that holds an encoded request. */
export interface Encoded {
  readonly value: Value
  /** The request stands in this batch too, from `start` on. */
  standsIn?(batch: Uint8Array, start: number): void
}

/**
 * Encodes the requests of one slot, in their order, with one stamp: the tag, the stamp, and of each
 * request its size and its bytes. Only commands and openings of sessions are batched. Their own
 * stamps stay as they were, and do not count.
 */
export function encodeBatch(requests: readonly Encoded[], timeMs: number): Uint8Array {
  let sizeBytes = HEADER_BYTES
  for (const { value } of requests) sizeBytes += SIZE_BYTES + value.length
  const batch = new Writer(uncounted(sizeBytes))
  batch.u8(BATCH_TAG)
  batch.f64(timeMs)
  for (const { value } of requests) batch.bytes(value)
  const bytes = batch.view()
  let start = HEADER_BYTES
  for (const request of requests) {
    const { length } = request.value
    start += varintBytes(length)
    request.standsIn?.(bytes, start)
    start += length
  }
  return bytes
}

/** The requests of a batch, as views into it. Throws MalformedError. */
export function unpackBatch(value: Value): Encoded[] {
  const reader = readerOf(value)
  readTime(reader)
  const requests: Encoded[] = []
  while (reader.remaining > 0) requests.push({ value: reader.bytes() })
  return requests
}

/**
 * The requests of a slot, in order. None where the value is none that a replica lets into the log,
 * as a batch before its format is agreed on: all ignore such a value alike. The commands are views
 * into it.
 */
export function requestsIn(value: Value, format = BATCH_FORMAT): readonly ReceivedRequest[] {
  if (value.length === 0 || (isBatch(value) && format < BATCH_FORMAT)) return NONE
  try {
    return isBatch(value) ? decodeBatch(value) : [decodeRequest(value)]
  } catch (error) {
    if (error instanceof MalformedError) return NONE
    throw error
  }
}

export function isBatch(value: Value): boolean {
  return value[0] === BATCH_TAG
}

function decodeBatch(value: Value): ReceivedRequest[] {
  const reader = readerOf(value)
  const timeMs = readTime(reader)
  const requests: ReceivedRequest[] = []
  while (reader.remaining > 0) {
    const request = readRequest(value, reader, reader.varint(), timeMs)
    if (request.kind !== 'command' && request.kind !== 'open')
      throw new MalformedError(`a ${request.kind} in a batch`)
    requests.push(request)
  }
  return requests
}

/** What follows the tag. */
function readerOf(value: Value): Reader {
  const reader = new Reader(value)
  reader.u8()
  return reader
}
