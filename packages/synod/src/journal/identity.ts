import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { crc32 } from 'node:zlib'
import { ACCEPTOR_BYTES } from '../bytes/acceptor.js'
import { MAX_ADDRESS_BYTES } from '../bytes/address.js'
import { type ClusterId, isClusterId } from '../cluster/cluster-id.js'
import {
  type ClusterParameters,
  areParameters,
  parameterDifference,
  foundingParameters,
  withoutNeedlessQuorums,
} from '../cluster/parameters.js'
import { SynodError } from '../errors.js'
import type { ServerId } from '../paxos/ballot.js'
import type { Disk } from '../storage/disk.js'
import type { SpaceWaiter } from '../storage/no-space.js'
import { replaceFile } from '../storage/replace-file.js'

const FILE = 'identity'
const FORMAT = 2

const MAX_CLUSTER_BYTES = 255

/**
 * Names what remembers the promises and votes of a server: 32 hex digits, drawn when its data
 * directory is first used. A server that lost its directory comes back with another one, and so
 * cannot pass for itself.
 */
export type AcceptorId = string

export interface IdentityOptions {
  /** The name of the cluster. */
  readonly cluster: string
  readonly parameters: ClusterParameters
  /** The servers that create the cluster, this one included; none for a server that joins one. */
  readonly founders: readonly ServerId[]
  readonly server: ServerId
  /**
   * Where servers listen for their peers, as `host:port`, by the options that this one was last
   * started with.
   */
  readonly addresses: Addresses
}

export type Addresses = Readonly<Record<ServerId, string>>

/** Who a data directory belongs to. */
export interface Identity extends IdentityOptions {
  readonly acceptor: AcceptorId
  /**
   * Null until the cluster has formed, or this server has heard from a member of the one that it
   * joins.
   */
  readonly clusterId: ClusterId | null
  /**
   * The acceptor of every founder, null as long as `clusterId` is. Of a server that joined: its own
   * alone.
   */
  readonly peers: PeerAcceptors | null
}

export type PeerAcceptors = Readonly<Record<ServerId, AcceptorId>>

/** The identity file cannot be taken at its word. */
export class IdentityFault extends Error {
  override readonly name = 'IdentityFault'
  readonly kind: 'damaged' | 'unsupported'

  constructor(kind: 'damaged' | 'unsupported', message: string, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
  }
}

/** Throws `invalid-options` for a name that the formats on disk cannot hold. */
export function newIdentity(options: IdentityOptions, randomBytes: (size: number) => Uint8Array): Identity {
  const { cluster, server } = options
  const name = Buffer.from(cluster)
  if (name.length === 0 || name.length > MAX_CLUSTER_BYTES || name.toString() !== cluster) {
    throw new SynodError(
      'invalid-options',
      `the name of a cluster is text of 1 to ${MAX_CLUSTER_BYTES} bytes`,
    )
  }
  if (!Number.isSafeInteger(server) || server < 1) {
    throw new SynodError('invalid-options', `the id of a server is a positive integer, not ${server}`)
  }
  const acceptor = Buffer.from(randomBytes(ACCEPTOR_BYTES)).toString('hex')
  const { founders } = options
  const parameters =
    founders.length === 0 ? options.parameters : foundingParameters(options.parameters, founders.length)
  return { ...options, parameters, acceptor, clusterId: null, peers: null }
}

/**
 * The identity for a start with these addresses, the same object where they change nothing. A list
 * that was shortened since leaves out founders of whose addresses the log knows nothing: they keep
 * what was known.
 */
export function withAddresses(identity: Identity, given: Addresses): Identity {
  const kept = Object.entries(identity.addresses).filter(([id]) => identity.founders.includes(Number(id)))
  const addresses: Addresses = { ...Object.fromEntries(kept), ...given }
  return isDeepStrictEqual(addresses, identity.addresses) ? identity : { ...identity, addresses }
}

/**
 * Replaces the identity of a directory; after a crash it is the old or the new one, never part of
 * one.
 */
export async function saveIdentity(
  disk: Disk,
  directory: string,
  identity: Identity,
  space?: SpaceWaiter,
): Promise<void> {
  await replaceFile(disk, directory, FILE, Buffer.from(formatIdentity(identity)), space)
}

/**
 * The identity of a directory; null when it has none. Rejects with an IdentityFault when it is
 * unsound.
 */
export async function loadIdentity(disk: Disk, directory: string): Promise<Identity | null> {
  const names = await disk.list(directory)
  if (!names.includes(FILE)) return null
  const bytes = await disk.read(join(directory, FILE))
  return parseIdentity(bytes.toString())
}

