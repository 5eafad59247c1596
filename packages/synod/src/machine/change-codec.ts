import { readAddress } from '../bytes/address.js'
import { MalformedError, Reader } from '../bytes/reader.js'
import { Writer } from '../bytes/writer.js'
import type { Change, Member, MemberRole, MembershipState } from '../paxos/membership.js'
import { MAX_SERVER_ID, type ServerId } from '../paxos/ballot.js'
import type { Configuration } from '../paxos/configuration.js'
import type { Value } from '../paxos/value.js'
import { CHANGE_TAG, decodeRequest } from './request.js'

const CHANGE_TAGS: Readonly<Record<Change['type'], number>> = {
  add: 1,
  promote: 2,
  remove: 3,
  refuse: 4,
  update: 5,
}
const ROLES: readonly MemberRole[] = ['voter', 'joining', 'learner']
const ACCEPTOR_BYTES = 16

/** More than the members that a cluster can have. */
const MAX_MEMBERS = 255

export function encodeChange(change: Change): Uint8Array {
  const writer = new Writer(64)
  writer.u8(CHANGE_TAGS[change.type])
  writer.varint(change.server)
  if (change.type === 'add') {
    writer.string(change.address)
    writer.u8(ROLES.indexOf(change.role))
    writer.varint(change.replaces)
  } else if (change.type === 'update') {
    writer.string(change.address)
  } else if (change.type === 'promote') {
    writer.raw(Buffer.from(change.acceptor, 'hex'))
  } else if (change.type === 'remove') {
    writer.boolean(change.isForced)
  } else {
    writer.string(change.reason)
  }
  return writer.view()
}

/** Throws MalformedError. */
export function decodeChange(bytes: Uint8Array): Change {
  const reader = new Reader(bytes)
  const change = readChange(reader)
  reader.end()
  return change
}

/**
 * The change of the membership that a value stands for. What is no sound change is none, on every
 * server alike.
 */
export function changeOf(value: Value): Change | undefined {
  if (value[0] !== CHANGE_TAG) return undefined
  try {
    return decodeChange(decodeRequest(value).command)
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}

/** As it stands in a snapshot. */
export function encodeMembership(writer: Writer, state: MembershipState): void {
  writer.varint(state.slot)
  writer.varint(state.highest)
  writer.varint(state.quorums?.phase1 ?? 0)
  writer.varint(state.quorums?.phase2 ?? 0)
  writer.varint(state.members.length)
  for (const { acceptor, address, replaces, role, server } of state.members) {
    writer.varint(server)
    writer.u8(ROLES.indexOf(role))
    writer.varint(replaces)
    writer.string(address)
    writer.boolean(acceptor !== '')
    writer.raw(Buffer.from(acceptor, 'hex'))
  }
  writer.varint(state.configurations.length)
  for (const { first, quorums, voters } of state.configurations) {
    writer.varint(first)
    writer.varint(quorums.phase1)
    writer.varint(quorums.phase2)
    writer.varint(voters.length)
    for (const voter of voters) writer.varint(voter)
  }
}

/** Throws MalformedError. */
export function readMembership(reader: Reader): MembershipState {
  const [slot, highest, phase1, phase2] = [reader.varint(), reader.varint(), reader.varint(), reader.varint()]
  return {
    slot,
    highest,
    quorums: phase1 === 0 ? null : { phase1, phase2 },
    members: readList(reader, MAX_MEMBERS, () => readMember(reader)),
    configurations: readList(reader, 2, () => readConfiguration(reader)),
  }
}

function readMember(reader: Reader): Member {
  const server = readServerId(reader)
  const role = readRole(reader)
  const replaces = reader.varint()
  const address = readAddress(reader)
  const acceptor = reader.boolean() ? reader.raw(ACCEPTOR_BYTES).toString('hex') : ''
  return { server, role, replaces, address, acceptor }
}

function readConfiguration(reader: Reader): Configuration {
  const [first, phase1, phase2] = [reader.varint(), reader.varint(), reader.varint()]
  return {
    first,
    quorums: { phase1, phase2 },
    voters: readList(reader, MAX_MEMBERS, () => readServerId(reader)),
  }
}

function readChange(reader: Reader): Change {
  const tag = reader.u8()
  const server = readServerId(reader)
  switch (tag) {
    case CHANGE_TAGS.add: {
      const address = readAddress(reader)
      const role = readRole(reader)
      if (role === 'voter') throw new MalformedError('a server that votes before it has learned')
      return { type: 'add', server, address, role, replaces: reader.varint() }
    }
    case CHANGE_TAGS.update:
      return { type: 'update', server, address: readAddress(reader) }
    case CHANGE_TAGS.promote:
      return { type: 'promote', server, acceptor: reader.raw(ACCEPTOR_BYTES).toString('hex') }
    case CHANGE_TAGS.remove:
      return { type: 'remove', server, isForced: reader.boolean() }
    case CHANGE_TAGS.refuse:
      return { type: 'refuse', server, reason: reader.string() }
    default:
      throw new MalformedError(`no kind of change: ${tag}`)
  }
}

function readList<T>(reader: Reader, most: number, read: () => T): T[] {
  const count = reader.count()
  if (count > most) throw new MalformedError(`${count} entries, where ${most} are the most`)
  return Array.from({ length: count }, read)
}

function readServerId(reader: Reader): ServerId {
  const server = reader.varint()
  if (server < 1 || server > MAX_SERVER_ID) throw new MalformedError(`no id of a server: ${server}`)
  return server
}

function readRole(reader: Reader): MemberRole {
  const tag = reader.u8()
  const role = ROLES[tag]
  if (role === undefined) throw new MalformedError(`no role of a member: ${tag}`)
  return role
}
