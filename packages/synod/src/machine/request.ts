import { MalformedError, Reader } from '../bytes/reader.js'
import { Writer } from '../bytes/writer.js'

/** Numbers a session: the slot in which it was opened, so that no two are alike. */
export type SessionId = number

/**
 * `open` begins a session, and `change` changes the membership. Both are of no session: their sequence is a random number, by which the one
 * who asked knows the answer.
 */
export type RequestKind = 'open' | 'command' | 'change'

/** A client's request as it stands in a slot of the log. */
export interface Request {
  readonly kind: RequestKind
  /** When a replica first saw it, in milliseconds since 1970 by that replica's clock. */
  readonly time_ms: number
  /** 0 for all but `command`. */
  readonly session: SessionId
  /** Numbers the requests of a session, from 1. A request that is sent again keeps its number. */
  readonly sequence: number
  /** The client has the results of all its requests up to this number: they can be forgotten. */
  readonly acknowledged: number
  readonly command: Uint8Array
}

/** A change of the membership begins with this byte, and no other request does. */
export const CHANGE_TAG = 3

const KIND_TAGS: Readonly<Record<RequestKind, number>> = { open: 1, command: 2, change: CHANGE_TAG }
const TIME_OFFSET = 1
const stamp = Buffer.alloc(8)
const NO_COMMAND = new Uint8Array(0)

/** What a request takes besides its command, at most. */
export const REQUEST_OVERHEAD_BYTES = 64

/** How far a session's requests may run ahead of the oldest one that is unanswered. */
export const SESSION_WINDOW = 1024

export function encodeRequest(request: Request): Uint8Array {
  const writer = new Writer(request.command.length + REQUEST_OVERHEAD_BYTES)
  writer.u8(KIND_TAGS[request.kind])
  writer.f64(request.time_ms)
  writer.varint(request.session)
  writer.varint(request.sequence)
  writer.varint(request.acknowledged)
  writer.raw(request.command)
  return writer.view()
}

export function encodeOpen(sequence: number): Uint8Array {
  return encodeOfNoSession('open', sequence, NO_COMMAND)
}

/** `change` is encoded already. */
export function encodeChangeRequest(sequence: number, change: Uint8Array): Uint8Array {
  return encodeOfNoSession('change', sequence, change)
}

function encodeOfNoSession(kind: 'open' | 'change', sequence: number, command: Uint8Array): Uint8Array {
  return encodeRequest({ kind, time_ms: 0, session: 0, sequence, acknowledged: 0, command })
}

/** Throws MalformedError. The command is a view into the bytes. */
export function decodeRequest(bytes: Uint8Array): Request {
  const reader = new Reader(bytes)
  return {
    kind: readKind(reader),
    time_ms: reader.f64(),
    session: reader.varint(),
    sequence: reader.varint(),
    acknowledged: reader.varint(),
    command: reader.raw(reader.remaining),
  }
}

/** Whether two requests are one and the same, sent twice. */
export interface RequestKey {
  readonly session: SessionId
  readonly sequence: number
}

/**
 * Checks what a client sent and stamps it with the replica's time, in place. Throws MalformedError.
 */
export function admitRequest(bytes: Uint8Array, time_ms: number): RequestKey {
  const reader = new Reader(bytes)
  const kind = readKind(reader)
  reader.f64()
  const session = reader.varint()
  const sequence = reader.varint()
  reader.varint()
  if ((kind !== 'command') !== (session === 0))
    throw new MalformedError('a session where there is none, or none')
  stamp.writeDoubleLE(time_ms)
  bytes.set(stamp, TIME_OFFSET)
  return { session, sequence }
}

function readKind(reader: Reader): RequestKind {
  const tag = reader.u8()
  if (tag === KIND_TAGS.open) return 'open'
  if (tag === KIND_TAGS.command) return 'command'
  if (tag === KIND_TAGS.change) return 'change'
  throw new MalformedError(`no kind of request: ${tag}`)
}
