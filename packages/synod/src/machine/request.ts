import { MalformedError, Reader } from '../bytes/reader.js'
import { Writer } from '../bytes/writer.js'
import {
  SESSION_KEY_BYTES,
  type SessionKey,
  isSessionKeyAt,
  sessionKeyAt,
  writeSessionKey,
} from './session-key.js'

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

/** A request as it was read. */
export interface ReceivedRequest extends Request {
  /** Whether it is of this session: takes less time than to read the key. */
  isOf(session: SessionKey): boolean
}

/** Throws MalformedError. The command is a view into the bytes. */
export function decodeRequest(bytes: Uint8Array): ReceivedRequest {
  const reader = new Reader(bytes)
  return new DecodedRequest(bytes, reader, readKind(reader), readTime(reader), bytes.length)
}

/**
 * Reads a request of this many bytes from a batch with this stamp: `bytes`, which the reader has
 * come through so far. Throws MalformedError. The command is a view into them.
 */
export function readRequest(
  bytes: Uint8Array,
  reader: Reader,
  size: number,
  timeMs: number,
): ReceivedRequest {
  const end = reader.position + size
  const kind = readKind(reader)
  reader.skip(STAMP_BYTES)
  return new DecodedRequest(bytes, reader, kind, timeMs, end)
}

/**
 * A view of the command, or the text of the key, costs more than all other fields, and many a
 * request is read for those alone.
 */
class DecodedRequest implements ReceivedRequest {
  readonly kind: RequestKind
  readonly timeMs: number
  readonly opening: number
  readonly sequence: number
  readonly acknowledged: number
  readonly version: number
  readonly #bytes: Uint8Array
  readonly #keyStart: number
  readonly #start: number
  readonly #end: number
  /** Once it is known. */
  #session: SessionKey | undefined

  /** Reads the fields after the stamp, and passes the command, which goes up to `end`. */
  constructor(bytes: Uint8Array, reader: Reader, kind: RequestKind, timeMs: number, end: number) {
    this.kind = kind
    this.timeMs = timeMs
    this.#keyStart = reader.position
    reader.skip(SESSION_KEY_BYTES)
    this.opening = reader.varint()
    this.sequence = reader.varint()
    this.acknowledged = reader.varint()
    this.version = reader.varint()
    this.#bytes = bytes
    this.#start = reader.position
    this.#end = end
    reader.skip(end - reader.position)
  }

  get session(): SessionKey {
    return (this.#session ??= sessionKeyAt(this.#bytes, this.#keyStart))
  }

  get command(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end)
  }

  isOf(session: SessionKey): boolean {
    if (this.#session !== undefined) return this.#session === session
    if (!isSessionKeyAt(this.#bytes, this.#keyStart, session)) return false
    this.#session = session
    return true
  }
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
export function admitRequest(bytes: Uint8Array): ReceivedRequest {
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
