import { MalformedError, type Reader } from '../../bytes/reader.js'
import type { Writer } from '../../bytes/writer.js'

/**
 * How the messages that one side of a connection sends and receives become bytes.
 */
export interface MessageCodec<Out, In> {
  encode(writer: Writer, message: Out): void
  /** @throws MalformedError */
  decode(reader: Reader): In
}

/** The u8 that stands for each of some names on the wire. */
export type Tags<Name extends string> = Readonly<Record<Name, number>>

/** The inverse of `tags`, for `readTag`. */
export function namesByTag<Name extends string>(tags: Tags<Name>): ReadonlyMap<number, Name> {
  return new Map(Object.entries<number>(tags).map(([name, tag]) => [tag, name as Name]))
}

/** Reads a tag and returns what it stands for. */
export function readTag<Name extends string>(reader: Reader, names: ReadonlyMap<number, Name>): Name {
  const tag = reader.u8()
  const name = names.get(tag)
  if (name === undefined) throw new MalformedError(`unknown tag ${tag}`)
  return name
}
