import { readAcceptor, writeAcceptor } from '../bytes/acceptor.js'
import { readAddress } from '../bytes/address.js'
import { MalformedError, Reader } from '../bytes/reader.js'
import type { Writer } from '../bytes/writer.js'
import { type ClusterId, readClusterId, writeClusterId } from '../cluster/cluster-id.js'
import { type ClusterParameters, readParameters, writeParameters } from '../cluster/parameters.js'
import { type Support, readSupport, writeSupport } from '../cluster/versions.js'
import { SynodError, type ErrorCode } from '../errors.js'
import type { ServerId } from '../paxos/ballot.js'
import type { Mode } from '../paxos/config.js'
import { namesByTag, readTag, type Tags } from './transport/message-codec.js'
import { type Electorate, readElectorate, writeElectorate } from './peer/electorate.js'
import { readErrorCode, writeErrorCode } from './error-tags.js'
import { MAX_MEMBERS, readServer, readText, writeText } from './fields.js'
import type { ConnectionKind } from './transport/preamble.js'

/** The name of a cluster has at most this many bytes. */
export const MAX_CLUSTER_BYTES = 255

/** What a refusal says is cut to this size. */
const MAX_REASON_BYTES = 1024

/**
 * What a connection between servers is for: the messages of the protocol, or a snapshot on its way
 * to who dialled.
 */
export type ConnectionPurpose = 'messages' | 'snapshot'

/** A server introduces itself to the one that it dials. */
export interface PeerHello {
  readonly type: 'peer-hello'
  readonly purpose: ConnectionPurpose
  /** The name of its cluster: 1 to `MAX_CLUSTER_BYTES` bytes. */
  readonly cluster: string
  /**
   * Null until it has written down which acceptors founded its cluster, or the id of the one that
   * it joins.
   */
  readonly clusterId: ClusterId | null
  readonly parameters: ClusterParameters
  /** Servers may differ in this one; it is a whole number. */
  readonly electionTimeoutMs: number
  readonly server: ServerId
  /** The identity of its acceptor, which a lost disk ends: 32 hexadecimal digits in lower case. */
  readonly acceptor: string
  /**
   * The servers that found the cluster, itself included: at most 255, each once. None for a server
   * that joins.
   */
  readonly founders: readonly ServerId[]
  /** Where it listens for the others: 1 to `MAX_ADDRESS_BYTES` bytes. */
  readonly address: string
  /** A random number from 0 to 2^53 - 1 that each start of the server draws anew. */
  readonly process: number
  /** What it can work with. */
  readonly support: Support
}

/** The server that was dialled will listen. The fields are as in `PeerHello`. */
export interface PeerWelcome {
  readonly type: 'peer-welcome'
  /**
   * The highest group count that this server has heard of the journal of the dialler; 0 for none. A
   * server that has recovered less is on an old copy of its directory.
   */
  readonly heard: number
  readonly server: ServerId
  readonly acceptor: string
  readonly clusterId: ClusterId | null
  readonly process: number
  readonly support: Support
  /** Who votes. The dialler may have been away while others were added and removed. */
  readonly electorate: Electorate
}

/** A client introduces itself. */
export interface ClientHello {
  readonly type: 'client-hello'
  /** The name of the cluster that it wants, or the empty text for any. */
  readonly cluster: string
  /** The cluster that it has been connected to before; null before the first. */
  readonly clusterId: ClusterId | null
}

/** The replica will serve the client. */
export interface ClientWelcome {
  readonly type: 'client-welcome'
  readonly cluster: string
  /** Null where the cluster has not formed yet: a message follows when it has. */
  readonly clusterId: ClusterId | null
  readonly mode: Mode
  readonly server: ServerId
  /** The largest value that `execute` may carry. */
  readonly maxCommandBytes: number
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
const PURPOSE_TAGS: Tags<ConnectionPurpose> = { messages: 1, snapshot: 2 }
const PURPOSES = namesByTag(PURPOSE_TAGS)

/** Writes one handshake message, tag first. */
export function encodeHandshake(writer: Writer, message: Handshake): void {
  writer.u8(HANDSHAKE_TAGS[message.type])
  switch (message.type) {
    case 'peer-hello':
      writer.u8(PURPOSE_TAGS[message.purpose])
      writer.string(message.cluster)
      writeClusterId(writer, message.clusterId)
      writeParameters(writer, message.parameters)
      writer.varint(message.electionTimeoutMs)
      writer.varint(message.server)
      writeAcceptor(writer, message.acceptor)
      writer.varint(message.founders.length)
      for (const server of message.founders) writer.varint(server)
      writer.string(message.address)
      writer.varint(message.process)
      writeSupport(writer, message.support)
      return
    case 'peer-welcome':
      writer.varint(message.heard)
      writer.varint(message.server)
      writeAcceptor(writer, message.acceptor)
      writeClusterId(writer, message.clusterId)
      writer.varint(message.process)
      writeSupport(writer, message.support)
      writeElectorate(writer, message.electorate)
      return
    case 'client-hello':
      writer.string(message.cluster)
      writeClusterId(writer, message.clusterId)
      return
    case 'client-welcome':
      writer.string(message.cluster)
      writeClusterId(writer, message.clusterId)
      writer.u8(MODE_TAGS[message.mode])
      writer.varint(message.server)
      writer.varint(message.maxCommandBytes)
      return
    case 'refuse':
      writeErrorCode(writer, message.code)
      writeText(writer, message.reason, MAX_REASON_BYTES)
      return
  }
}

/**
 * Reads the handshake message that `payload` holds. A later version of the protocol may say more at
 * its end, and changes nothing before that: what a side that speaks a later one has added is left
 * unread.
 *
 * @throws MalformedError
 */
export function decodeHandshake(payload: Uint8Array, speaksLater = false): Handshake {
  const reader = new Reader(payload)
  const message = readHandshake(reader)
  if (!speaksLater) reader.end()
  return message
}

/**
 * Returns `message` if it is of the type that has to come now.
 *
 * @throws SynodError with the code and reason of a refusal that came instead; `wrong-protocol`.
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
        clusterId: readClusterId(reader),
        parameters: readParameters(reader),
        electionTimeoutMs: reader.varint(),
        server: readServer(reader),
        acceptor: readAcceptor(reader),
        founders: readFounders(reader),
        address: readAddress(reader),
        process: reader.varint(),
        support: readSupport(reader),
      }
    case 'peer-welcome':
      return {
        type,
        heard: reader.varint(),
        server: readServer(reader),
        acceptor: readAcceptor(reader),
        clusterId: readClusterId(reader),
        process: reader.varint(),
        support: readSupport(reader),
        electorate: readElectorate(reader),
      }
    case 'client-hello':
      return {
        type,
        cluster: readText(reader, MAX_CLUSTER_BYTES),
        clusterId: readClusterId(reader),
      }
    case 'client-welcome':
      return {
        type,
        cluster: readCluster(reader),
        clusterId: readClusterId(reader),
        mode: readTag(reader, MODES),
        server: readServer(reader),
        maxCommandBytes: reader.varint(),
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

function readFounders(reader: Reader): ServerId[] {
  const count = reader.count()
  if (count > MAX_MEMBERS) throw new MalformedError(`${count} founders`)
  const founders = Array.from({ length: count }, () => readServer(reader))
  if (new Set(founders).size < count) throw new MalformedError('a founder listed twice')
  return founders
}
