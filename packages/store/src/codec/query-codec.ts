import type { Codec } from 'synod'
import { Reader } from 'synod/internal/bytes/reader.js'
import { Writer } from 'synod/internal/bytes/writer.js'
import type { Query } from '../operations/operations.js'
import { readLease, readName, readRange, writeLease, writeName, writeRange, writeWhole } from './fields.js'
import { readOperation, writeOperation } from './operation-codec.js'

const QUERY_TYPES = ['range', 'txn', 'lease', 'leases', 'status', 'watch'] as const

const QUERY_BYTES = 64

/** Queries: the number of the type, and its fields. */
export const queryCodec: Codec<Query> = {
  encode(query) {
    const writer = new Writer(QUERY_BYTES)
    writeName(writer, QUERY_TYPES, query.type)
    if (query.type === 'range' || query.type === 'txn') writeOperation(writer, query)
    else if (query.type === 'lease') {
      writeLease(writer, query.lease)
      writer.boolean(query.keys)
    } else if (query.type === 'watch') {
      writeRange(writer, query)
      writeWhole(writer, 'startRevision', query.startRevision)
      writeWhole(writer, 'skip', query.skip)
      writer.boolean(query.previous)
      writer.boolean(query.puts)
      writer.boolean(query.deletes)
    }
    return writer.view()
  },

  decode(bytes) {
    const reader = new Reader(bytes)
    const query = readQuery(reader)
    reader.end()
    return query
  },
}

function readQuery(reader: Reader): Query {
  const type = readName(reader, QUERY_TYPES)
  switch (type) {
    case 'range':
    case 'txn':
      return readOperation(reader, type) as Query
    case 'lease':
      return { type, lease: readLease(reader), keys: reader.boolean() }
    case 'leases':
    case 'status':
      return { type }
    case 'watch':
      return {
        type,
        ...readRange(reader),
        startRevision: reader.varint(),
        skip: reader.varint(),
        previous: reader.boolean(),
        puts: reader.boolean(),
        deletes: reader.boolean(),
      }
  }
}