export function isIdentity(value: object): value is Identity {
  const fields = value as Record<string, unknown>
  const { acceptor, addresses, cluster, clusterId, founders, parameters, peers, server } = fields
  if (typeof cluster !== 'string' || !isServerId(server) || !isAcceptorId(acceptor)) return false
  if (!areParameters(parameters) || !areFounders(founders, server) || !areAddresses(addresses)) return false
  if (peers === null) return clusterId === null
  return isClusterId(clusterId) && isPeers(peers) && peers[server] === acceptor
}

/**
 * Throws `wrong-cluster`, `wrong-mode` or `wrong-acceptor` when the directory is not the one asked
 * for.
 */
export function checkIdentity(found: Identity, asked: IdentityOptions, directory: string): void {
  if (found.cluster !== asked.cluster) {
    throw new SynodError(
      'wrong-cluster',
      `${directory} belongs to cluster '${found.cluster}', not to '${asked.cluster}': ` +
        `start this server on the directory of its own cluster, or on an empty one`,
    )
  }
  if (found.server !== asked.server) {
    throw new SynodError(
      'wrong-acceptor',
      `${directory} belongs to server s${found.server}, not to s${asked.server}: ` +
        `start each server on its own directory, as one that votes with the memory of another breaks the cluster`,
    )
  }
  const { founders, parameters } = found
  const wanted =
    founders.length === 0 ? asked.parameters : withoutNeedlessQuorums(asked.parameters, founders.length)
  const difference = parameterDifference(parameters, wanted)
  if (difference !== undefined) {
    const { code, ours, theirs } = difference
    throw new SynodError(
      code,
      `${directory} belongs to a cluster with ${ours}, and this server was started with ${theirs}: ` +
        `that is chosen once for a cluster, so ask for ${ours}`,
    )
  }
  if (found.peers === null && listOf(founders) !== listOf(asked.founders)) {
    throw new SynodError(
      'wrong-cluster',
      `${directory} was first used ${purposeOf(founders)}, and this server was started ${purposeOf(asked.founders)}: ` +
        `ask for what was asked first, or start all these servers on empty directories`,
    )
  }
}

function purposeOf(founders: readonly ServerId[]): string {
  return founders.length === 0 ? 'to join a cluster' : `to found a cluster of the servers ${listOf(founders)}`
}

function listOf(servers: readonly ServerId[]): string {
  return [...servers].sort((a, b) => a - b).join(', ')
}

/** Readable, and always the same text for the same identity. */
function formatIdentity(identity: Identity): string {
  const content = { format: FORMAT, ...contentOf(identity) }
  return JSON.stringify({ ...content, crc32: checksum(content) }, null, 2) + '\n'
}

/** The fields, in the order in which they are written. */
function contentOf({
  acceptor,
  addresses,
  cluster,
  clusterId,
  founders,
  parameters: { leaseMs, mode, quorums, window },
  peers,
  server,
}: Identity): Identity {
  const parameters = { mode, quorums, leaseMs, window }
  return { cluster, clusterId, parameters, founders, server, acceptor, peers, addresses }
}

function parseIdentity(text: string): Identity {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw new IdentityFault('damaged', 'the identity file is not JSON', { cause: error })
  }
  if (!isObject(json)) throw new IdentityFault('damaged', 'the identity file holds no object')
  const { crc32: expected, ...content } = json as { crc32?: unknown; format?: unknown }
  if (expected !== checksum(content)) {
    throw new IdentityFault('damaged', 'the checksum of the identity file is wrong')
  }
  if (content.format !== FORMAT) {
    throw new IdentityFault(
      'unsupported',
      `the identity has format version ${JSON.stringify(content.format)}, and this version of Synod reads ${FORMAT}`,
    )
  }
  if (!isIdentity(content)) {
    throw new IdentityFault('damaged', 'the identity file lacks fields, or has wrong ones')
  }
  return contentOf(content)
}

function checksum(content: unknown): number {
  return crc32(JSON.stringify(content))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isServerId(value: unknown): value is ServerId {
  return Number.isSafeInteger(value) && (value as number) >= 1
}

function areFounders(value: unknown, server: ServerId): value is ServerId[] {
  if (!Array.isArray(value) || !value.every(isServerId)) return false
  return value.length === 0 || (value.includes(server) && new Set(value).size === value.length)
}

function areAddresses(value: unknown): value is Addresses {
  if (!isObject(value)) return false
  return Object.entries(value).every(
    ([server, address]) =>
      isServerId(Number(server)) &&
      typeof address === 'string' &&
      address !== '' &&
      Buffer.byteLength(address) <= MAX_ADDRESS_BYTES,
  )
}

function isAcceptorId(value: unknown): value is AcceptorId {
  return typeof value === 'string' && /^[0-9a-f]{32}$/.test(value)
}

function isPeers(value: unknown): value is PeerAcceptors {
  if (!isObject(value)) return false
  return Object.entries(value).every(
    ([server, acceptor]) => isServerId(Number(server)) && isAcceptorId(acceptor),
  )
}
