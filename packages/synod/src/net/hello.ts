import { readAcceptor, writeAcceptor } from '../bytes/acceptor.js'
import { readAddress } from '../bytes/address.js'
import { MalformedError, Reader } from '../bytes/reader.js'
import type { Writer } from '../bytes/writer.js'
import { SynodError, type ErrorCode } from '../errors.js'
import type { ServerId } from '../paxos/ballot.js'
import type { Mode } from '../paxos/config.js'
import type { Quorums } from '../paxos/quorum.js'
import { namesByTag, readTag, type Tags } from './codec.js'
import { readErrorCode, writeErrorCode } from './error-tags.js'
import { MAX_MEMBERS, readServer, readText, writeText } from './fields.js'
import type { ConnectionKind } from './preamble.js'

/** The name of a cluster has at most this many bytes. */
export const MAX_CLUSTER_BYTES = 255

/** What a refusal says is cut to this size. */
const MAX_REASON_BYTES = 1024

/** What a connection between servers is for: the messages of the protocol, or a snapshot on its way to who dialled. */
export type Purpose = 'messages' | 'snapshot'

/** A server introduces itself to the one that it dials. */
export interface PeerHello {
  readonly type: 'peer-hello'
  readonly purpose: Purpose
  /** 1 to `MAX_CLUSTER_BYTES` bytes. */
  readonly cluster: string
  readonly mode: Mode
  /** Null for majorities. */
  readonly quorums: Quorums | null
  /** How long leases last; 0 for none. */
  readonly lease_ms: number
  readonly server: ServerId
  /** The identity of its acceptor, which a lost disk ends: 32 hexadecimal digits in lower case. */
  readonly acceptor: string
  /** The servers that it takes for the cluster's: at most 255, each once. */
  readonly members: readonly ServerId[]
  /** Where it listens for the others: 1 to `MAX_ADDRESS_BYTES` bytes. */
  readonly address: string
  /** It has written down which acceptors the cluster has. */
  readonly formed: boolean
  /** A random number from 0 to 2^53 - 1 that each start of the server draws anew. */
  readonly process: number
}

/** The server that was dialled will listen. The fields are as in `PeerHello`. */
export interface PeerWelcome {
  readonly type: 'peer-welcome'
  /**
   * The highest position that this server has heard of the journal of whoever dialled; 0 for none. One that
   * has recovered less is on an old copy of its directory.
   */
  readonly heard: number
  readonly server: ServerId
  readonly acceptor: string
  readonly formed: boolean
  readonly process: number
}

/** A client introduces itself. */
export interface ClientHello {
  readonly type: 'client-hello'
  /** The cluster it wants, or the empty text for any. */
  readonly cluster: string
}

/** The replica will serve the client. */
export interface ClientWelcome {
  readonly type: 'client-welcome'
  readonly cluster: string
  readonly mode: Mode
  readonly server: ServerId
  /** The largest value that `execute` may carry. */
  readonly maxCommand_bytes: number
}

/** The side that was dialled will not have this connection. It ends it after this. */
export interface Refuse {
  readonly type: 'refuse'
  readonly code: ErrorCode
  readonly reason: string
}

/** What each side's first frame holds, alone: a hello, and the answer to it. */
export type Handshake = PeerHello | PeerWelcome | ClientHello | ClientWelcome | Refuse

export type HelloOf<Kind extends ConnectionKind> = Extract<Handshake, { type: `${Kind}-hello` }>
export type WelcomeOf<Kind extends ConnectionKind> = Extract<Handshake, { type: `${Kind}-welcome` }>

/** The first byte of each handshake message. A tag is never given to another message. */
export const HANDSHAKE_TAGS: Tags<Handshake['type']> = {
  'peer-hello': 1,
  'peer-welcome': 2,
  'client-hello': 3,
  'client-welcome': 4,
  refuse: 5,
}

const HANDSHAKE_TYPES = namesByTag(HANDSHAKE_TAGS)
const MODE_TAGS: Tags<Mode> = { leader: 1, leaderless: 2 }
const MODES = namesByTag(MODE_TAGS)
const PURPOSE_TAGS: Tags<Purpose> = { messages: 1, snapshot: 2 }
const PURPOSES = namesByTag(PURPOSE_TAGS)

