import { type Codec, SynodError } from 'synod'
import { Packer, Unpacker, malformed } from './bytes.js'
import { isInRange, parseIntegerBytes } from './integer.js'
import { keySizeBytes } from './key.js'
import { MAX_INTEGER_DIGITS, MAX_KEY_BYTES } from './limits.js'
import type { KvCommand } from './operations.js'

const TAGS = { put: 1, delete: 2, cas: 3, increment: 4 } as const satisfies Record<KvCommand['type'], number>

/** The tag and the size of the key. */
const HEAD_BYTES = 1 + 2

/**
 * Commands: a tag (u8), the key (u16 size, UTF-8), and the fields of the tag; the last goes up to
 * the end. `put`: value. `cas`: whether a value is expected (u8), if so that value (u32 size), new
 * value. `increment`: a decimal integer. Sizes are little-endian; decoded values are views.
 */
export const commandCodec: Codec<KvCommand> = {
  encode(command) {
    const { key, type } = command
    const keySize = keySizeBytes(key)
    switch (command.type) {
      case 'put':
        checkValue(command.value)
        return head(type, key, keySize, command.value.length).raw(command.value).done()
      case 'delete':
        return head(type, key, keySize, 0).done()
      case 'cas': {
        const { expected, value } = command
        checkValue(value)
        if (expected !== null) checkValue(expected)
        const expectedSize = expected === null ? 0 : 4 + expected.length
        const packer = head(type, key, keySize, 1 + expectedSize + value.length).boolean(expected !== null)
        if (expected !== null) packer.u32(expected.length).raw(expected)
        return packer.raw(value).done()
      }
      case 'increment': {
        if (typeof command.by !== 'bigint' || !isInRange(command.by)) {
          throw new SynodError(
            'invalid-options',
            `by must be a bigint of at most ${MAX_INTEGER_DIGITS} digits`,
          )
        }
        const digits = Buffer.from(command.by.toString())
        return head(type, key, keySize, digits.length).raw(digits).done()
      }
    }
  },

  decode(bytes) {
    const unpacker = new Unpacker(bytes)
    const tag = unpacker.u8()
    const key = readKey(unpacker)
    switch (tag) {
      case TAGS.put:
        return { type: 'put', key, value: unpacker.rest() }
      case TAGS.delete:
        unpacker.end()
        return { type: 'delete', key }
      case TAGS.cas: {
        const expected = unpacker.boolean() ? unpacker.raw(unpacker.u32()) : null
        return { type: 'cas', key, expected, value: unpacker.rest() }
      }
      case TAGS.increment: {
        const by = parseIntegerBytes(unpacker.rest())
        if (by === null) throw malformed('an increment by what is no integer')
        return { type: 'increment', key, by }
      }
      default:
        throw malformed(`no command has tag ${tag}`)
    }
  },
}

function checkValue(value: Uint8Array): void {
  if (value instanceof Uint8Array) return
  throw new SynodError('invalid-options', `a value must be text or a Uint8Array, not ${typeof value}`)
}

export function readKey(unpacker: Unpacker): string {
  const key = unpacker.text(MAX_KEY_BYTES)
  if (key === '') throw malformed('an empty key')
  return key
}

function head(type: KvCommand['type'], key: string, keySize: number, restBytes: number): Packer {
  return new Packer(HEAD_BYTES + keySize + restBytes).u8(TAGS[type]).text(key, keySize)
}
