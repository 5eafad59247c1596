import { type Codec, SynodError } from 'synod'
import { Packer, Unpacker, malformed } from './bytes.js'
import { readKey } from './command-codec.js'
import { keySizeBytes, textSizeBytes } from './key.js'
import { MAX_KEY_BYTES, MAX_RANGE_LIMIT } from './limits.js'
import type { KvQuery } from './operations.js'

const TAGS = { get: 1, range: 2 } as const satisfies Record<KvQuery['type'], number>

/**
 * Queries: a tag (u8) and then, by tag:
 * - get: the key (u16 size, UTF-8);
 * - range: prefix and after, each as a key, but maybe empty; limit (u16); keys only (u8).
 */
export const queryCodec: Codec<KvQuery> = {
  encode(query) {
    switch (query.type) {
      case 'get': {
        const sizeBytes = keySizeBytes(query.key)
        return new Packer(3 + sizeBytes).u8(TAGS.get).text(query.key, sizeBytes).done()
      }
      case 'range': {
        const { after, keysOnly, limit, prefix } = query
        if (typeof keysOnly !== 'boolean')
          throw new SynodError('invalid-options', `keysOnly must be true or false, not ${typeof keysOnly}`)
        if (!isLimit(limit)) {
          throw new SynodError('invalid-options', `the limit is from 1 to ${MAX_RANGE_LIMIT}, not ${limit}`)
        }
        const prefixSize = textSizeBytes(prefix)
        const afterSize = textSizeBytes(after)
        return new Packer(8 + prefixSize + afterSize)
          .u8(TAGS.range)
          .text(prefix, prefixSize)
          .text(after, afterSize)
          .u16(limit)
          .boolean(keysOnly)
          .done()
      }
    }
  },

  decode(bytes) {
    const unpacker = new Unpacker(bytes)
    const query = read(unpacker)
    unpacker.end()
    return query
  },
}

function read(unpacker: Unpacker): KvQuery {
  const tag = unpacker.u8()
  switch (tag) {
    case TAGS.get:
      return { type: 'get', key: readKey(unpacker) }
    case TAGS.range: {
      const prefix = unpacker.text(MAX_KEY_BYTES)
      const after = unpacker.text(MAX_KEY_BYTES)
      const limit = unpacker.u16()
      if (!isLimit(limit)) throw malformed(`a limit of ${limit}`)
      return { type: 'range', prefix, after, limit, keysOnly: unpacker.boolean() }
    }
    default:
      throw malformed(`no query has tag ${tag}`)
  }
}

function isLimit(limit: number): boolean {
  return Number.isInteger(limit) && limit >= 1 && limit <= MAX_RANGE_LIMIT
}
