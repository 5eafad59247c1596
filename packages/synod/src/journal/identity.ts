import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { ACCEPTOR_BYTES } from '../bytes/acceptor.js'
import { SynodError } from '../errors.js'
import type { ServerId } from '../paxos/ballot.js'
import type { Mode } from '../paxos/config.js'
import type { Quorums } from '../paxos/quorum.js'
import type { Disk } from './disk.js'
import type { Space } from './no-space.js'
import { replaceFile } from './replace-file.js'

const FILE = 'identity'
const FORMAT = 1

const MAX_CLUSTER_BYTES = 255

/**
 * Names what remembers the promises and votes of a server: 32 hex digits, drawn when its data directory is
 * first used. A server that lost its directory comes back with another one, and so cannot pass for itself.
 */
export type AcceptorId = string

export interface IdentityOptions {
  readonly cluster: string
  readonly mode: Mode
  /** Majorities unless given. */
  readonly quorums?: Quorums
  /** How long leases last, where there are any. */
  readonly lease_ms?: number
  /** The server has come to a cluster that was there already. */
  readonly joined?: true
  readonly server: ServerId
}

/** Who a data directory belongs to. */
export interface Identity extends IdentityOptions {
  readonly acceptor: AcceptorId
  /**
   * The acceptor of every server that founded the cluster, this one included; null until the cluster has formed. Of a server that joined: its
   * own alone.
   */
  readonly peers: Peers | null
}

export type Peers = Readonly<Record<ServerId, AcceptorId>>

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
  return { ...options, acceptor, peers: null }
}

/** Replaces the identity of a directory; after a crash it is the old or the new one, never part of one. */
export async function saveIdentity(
  disk: Disk,
  directory: string,
  identity: Identity,
  space?: Space,
): Promise<void> {
  await replaceFile(disk, directory, FILE, Buffer.from(formatIdentity(identity)), space)
}

/** The identity of a directory; null when it has none. Rejects with an IdentityFault when it is unsound. */
export async function loadIdentity(disk: Disk, directory: string): Promise<Identity | null> {
  const names = await disk.list(directory)
  if (!names.includes(FILE)) return null
  const bytes = await disk.read(join(directory, FILE))
  return parseIdentity(bytes.toString())
}

export function isIdentity(value: object): value is Identity {
  const { cluster, mode, quorums, lease_ms, joined, server, acceptor, peers } = value as Record<
    string,
    unknown
  >
  if (typeof cluster !== 'string' || !isMode(mode) || !isServerId(server) || !isAcceptorId(acceptor))
    return false
  if (quorums !== undefined && !isQuorums(quorums)) return false
  if (lease_ms !== undefined && !Number.isSafeInteger(lease_ms)) return false
  if (joined !== undefined && joined !== true) return false
  return peers === null || (isPeers(peers) && peers[server] === acceptor)
}

/** Throws `wrong-cluster`, `wrong-mode` or `wrong-acceptor` when the directory is not the one asked for. */
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
  if (found.mode !== asked.mode) {
    throw new SynodError(
      'wrong-mode',
      `${directory} belongs to a cluster in ${found.mode} mode, and ${asked.mode} mode was asked for: ` +
        `the mode of a cluster is chosen once, so ask for ${found.mode} mode`,
    )
  }
  const [before, now] = [found, asked].map(({ quorums }) => describeQuorums(quorums))
  if (before !== now) {
    throw new SynodError(
      'wrong-cluster',
      `${directory} belongs to a cluster with ${before}, and ${now} were asked for: ` +
        `the quorums of a cluster are chosen once, so ask for ${before}`,
    )
  }
  if (found.lease_ms !== asked.lease_ms) {
    const [before, now] = [found, asked].map(({ lease_ms }) => describeLease(lease_ms))
    throw new SynodError(
      'wrong-cluster',
      `${directory} belongs to a cluster with ${before}, and ${now} was asked for: ` +
        `the lease of a cluster is chosen once, so ask for ${before}`,
    )
  }
}

/** In the words of a message to people. */
export function describeQuorums(quorums: Quorums | undefined): string {
  return quorums === undefined ? 'majorities' : `quorums of ${quorums.phase1} and ${quorums.phase2} servers`
}

/** In the words of a message to people. */
export function describeLease(lease_ms = 0): string {
  return lease_ms === 0 ? 'no lease' : `a lease of ${lease_ms} ms`
}

/** Readable, and always the same text for the same identity. */
function formatIdentity({
  acceptor,
  cluster,
  joined,
  lease_ms,
  mode,
  peers,
  quorums,
  server,
}: Identity): string {
  const content = { format: FORMAT, cluster, mode, quorums, lease_ms, joined, server, acceptor, peers }
  return JSON.stringify({ ...content, crc32: checksum(content) }, null, 2) + '\n'
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
      `the identity file has format ${JSON.stringify(content.format)}, and this version reads ${FORMAT}`,
    )
  }
  if (!isIdentity(content)) {
    throw new IdentityFault('damaged', 'the identity file lacks fields, or has wrong ones')
  }
  const { cluster, mode, quorums, lease_ms, joined, server, acceptor, peers } = content
  return {
    cluster,
    mode,
    ...(quorums === undefined ? {} : { quorums }),
    ...(lease_ms === undefined ? {} : { lease_ms }),
    ...(joined === undefined ? {} : { joined }),
    server,
    acceptor,
    peers,
  }
}

function checksum(content: unknown): number {
  return crc32(JSON.stringify(content))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isMode(value: unknown): value is Mode {
  return value === 'leader' || value === 'leaderless'
}

function isQuorums(value: unknown): value is Quorums {
  return isObject(value) && Number.isSafeInteger(value.phase1) && Number.isSafeInteger(value.phase2)
}

function isServerId(value: unknown): value is ServerId {
  return Number.isSafeInteger(value) && (value as number) >= 1
}

function isAcceptorId(value: unknown): value is AcceptorId {
  return typeof value === 'string' && /^[0-9a-f]{32}$/.test(value)
}

function isPeers(value: unknown): value is Peers {
  if (!isObject(value)) return false
  return Object.entries(value).every(
    ([server, acceptor]) => isServerId(Number(server)) && isAcceptorId(acceptor),
  )
}
