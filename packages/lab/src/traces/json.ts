import type { Ballot } from 'synod-testing/script'
import type { ActorId } from '../picture/picture.js'

/** An object of JSON. */
export type Fields = Readonly<Record<string, unknown>>

/** What a line of a trace lacks, for people: `no server`. */
export class FieldError extends Error {
  override readonly name = 'FieldError'
}

export function isFields(it: unknown): it is Fields {
  return typeof it === 'object' && it !== null && !Array.isArray(it)
}

export function fieldsAt(fields: Fields, name: string): Fields {
  const it = fields[name]
  if (!isFields(it)) throw new FieldError(`no ${name}`)
  return it
}

/** A whole number, zero or more: a slot, a server, a round. */
export function countAt(fields: Fields, name: string): number {
  const it = asCount(fields[name])
  if (it === undefined) throw new FieldError(`no ${name}`)
  return it
}

export function asCount(it: unknown): number | undefined {
  return Number.isSafeInteger(it) && Number(it) >= 0 ? Number(it) : undefined
}

export function textAt(fields: Fields, name: string): string {
  const it = fields[name]
  if (typeof it !== 'string') throw new FieldError(`no ${name}`)
  return it
}

export function listAt(fields: Fields, name: string): readonly unknown[] {
  const it = fields[name]
  if (!Array.isArray(it)) throw new FieldError(`no ${name}`)
  return it
}

export function serverAt(fields: Fields, name: string): ActorId {
  return `s${countAt(fields, name)}`
}

/** `s1` or `c1`: also of `s1.2`, which is one of several at work there. */
export function actorAt(fields: Fields, name: string): ActorId {
  const it = fields[name]
  const [, actor] = (typeof it === 'string' ? /^([sc]\d{1,9})(?:\.\d{1,9})?$/.exec(it) : null) ?? []
  if (actor === undefined) throw new FieldError(`no ${name}`)
  return actor
}

export function asBallot(it: unknown): Ballot | undefined {
  if (!isFields(it)) return undefined
  const [seq, server] = [asCount(it.seq), asCount(it.server)]
  return seq === undefined || server === undefined ? undefined : { seq, server }
}

export function ballotAt(fields: Fields, name: string): Ballot {
  const ballot = asBallot(fields[name])
  if (ballot === undefined) throw new FieldError(`no ${name}`)
  return ballot
}

/** Values of slots, as the trace shows them. */
export function valuesAt(fields: Fields, name: string): readonly string[] {
  return listAt(fields, name).map((value) => (typeof value === 'string' ? value : JSON.stringify(value)))
}
