import { MalformedError, Reader } from '../bytes/reader.js'
import { Writer } from '../bytes/writer.js'
import { type SessionKey, readSessionKey, writeSessionKey } from './session-key.js'

/**
 * `open` begins a session, `change` changes the membership, and `raise` the versions that its
 * members agree on. The last two are of no session: the key of each is a random one of its own, by
 * which the one who asked knows the answer.
 */
export type RequestKind = 'open' | 'command' | 'change' | 'raise'

/** A client's request as it stands in a slot of the log. */
export interface Request {
  readonly kind: RequestKind
  /**
   * The stamp of the server that proposed it: milliseconds since 1970, a whole number from 0 to
   * `MAX_TIME_MS`; 0 until then.
   */
  readonly timeMs: number
  readonly session: SessionKey
  /** The number that the session was given when it was opened; 0 for all but `command`. */
  readonly opening: number
  /**
   * Numbers the commands of a session, from 1. One that is sent again keeps its number. 0 for all
   * but `command`.
   */
  readonly sequence: number
  /** The client has the results of all its commands up to this number: they can be forgotten. */
  readonly acknowledged: number
  /**
   * The version of the state machine from which on it is known, from 1; 0 for all but `command`.
   */
  readonly version: number
  readonly command: Uint8Array
}

/** A change of the membership begins with this byte, and no other request does. */
export const CHANGE_TAG = 3

/** A raise of versions begins with this byte, and no other request does. */
export const RAISE_TAG = 4

/** A batch of requests begins with this byte, and no request does. */
export const BATCH_TAG = 5

const KIND_TAGS: Readonly<Record<RequestKind, number>> = {
  open: 1,
  command: 2,
  change: CHANGE_TAG,
  raise: RAISE_TAG,
}
/** The last moment that a Date can stand for. */
export const MAX_TIME_MS = 8.64e15

const TIME_OFFSET = 1

/** What the stamp of a request takes. */
export const STAMP_BYTES = 8
const NO_COMMAND = new Uint8Array(0)
const UNNUMBERED = { timeMs: 0, opening: 0, sequence: 0, acknowledged: 0, version: 0 } as const

/** What a request takes besides its command, at most. */
export const REQUEST_OVERHEAD_BYTES = 64

/** How far a session's requests may run ahead of the oldest one that is unanswered. */
export const SESSION_WINDOW = 1024

export function encodeRequest(request: Request): Uint8Array {
  const { acknowledged, command, kind, opening, sequence, session, timeMs, version } = request
  const writer = new Writer(command.length + REQUEST_OVERHEAD_BYTES)
  writeHead(writer, kind, timeMs, session, opening)
  writeTail(writer, sequence, acknowledged, version, command)
  return writer.view()
}

function writeHead(
  writer: Writer,
  kind: RequestKind,
  timeMs: number,
  session: SessionKey,
  opening: number,
): void {
  writer.u8(KIND_TAGS[kind])
  writer.f64(timeMs)
  writeSessionKey(writer, session)
  writer.varint(opening)
}

function writeTail(
  writer: Writer,
  sequence: number,
  acknowledged: number,
  version: number,
  command: Uint8Array,
): void {
  writer.varint(sequence)
  writer.varint(acknowledged)
  writer.varint(version)
  writer.raw(command)
}

/** What all commands of a session begin with, for `encodeCommand`. */
export function commandHead(session: SessionKey, opening: number): Uint8Array {
  const writer = new Writer(REQUEST_OVERHEAD_BYTES)
  writeHead(writer, 'command', 0, session, opening)
  return writer.view()
}

/** As `encodeRequest` of a command that has no stamp yet. */
export function encodeCommand(
  head: Uint8Array,
  sequence: number,
  acknowledged: number,
  version: number,
  command: Uint8Array,
): Uint8Array {
  const writer = new Writer(command.length + REQUEST_OVERHEAD_BYTES)
  writer.raw(head)
  writeTail(writer, sequence, acknowledged, version, command)
  return writer.view()
}

