import { MAX_MESSAGE_SLOTS, MAX_MESSAGE_VALUES_BYTES } from './config.js'
import type { Value } from './value.js'

/** Cuts values into runs that fit into one message each. */
export function* splitForMessages(values: readonly Value[]): Generator<readonly Value[]> {
  let start = 0
  let sizeBytes = 0
  for (const [index, value] of values.entries()) {
    const full = index - start >= MAX_MESSAGE_SLOTS || sizeBytes + value.length > MAX_MESSAGE_VALUES_BYTES
    if (full && index > start) {
      yield values.slice(start, index)
      start = index
      sizeBytes = 0
    }
    sizeBytes += value.length
  }
  if (start < values.length) yield start === 0 ? values : values.slice(start)
}
