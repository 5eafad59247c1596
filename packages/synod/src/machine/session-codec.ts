import { MalformedError, Reader } from '../bytes/reader.js'
import { Writer } from '../bytes/writer.js'
import type { Outcome } from './outcome.js'
import { type SessionKey, readSessionKey, writeSessionKey } from './session-key.js'

/** What a snapshot tells of a session. */
export interface SessionState {
  /** The number of the use by which it was opened, and of the last one. */
  readonly opening: number
  readonly lastUse: number
  readonly acknowledged: number
  /** The results of the requests above that, in order; undefined for those not executed yet. */
  readonly outcomes: readonly (Outcome | undefined)[]
}

/**
 * Sessions in a snapshot are records: a size (u32), a tag (u8), and the fields of the tag. `uses`
 * is the first and comes once: a count (varint). `session`: key (16 bytes), opening, last use,
 * acknowledged (varints). Its outcomes follow in order: a result, or nothing. Pieces end anywhere.
 */
const TAGS = {
  session: 0,
  none: 1,
  done: 2,
  failed: 3,
  expired: 4,
  ahead: 5,
  refused: 6,
  later: 7,
  uses: 8,
} as const
const STATUSES = ['done', 'failed', 'expired', 'ahead', 'refused', 'later'] as const
const PIECE_BYTES = 1 << 16
const SIZE_BYTES = 4
const NOTHING = new Uint8Array(0)

/** In pieces of about 64 KiB, each made when it is taken. */
export function* encodeSessions(
  uses: number,
  sessions: Iterable<readonly [SessionKey, SessionState]>,
): Generator<Uint8Array, void, undefined> {
  const writer = new Writer(PIECE_BYTES)
  writeNumbers(writer, TAGS.uses, undefined, [uses])
  for (const [key, { acknowledged, lastUse, opening, outcomes }] of sessions) {
    writeNumbers(writer, TAGS.session, key, [opening, lastUse, acknowledged])
    for (const outcome of outcomes) {
      const result = outcome?.result ?? NOTHING
      writer.u32(1 + result.length)
      writer.u8(TAGS[outcome?.status ?? 'none'])
      if (writer.length + result.length >= PIECE_BYTES) yield writer.take()
      if (result.length < PIECE_BYTES) writer.raw(result)
      else yield* piecesOf(result)
    }
    if (writer.length >= PIECE_BYTES) yield writer.take()
  }
  if (writer.length > 0) yield writer.take()
}

function writeNumbers(
  writer: Writer,
  tag: number,
  key: SessionKey | undefined,
  numbers: readonly number[],
): void {
  const start = writer.skipU32()
  writer.u8(tag)
  if (key !== undefined) writeSessionKey(writer, key)
  for (const number of numbers) writer.varint(number)
  writer.setU32(start, writer.length - start - SIZE_BYTES)
}

/**
 * What is read of sessions, in the order in which it was written. Either may throw a
 * MalformedError.
 */
export interface SessionEvents {
  readonly onUses: (uses: number) => void
  readonly onSession: (key: SessionKey, session: Omit<SessionState, 'outcomes'>) => void
  readonly onOutcome: (outcome: Outcome | undefined) => void
}

/** Reads what `encodeSessions` wrote. */
export class SessionDecoder {
  readonly #events: SessionEvents
  /** The beginning of a record, and how many bytes are missing before it can be read on. */
  #begun: Uint8Array[] = []
  #missingBytes = SIZE_BYTES

  constructor(events: SessionEvents) {
    this.#events = events
  }

  /** Throws a MalformedError. */
  take(piece: Uint8Array): void {
    if (piece.length < this.#missingBytes) {
      this.#begun.push(Uint8Array.from(piece))
      this.#missingBytes -= piece.length
      return
    }
    const bytes = Buffer.concat([...this.#begun, piece])
    let position = 0
    for (;;) {
      const left = bytes.length - position
      const size = left < SIZE_BYTES ? 0 : bytes.readUInt32LE(position)
      this.#missingBytes = SIZE_BYTES + size - left
      if (this.#missingBytes > 0) break
      this.#read(new Reader(bytes.subarray(position + SIZE_BYTES, position + SIZE_BYTES + size)))
      position += SIZE_BYTES + size
    }
    this.#begun = position < bytes.length ? [Uint8Array.from(bytes.subarray(position))] : []
  }

  /** Throws a MalformedError if it ended within a record. */
  end(): void {
    if (this.#begun.length > 0) throw new MalformedError('the sessions end too early')
  }

  #read(reader: Reader): void {
    const tag = reader.u8()
    if (tag === TAGS.uses) {
      const uses = reader.varint()
      reader.end()
      this.#events.onUses(uses)
    } else if (tag === TAGS.session) {
      const key = readSessionKey(reader)
      const [opening, lastUse, acknowledged] = [reader.varint(), reader.varint(), reader.varint()]
      reader.end()
      this.#events.onSession(key, { opening, lastUse, acknowledged })
    } else if (tag === TAGS.none) {
      reader.end()
      this.#events.onOutcome(undefined)
    } else {
      const status = STATUSES.find((status) => TAGS[status] === tag)
      if (status === undefined) throw new MalformedError(`unknown outcome: ${tag}`)
      // A copy: it is kept for longer than what it came with.
      this.#events.onOutcome({ status, result: Uint8Array.from(reader.raw(reader.remaining)) })
    }
  }
}

function* piecesOf(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
  for (let start = 0; start < bytes.length; start += PIECE_BYTES)
    yield bytes.subarray(start, start + PIECE_BYTES)
}