export function encodeOpen(session: SessionKey): Uint8Array {
  return encodeUnnumbered('open', session, NO_COMMAND)
}

/** `key` is of this change alone; `change` is encoded already. */
export function encodeChangeRequest(key: SessionKey, change: Uint8Array): Uint8Array {
  return encodeUnnumbered('change', key, change)
}

/** `key` is of this raise alone; `raise` is encoded already. */
export function encodeRaiseRequest(key: SessionKey, raise: Uint8Array): Uint8Array {
  return encodeUnnumbered('raise', key, raise)
}

function encodeUnnumbered(
  kind: Exclude<RequestKind, 'command'>,
  session: SessionKey,
  command: Uint8Array,
): Uint8Array {
  return encodeRequest({ ...UNNUMBERED, kind, session, command })
}

/** Throws MalformedError. The command is a view into the bytes. */
export function decodeRequest(bytes: Uint8Array): Request {
  const reader = new Reader(bytes)
  return readFields(reader, 0, readKind(reader), readTime(reader))
}

/**
 * Reads a request of this many bytes from a batch with this stamp. Throws MalformedError. The
 * command is a view into what is read.
 */
export function readRequest(reader: Reader, size: number, timeMs: number): Request {
  const after = reader.remaining - size
  return readFields(reader, after, readKind(reader), timeMs)
}

/** The fields after the stamp; `after` bytes are left then. */
function readFields(reader: Reader, after: number, kind: RequestKind, timeMs: number): Request {
  const session = readSessionKey(reader)
  const [opening, sequence, acknowledged] = [reader.varint(), reader.varint(), reader.varint()]
  const version = reader.varint()
  const command = reader.raw(reader.remaining - after)
  return { kind, timeMs, session, opening, sequence, acknowledged, version, command }
}

/** Whether an encoded request may share a slot with others, as commands and openings do. */
export function isBatchable(request: Uint8Array): boolean {
  return request[0] === KIND_TAGS.command || request[0] === KIND_TAGS.open
}

/**
 * Whether two requests are one, sent twice. No other client can have the same one: that takes the
 * key of the session.
 */
export interface RequestKey {
  readonly session: SessionKey
  readonly sequence: number
}

/** Checks what a client sent. Throws MalformedError. */
export function admitRequest(bytes: Uint8Array): Request {
  const request = decodeRequest(bytes)
  const { kind, opening, sequence, version } = request
  const isNumbered = kind === 'command'
  if (opening > 0 !== isNumbered || sequence > 0 !== isNumbered || version > 0 !== isNumbered)
    throw new MalformedError('a command without its numbers, or numbers where there is no command')
  return request
}

/**
 * A request or batch with the time at which it is proposed. It is a copy: what was proposed before,
 * at another time, stays as it was voted for. A value that is neither has no place for a stamp, and
 * is not executed.
 */
export function stampValue(bytes: Uint8Array, timeMs: number): Uint8Array {
  const stamped = Buffer.from(bytes)
  if (stamped.length >= TIME_OFFSET + STAMP_BYTES) stamped.writeDoubleLE(timeMs, TIME_OFFSET)
  return stamped
}

/** Throws MalformedError. */
export function readTime(reader: Reader): number {
  const timeMs = reader.f64()
  if (!Number.isInteger(timeMs) || timeMs < 0 || timeMs > MAX_TIME_MS)
    throw new MalformedError(`a stamp of ${timeMs} ms`)
  return timeMs
}

function readKind(reader: Reader): RequestKind {
  const tag = reader.u8()
  if (tag === KIND_TAGS.open) return 'open'
  if (tag === KIND_TAGS.command) return 'command'
  if (tag === KIND_TAGS.change) return 'change'
  if (tag === KIND_TAGS.raise) return 'raise'
  throw new MalformedError(`no kind of request: ${tag}`)
}
