import { BATCH_FORMAT, type Encoded, MAX_BATCH_BYTES, encodeBatch } from '../machine/batch.js'
import { isBatchable, stampValue } from '../machine/request.js'
import type { Value } from '../paxos/value.js'

/**
 * Divides requests among slots, in their order: as many into one as a batch takes. Changes of the
 * membership and raises of versions stand alone; so does each request where the format of the
 * replicated state has no batches.
 */
export function slotsOf<Request extends Encoded>(
  requests: readonly Request[],
  format: number,
): readonly (readonly Request[])[] {
  const slots: Request[][] = []
  let last: Request[] | undefined
  let sizeBytes = 0
  for (const request of requests) {
    const { length } = request.value
    if (last === undefined || isAlone(request, format) || sizeBytes + length > MAX_BATCH_BYTES) {
      slots.push((last = []))
      sizeBytes = 0
    }
    last.push(request)
    sizeBytes += length
    if (isAlone(request, format)) last = undefined
  }
  return slots
}

/** The value of the slot that holds these requests, with this stamp. */
export function valueOf(requests: readonly Encoded[], timeMs: number, format: number): Value {
  const [first] = requests
  if (first !== undefined && isAlone(first, format)) return stampValue(first.value, timeMs)
  return encodeBatch(requests, timeMs)
}

function isAlone({ value }: Encoded, format: number): boolean {
  return format < BATCH_FORMAT || !isBatchable(value)
}
