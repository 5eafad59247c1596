import { writeBallot } from '../../bytes/paxos.js'
import { MalformedError, Reader } from '../../bytes/reader.js'
import { Writer } from '../../bytes/writer.js'
import { type ClusterId, readClusterId, writeClusterId } from '../../cluster/cluster-id.js'
import type { ClientMessage, ReplicaMessage, SnapshotPiece } from './messages.js'
import { namesByTag, readTag, type MessageCodec, type Tags } from '../transport/message-codec.js'
import { readErrorCode, writeErrorCode } from '../error-tags.js'
import { readBallotOrZero, readServerOrNone, readText, writeText } from '../fields.js'

/** The first byte of each message that a client sends. A tag is never given to another message. */
export const CLIENT_TAGS: Tags<ClientMessage['type']> = {
  execute: 1,
  read: 2,
  status: 3,
  cancel: 4,
  'stale-read': 5,
  transfer: 6,
  save: 7,
  follow: 8,
}

/**
 * The first byte of each message that a replica sends to a client. A tag is never given to another
 * message.
 */
export const REPLICA_TAGS: Tags<ReplicaMessage['type']> = {
  reply: 1,
  fail: 2,
  leader: 3,
  rest: 4,
  formed: 5,
}

/** What a piece of a snapshot takes besides its bytes, at most. */
const PIECE_OVERHEAD_BYTES = 16

/** What a failure says is cut to this size. */
const MAX_TEXT_BYTES = 64 * 1024

const CLIENT_TYPES = namesByTag(CLIENT_TAGS)
const REPLICA_TYPES = namesByTag(REPLICA_TAGS)

/** Writes one message, tag first. */
export function encodeClientMessage(writer: Writer, message: ClientMessage): void {
  writer.u8(CLIENT_TAGS[message.type])
  writer.varint(message.request)
  switch (message.type) {
    case 'execute':
      writer.bytes(message.value)
      return
    case 'read':
      writer.bytes(message.query)
      return
    case 'stale-read':
    case 'follow':
      writer.varint(message.atLeast)
      writer.bytes(message.query)
      return
    case 'transfer':
      writer.varint(message.to)
      return
    case 'save':
      writer.varint(message.slot)
      writer.varint(message.offset)
      return
    case 'status':
    case 'cancel':
      return
  }
}

/**
 * Reads one message. Its bytes are a view into the bytes read.
 *
 * @throws MalformedError
 */
export function decodeClientMessage(reader: Reader): ClientMessage {
  const type = readTag(reader, CLIENT_TYPES)
  const request = reader.varint()
  switch (type) {
    case 'execute':
      return { type, request, value: reader.bytes() }
    case 'read':
      return { type, request, query: reader.bytes() }
    case 'stale-read':
    case 'follow':
      return { type, request, atLeast: reader.varint(), query: reader.bytes() }
    case 'transfer':
      return { type, request, to: readServerOrNone(reader) }
    case 'save':
      return { type, request, slot: reader.varint(), offset: reader.varint() }
    case 'status':
    case 'cancel':
      return { type, request }
  }
}

export function encodePiece({ bytes, sizeBytes, slot }: SnapshotPiece): Uint8Array {
  const writer = new Writer(bytes.length + PIECE_OVERHEAD_BYTES)
  writer.varint(slot)
  writer.varint(sizeBytes)
  writer.raw(bytes)
  return writer.view()
}

/** @throws MalformedError */
export function decodePiece(result: Uint8Array): SnapshotPiece {
  const reader = new Reader(result)
  return { slot: reader.varint(), sizeBytes: reader.varint(), bytes: reader.raw(reader.remaining) }
}

/** Writes one message, tag first. */
export function encodeReplicaMessage(writer: Writer, message: ReplicaMessage): void {
  writer.u8(REPLICA_TAGS[message.type])
  switch (message.type) {
    case 'reply':
      writer.varint(message.request)
      writer.varint(message.slot)
      writer.bytes(message.result)
      return
    case 'fail':
      writer.varint(message.request)
      writeErrorCode(writer, message.code)
      writer.varint(message.retryAfterMs)
      writeText(writer, message.message, MAX_TEXT_BYTES)
      return
    case 'leader':
      writeBallot(writer, message.ballot)
      writer.varint(message.server)
      return
    case 'formed':
      writeClusterId(writer, message.clusterId)
      return
    case 'rest':
      return
  }
}

/**
 * Reads one message. Its bytes are a view into the bytes read.
 *
 * @throws MalformedError
 */
export function decodeReplicaMessage(reader: Reader): ReplicaMessage {
  const type = readTag(reader, REPLICA_TYPES)
  switch (type) {
    case 'reply':
      return { type, request: reader.varint(), slot: reader.varint(), result: reader.bytes() }
    case 'fail':
      return {
        type,
        request: reader.varint(),
        code: readErrorCode(reader),
        retryAfterMs: reader.varint(),
        message: readText(reader, MAX_TEXT_BYTES),
      }
    case 'leader':
      return { type, ballot: readBallotOrZero(reader), server: readServerOrNone(reader) }
    case 'formed':
      return { type, clusterId: readFormed(reader) }
    case 'rest':
      return { type }
  }
}

function readFormed(reader: Reader): ClusterId {
  const id = readClusterId(reader)
  if (id === null) throw new MalformedError('a cluster that has formed without an id')
  return id
}

/** For the client's side of a connection. */
export const clientSide: MessageCodec<ClientMessage, ReplicaMessage> = {
  encode: encodeClientMessage,
  decode: decodeReplicaMessage,
}

/** For the replica's side of a connection with a client. */
export const replicaSide: MessageCodec<ReplicaMessage, ClientMessage> = {
  encode: encodeReplicaMessage,
  decode: decodeClientMessage,
}