/** Writes one handshake message, tag first. */
export function encodeHandshake(writer: Writer, message: Handshake): void {
  writer.u8(HANDSHAKE_TAGS[message.type])
  switch (message.type) {
    case 'peer-hello':
      writer.u8(PURPOSE_TAGS[message.purpose])
      writer.string(message.cluster)
      writer.u8(MODE_TAGS[message.mode])
      writer.varint(message.quorums?.phase1 ?? 0)
      writer.varint(message.quorums?.phase2 ?? 0)
      writer.varint(message.lease_ms)
      writer.varint(message.server)
      writeAcceptor(writer, message.acceptor)
      writer.varint(message.members.length)
      for (const server of message.members) writer.varint(server)
      writer.string(message.address)
      writer.boolean(message.formed)
      writer.varint(message.process)
      return
    case 'peer-welcome':
      writer.varint(message.heard)
      writer.varint(message.server)
      writeAcceptor(writer, message.acceptor)
      writer.boolean(message.formed)
      writer.varint(message.process)
      return
    case 'client-hello':
      writer.string(message.cluster)
      return
    case 'client-welcome':
      writer.string(message.cluster)
      writer.u8(MODE_TAGS[message.mode])
      writer.varint(message.server)
      writer.varint(message.maxCommand_bytes)
      return
    case 'refuse':
      writeErrorCode(writer, message.code)
      writeText(writer, message.reason, MAX_REASON_BYTES)
      return
  }
}

/**
 * Reads the handshake message that `payload` holds.
 *
 * @throws MalformedError
 */
export function decodeHandshake(payload: Uint8Array): Handshake {
  const reader = new Reader(payload)
  const message = readHandshake(reader)
  reader.end()
  return message
}

/**
 * Returns `message` if it is of the type that has to come now.
 *
 * @throws SynodError with the code and reason of the refusal that came instead, or `wrong-protocol`.
 */
export function expectHandshake<Type extends Handshake['type']>(
  message: Handshake,
  type: Type,
): Extract<Handshake, { type: Type }> {
  if (message.type === 'refuse') throw new SynodError(message.code, message.reason)
  if (message.type !== type)
    throw new SynodError('wrong-protocol', `expected a ${type}, not a ${message.type}`)
  return message as Extract<Handshake, { type: Type }>
}

function readHandshake(reader: Reader): Handshake {
  const type = readTag(reader, HANDSHAKE_TYPES)
  switch (type) {
    case 'peer-hello':
      return {
        type,
        purpose: readTag(reader, PURPOSES),
        cluster: readCluster(reader),
        mode: readTag(reader, MODES),
        quorums: readQuorums(reader),
        lease_ms: reader.varint(),
        server: readServer(reader),
        acceptor: readAcceptor(reader),
        members: readMembers(reader),
        address: readAddress(reader),
        formed: reader.boolean(),
        process: reader.varint(),
      }
    case 'peer-welcome':
      return {
        type,
        heard: reader.varint(),
        server: readServer(reader),
        acceptor: readAcceptor(reader),
        formed: reader.boolean(),
        process: reader.varint(),
      }
    case 'client-hello':
      return { type, cluster: readText(reader, MAX_CLUSTER_BYTES) }
    case 'client-welcome':
      return {
        type,
        cluster: readCluster(reader),
        mode: readTag(reader, MODES),
        server: readServer(reader),
        maxCommand_bytes: reader.varint(),
      }
    case 'refuse':
      return { type, code: readErrorCode(reader), reason: readText(reader, MAX_REASON_BYTES) }
  }
}

function readCluster(reader: Reader): string {
  const cluster = readText(reader, MAX_CLUSTER_BYTES)
  if (cluster === '') throw new MalformedError('no cluster')
  return cluster
}

/** Two zeros stand for majorities. */
function readQuorums(reader: Reader): Quorums | null {
  const [phase1, phase2] = [reader.varint(), reader.varint()]
  if (phase1 === 0 && phase2 === 0) return null
  if (phase1 === 0 || phase2 === 0 || phase1 > MAX_MEMBERS || phase2 > MAX_MEMBERS)
    throw new MalformedError(`quorums of ${phase1} and ${phase2}`)
  return { phase1, phase2 }
}

function readMembers(reader: Reader): ServerId[] {
  const count = reader.count()
  if (count > MAX_MEMBERS) throw new MalformedError(`${count} members`)
  const members = Array.from({ length: count }, () => readServer(reader))
  if (new Set(members).size < count) throw new MalformedError('a member listed twice')
  return members
}
