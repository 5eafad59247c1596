import { MalformedError, type Reader } from '../bytes/reader.js'
import type { Writer } from '../bytes/writer.js'

/** Every version of something that a build knows: whole numbers from 1 to `MAX_VERSION`. */
export interface VersionRange {
  readonly oldest: number
  readonly newest: number
}

/** What one server can work with. */
export interface Support {
  /** Formats of the replicated state. */
  readonly formats: VersionRange
  /** The version of its state machine: it knows the commands of this and all earlier ones. */
  readonly machine: number
}

/**
 * What all members of a cluster can work with. It is part of the replicated state, and only a
 * record of the log raises it: `format` decides on log values, sessions and rules of the
 * membership, `machine` on the commands of the state machine.
 */
export interface Agreed {
  readonly format: number
  readonly machine: number
}

/** No version of anything is higher. */
export const MAX_VERSION = 65_535

/** The formats of the replicated state that this build knows. From 2 on slots hold batches. */
export const FORMATS: VersionRange = { oldest: 1, newest: 2 }

/** What a cluster begins with. */
export const FIRST_AGREED: Agreed = { format: 1, machine: 1 }

/** The newest version in both ranges; undefined where they do not meet. */
export function newestInBoth(one: VersionRange, other: VersionRange): number | undefined {
  const newest = Math.min(one.newest, other.newest)
  return newest < Math.max(one.oldest, other.oldest) ? undefined : newest
}

/** The most that all these can work with, and no less than is agreed already. */
export function mostFor(supports: readonly Support[], { format, machine }: Agreed): Agreed {
  return {
    format: Math.max(format, Math.min(...supports.map(({ formats }) => formats.newest))),
    machine: Math.max(machine, Math.min(...supports.map((support) => support.machine))),
  }
}

/** Why `who` cannot work with what is agreed, and what to do; undefined if it can. */
export function missingSupport(
  who: string,
  { formats, machine }: Support,
  agreed: Agreed,
): string | undefined {
  const { newest, oldest } = formats
  if (agreed.format > newest || agreed.format < oldest)
    return (
      `the replicated state has format version ${agreed.format}, and the build of ${who} knows ${rangeWords(formats)}: ` +
      `start it with ${agreed.format > newest ? 'a newer' : 'an older'} build`
    )
  if (agreed.machine > machine)
    return (
      `the members have agreed on version ${agreed.machine} of the state machine, and ${who} has version ${machine}: ` +
      `start it with a newer state machine`
    )
  return undefined
}

/** As messages for people name a range. */
export function rangeWords({ newest, oldest }: VersionRange): string {
  return oldest === newest ? `version ${newest}` : `versions ${oldest} to ${newest}`
}

export function writeSupport(writer: Writer, { formats, machine }: Support): void {
  writer.varint(formats.oldest)
  writer.varint(formats.newest)
  writer.varint(machine)
}

/** @throws MalformedError */
export function readSupport(reader: Reader): Support {
  const [oldest, newest, machine] = [readVersion(reader), readVersion(reader), readVersion(reader)]
  if (oldest > newest) throw new MalformedError(`versions from ${oldest} to ${newest}`)
  return { formats: { oldest, newest }, machine }
}

export function writeAgreed(writer: Writer, { format, machine }: Agreed): void {
  writer.varint(format)
  writer.varint(machine)
}

/** @throws MalformedError */
export function readAgreed(reader: Reader): Agreed {
  return { format: readVersion(reader), machine: readVersion(reader) }
}

function readVersion(reader: Reader): number {
  const version = reader.varint()
  if (version < 1 || version > MAX_VERSION) throw new MalformedError(`version ${version}`)
  return version
}
