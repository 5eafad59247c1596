import type { Codec } from 'synod'
import { Packer, Unpacker, malformed } from './bytes.js'
import { readKey } from './command-codec.js'
import { MAX_RANGE_LIMIT } from './limits.js'
import type { KvAnswer, KvPair } from './operations.js'

const TAGS = { get: 1, range: 2 } as const satisfies Record<KvAnswer['type'], number>

/**
 * Answers: a tag (u8) and the fields of the tag. `get`: whether the key is there (u8), its value up
 * to the end. `range`: more (u8), the number of pairs (u16), each a key (u16 size, UTF-8) and a
 * value (u32 size, bytes).
 */
export const answerCodec: Codec<KvAnswer> = {
  encode(answer) {
    switch (answer.type) {
      case 'get': {
        const { value } = answer
        const packer = new Packer(2 + (value?.length ?? 0)).u8(TAGS.get).boolean(value !== null)
        if (value !== null) packer.raw(value)
        return packer.done()
      }
      case 'range': {
        const { more, pairs } = answer
        const sizeBytes = pairs.reduce((total, pair) => total + pairSizeBytes(pair), 4)
        const packer = new Packer(sizeBytes).u8(TAGS.range).boolean(more).u16(pairs.length)
        for (const { key, value } of pairs) {
          packer.text(key, Buffer.byteLength(key)).u32(value.length).raw(value)
        }
        return packer.done()
      }
    }
  },

  decode(bytes) {
    const unpacker = new Unpacker(bytes)
    const answer = read(unpacker)
    unpacker.end()
    return answer
  },
}

/** What a pair takes in an answer. */
export function pairSizeBytes({ key, value }: KvPair): number {
  return 2 + Buffer.byteLength(key) + 4 + value.length
}

function read(unpacker: Unpacker): KvAnswer {
  const tag = unpacker.u8()
  switch (tag) {
    case TAGS.get:
      return { type: 'get', value: unpacker.boolean() ? unpacker.rest() : null }
    case TAGS.range: {
      const more = unpacker.boolean()
      const count = unpacker.u16()
      if (count > MAX_RANGE_LIMIT) throw malformed(`${count} pairs`)
      const pairs: KvPair[] = []
      while (pairs.length < count) {
        pairs.push({ key: readKey(unpacker), value: unpacker.raw(unpacker.u32()) })
      }
      return { type: 'range', pairs, more }
    }
    default:
      throw malformed(`no answer has tag ${tag}`)
  }
}
