import type { Codec } from 'synod'
import { Packer, Unpacker, malformed } from './bytes.js'
import { parseIntegerBytes } from './integer.js'
import type { IncrementRefusal, KvResult } from './operations.js'

const TAGS = { put: 1, delete: 2, cas: 3, increment: 4 } as const satisfies Record<KvResult['type'], number>

const REFUSALS: readonly IncrementRefusal[] = ['not-an-integer', 'out-of-range']

/**
 * The results of most commands, ready-made: there are four of them, each encoded at every replica.
 */
const EXISTED = { put: flags(TAGS.put), delete: flags(TAGS.delete) }

/**
 * Results: a tag (u8) and the fields of the tag. `put`, `delete`: whether the key existed (u8).
 * `cas`: swapped (u8), whether the key was there (u8), its value up to the end. `increment`: done
 * (u8), then a decimal integer up to the end, or the reason (u8).
 */
export const resultCodec: Codec<KvResult> = {
  encode(result) {
    switch (result.type) {
      case 'put':
      case 'delete':
        return EXISTED[result.type][result.existed ? 1 : 0]
      case 'cas': {
        const { actual, swapped } = result
        const packer = new Packer(3 + (actual?.length ?? 0))
        packer
          .u8(TAGS.cas)
          .boolean(swapped)
          .boolean(actual !== null)
        if (actual !== null) packer.raw(actual)
        return packer.done()
      }
      case 'increment': {
        const rest = result.done
          ? Buffer.from(result.value.toString())
          : Uint8Array.of(REFUSALS.indexOf(result.reason))
        return new Packer(2 + rest.length).u8(TAGS.increment).boolean(result.done).raw(rest).done()
      }
    }
  },

  decode(bytes) {
    const unpacker = new Unpacker(bytes)
    const result = read(unpacker)
    unpacker.end()
    return result
  },
}

function read(unpacker: Unpacker): KvResult {
  const tag = unpacker.u8()
  switch (tag) {
    case TAGS.put:
      return { type: 'put', existed: unpacker.boolean() }
    case TAGS.delete:
      return { type: 'delete', existed: unpacker.boolean() }
    case TAGS.cas: {
      const swapped = unpacker.boolean()
      return { type: 'cas', swapped, actual: unpacker.boolean() ? unpacker.rest() : null }
    }
    case TAGS.increment:
      return unpacker.boolean() ? readSum(unpacker) : readRefusal(unpacker)
    default:
      throw malformed(`no result has tag ${tag}`)
  }
}

function readSum(unpacker: Unpacker): KvResult {
  const value = parseIntegerBytes(unpacker.rest())
  if (value === null) throw malformed('a sum that is no integer')
  return { type: 'increment', done: true, value }
}

function readRefusal(unpacker: Unpacker): KvResult {
  const reason = REFUSALS[unpacker.u8()]
  if (reason === undefined) throw malformed('an unknown reason')
  return { type: 'increment', done: false, reason }
}

function flags(tag: number): readonly [Uint8Array, Uint8Array] {
  return [Uint8Array.of(tag, 0), Uint8Array.of(tag, 1)]
}
