import { MalformedError, Reader } from '../bytes/reader.js'
import { Writer } from '../bytes/writer.js'
import type { Value } from '../paxos/value.js'
import { BATCH_TAG, type Request, STAMP_BYTES, decodeRequest, readRequest, readTime } from './request.js'

/** The first format of the replicated state that has batches. */
export const BATCH_FORMAT = 2

/** A batch is no larger, unless it holds one request. What holds one of its bytes may hold all. */
export const MAX_BATCH_BYTES = 512 << 10

/** What a batch takes for each request besides its bytes, at most, and for all of them together. */
const SIZE_BYTES = 5
const HEADER_BYTES = 9

const NONE: readonly Request[] = []

/**
 * Encodes the requests of one slot, in their order, with one stamp: the tag, the stamp, and of each
 * request its size and its bytes but for the stamp of its own. Only commands and openings of
 * sessions are batched.
 */
export function encodeBatch(requests: readonly Uint8Array[], timeMs: number): Uint8Array {
  let sizeBytes = HEADER_BYTES
  for (const { length } of requests) sizeBytes += SIZE_BYTES + length
  const writer = new Writer(sizeBytes)
  writer.u8(BATCH_TAG)
  writer.f64(timeMs)
  for (const request of requests) {
    writer.varint(request.length - STAMP_BYTES)
    writer.u8(request[0] ?? 0)
    writer.raw(request.subarray(1 + STAMP_BYTES))
  }
  return writer.view()
}

/** The requests of a batch as they were before it, without a stamp. Throws MalformedError. */
export function unpackBatch(value: Value): Uint8Array[] {
  const reader = readerOf(value)
  readTime(reader)
  const requests: Uint8Array[] = []
  while (reader.remaining > 0) {
    const bytes = reader.bytes()
    const request = Buffer.alloc(bytes.length + STAMP_BYTES)
    request.set(bytes.subarray(0, 1))
    request.set(bytes.subarray(1), 1 + STAMP_BYTES)
    requests.push(request)
  }
  return requests
}

/**
 * The requests of a slot, in order. None where the value is none that a replica lets into the log,
 * as a batch before its format is agreed on: all ignore such a value alike. The commands are views
 * into it.
 */
export function requestsIn(value: Value, format = BATCH_FORMAT): readonly Request[] {
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

function decodeBatch(value: Value): Request[] {
  const reader = readerOf(value)
  const timeMs = readTime(reader)
  const requests: Request[] = []
  while (reader.remaining > 0) {
    const request = readRequest(reader, reader.varint(), timeMs)
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
