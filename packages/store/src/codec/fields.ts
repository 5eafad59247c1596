import { MalformedError, type Reader } from 'synod/internal/bytes/reader.js'
import type { Writer } from 'synod/internal/bytes/writer.js'
import type { Key, KeyValue, LeaseId } from '../keys/key-value.js'
import type { KeyRange } from '../operations/operations.js'

const LOW_32 = 0xffff_ffffn

/** Matches what is no byte. */
const NO_BYTE = /[\u0100-\uffff]/

/** Of what a caller gives. Throws RangeError for what is no whole number from 0 on. */
export function writeWhole(writer: Writer, name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new RangeError(`${name} must be a whole number from 0 on, not ${value}`)
  writer.varint(value)
}

/** Throws RangeError for text that does not stand for bytes. */
export function writeKey(writer: Writer, key: Key): void {
  if (NO_BYTE.test(key)) throw new RangeError('a key is text of one byte a character: `keyOf` makes one')
  writer.varint(key.length)
  writer.latin1(key)
}

export function readKey(reader: Reader): Key {
  return reader.latin1(reader.varint())
}

export function writeRange(writer: Writer, { end, key }: KeyRange): void {
  writeKey(writer, key)
  writeKey(writer, end)
}

export function readRange(reader: Reader): KeyRange {
  return { key: readKey(reader), end: readKey(reader) }
}

export function writeLease(writer: Writer, lease: LeaseId): void {
  writer.u32(Number(lease & LOW_32))
  writer.u32(Number((lease >> 32n) & LOW_32))
}

export function readLease(reader: Reader): LeaseId {
  const low = reader.u32()
  const high = reader.u32()
  // Most keys have none.
  return low === 0 && high === 0 ? 0n : BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low))
}

export function writeInteger(writer: Writer, value: bigint): void {
  writer.string(value.toString())
}

/** Throws MalformedError for more digits than `mostDigits`. */
export function readInteger(reader: Reader, mostDigits: number): bigint {
  const text = reader.string()
  if (text.length > mostDigits + 1 || !/^-?[0-9]+$/.test(text)) throw new MalformedError('no integer')
  return BigInt(text)
}

/** A value that may be missing. */
export function writeOptional<T>(
  writer: Writer,
  value: T | null | undefined,
  write: (value: T) => void,
): void {
  const isThere = value !== null && value !== undefined
  writer.boolean(isThere)
  if (isThere) write(value)
}

export function readOptional<T, Missing>(reader: Reader, read: () => T, missing: Missing): T | Missing {
  return reader.boolean() ? read() : missing
}

export function writeList<T>(writer: Writer, list: readonly T[], write: (item: T) => void): void {
  writer.varint(list.length)
  for (const item of list) write(item)
}

export function readList<T>(reader: Reader, read: () => T): T[] {
  return Array.from({ length: reader.count() }, read)
}

export function writeKeyValue(writer: Writer, kv: KeyValue): void {
  writeKey(writer, kv.key)
  writer.bytes(kv.value)
  writer.varint(kv.createRevision)
  writer.varint(kv.modRevision)
  writer.varint(kv.version)
  writeLease(writer, kv.lease)
}

export function readKeyValue(reader: Reader): KeyValue {
  return {
    key: readKey(reader),
    value: reader.bytes(),
    createRevision: reader.varint(),
    modRevision: reader.varint(),
    version: reader.varint(),
    lease: readLease(reader),
  }
}

/** Names a kind by its place in a list, which must only ever grow. */
export function writeName<Name extends string>(writer: Writer, names: readonly Name[], name: Name): void {
  const index = names.indexOf(name)
  if (index < 0) throw new RangeError(`no such name: ${name}`)
  writer.u8(index)
}

export function readName<Name extends string>(reader: Reader, names: readonly Name[]): Name {
  const index = reader.u8()
  const name = names[index]
  if (name === undefined) throw new MalformedError(`nothing has the number ${index}`)
  return name
}
