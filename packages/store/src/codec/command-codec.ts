import { MalformedError, Reader } from 'synod/internal/bytes/reader.js'
import { Writer } from 'synod/internal/bytes/writer.js'
import type { Codec } from 'synod'
import type { Command } from '../operations/operations.js'
import { readLease, readList, readName, writeLease, writeList, writeName, writeWhole } from './fields.js'
import { OPERATION_TYPES, readOperation, writeOperation } from './operation-codec.js'

// The numbers of these stand in the log: the list only ever grows.
const COMMAND_TYPES = [
  ...OPERATION_TYPES,
  'compact',
  'grant',
  'revoke',
  'keep-alive',
  'tick',
  'quota',
] as const

const COMMAND_BYTES = 64

/** Commands as they stand in the log: the number of the type, and its fields. */
export const commandCodec: Codec<Command> = {
  encode(command) {
    const writer = new Writer(COMMAND_BYTES)
    writeName(writer, COMMAND_TYPES, command.type)
    switch (command.type) {
      case 'compact':
        writeWhole(writer, 'revision', command.revision)
        break
      case 'grant':
        writeLease(writer, command.lease)
        writeWhole(writer, 'ttlSeconds', command.ttlSeconds)
        break
      case 'revoke':
        writeLease(writer, command.lease)
        break
      case 'keep-alive':
        writeList(writer, command.leases, (lease) => {
          writeLease(writer, lease)
        })
        break
      case 'tick':
        break
      case 'quota':
        writeWhole(writer, 'bytes', command.bytes)
        break
      case 'put':
      case 'delete':
      case 'increment':
      case 'txn':
        writeOperation(writer, command)
    }
    return writer.view()
  },

  decode(bytes) {
    const reader = new Reader(bytes)
    const command = readCommand(reader)
    reader.end()
    return command
  },
}

function readCommand(reader: Reader): Command {
  const type = readName(reader, COMMAND_TYPES)
  switch (type) {
    case 'compact':
      return { type, revision: reader.varint() }
    case 'grant':
      return { type, lease: readLease(reader), ttlSeconds: reader.varint() }
    case 'revoke':
      return { type, lease: readLease(reader) }
    case 'keep-alive':
      return { type, leases: readList(reader, () => readLease(reader)) }
    case 'tick':
      return { type }
    case 'quota':
      return { type, bytes: reader.varint() }
    case 'range':
      throw new MalformedError('a range is a query')
    case 'put':
    case 'delete':
    case 'increment':
    case 'txn':
      return readOperation(reader, type) as Command
  }
}
