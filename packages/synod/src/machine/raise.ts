import { MalformedError, Reader } from '../bytes/reader.js'
import { Writer } from '../bytes/writer.js'
import {
  type Agreed,
  type Support,
  missingSupport,
  readAgreed,
  readSupport,
  writeAgreed,
  writeSupport,
} from '../cluster/versions.js'
import { MAX_SERVER_ID, type ServerId } from '../paxos/ballot.js'
import type { ServerSet } from '../paxos/server-set.js'
import type { Value } from '../paxos/value.js'
import { RAISE_TAG, decodeRequest } from './request.js'

/** More than the servers that a cluster can have. */
const MAX_MEMBERS = 255

/** Raises what the members have agreed on. It stands alone in its slot. */
export interface Raise {
  readonly to: Agreed
  /** Who the members were when it was proposed, and what each could work with. */
  readonly members: readonly MemberSupport[]
}

export interface MemberSupport {
  readonly server: ServerId
  readonly support: Support
}

export function encodeRaise({ members, to }: Raise): Uint8Array {
  const writer = new Writer(64)
  writeAgreed(writer, to)
  writer.varint(members.length)
  for (const { server, support } of members) {
    writer.varint(server)
    writeSupport(writer, support)
  }
  return writer.view()
}

/** Throws MalformedError. */
export function decodeRaise(bytes: Uint8Array): Raise {
  const reader = new Reader(bytes)
  const to = readAgreed(reader)
  const count = reader.count()
  if (count > MAX_MEMBERS) throw new MalformedError(`${count} members`)
  const members = Array.from({ length: count }, () => readMember(reader))
  reader.end()
  return { to, members }
}

/** The raise that a value stands for. What is no sound one is none, on every server alike. */
export function raiseOf(value: Value): Raise | undefined {
  if (value[0] !== RAISE_TAG) return undefined
  try {
    return decodeRaise(decodeRequest(value).command)
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}

/**
 * Why a raise changes nothing where it is executed; undefined if it holds. `servers` vote or learn
 * at this slot. docs/internals/raise.md proves that no server executes a value that
 * it does not know.
 */
export function raiseRefusal({ members, to }: Raise, agreed: Agreed, servers: ServerSet): string | undefined {
  const named = members.map(({ server }) => server)
  if (named.length !== servers.length || !servers.every((server) => named.includes(server)))
    return `the servers are ${listOf(servers)} by now, and no longer ${listOf(named)}`
  for (const { server, support } of members) {
    const lack = missingSupport(`s${server}`, support, to)
    if (lack !== undefined) return lack
  }
  if (to.format < agreed.format || to.machine < agreed.machine)
    return `format version ${agreed.format} and machine version ${agreed.machine} are agreed on already`
  return undefined
}

function readMember(reader: Reader): MemberSupport {
  const server = reader.varint()
  if (server < 1 || server > MAX_SERVER_ID) throw new MalformedError(`no id of a server: ${server}`)
  return { server, support: readSupport(reader) }
}

function listOf(servers: readonly ServerId[]): string {
  return [...servers]
    .sort((a, b) => a - b)
    .map((server) => `s${server}`)
    .join(', ')
}
