import { createHash } from 'node:crypto'
import type { Reader } from '../bytes/reader.js'
import type { Writer } from '../bytes/writer.js'
import type { ServerId } from '../paxos/ballot.js'

const CLUSTER_ID_BYTES = 16

/** What a cluster is, under any name: 32 hexadecimal digits in lower case. */
export type ClusterId = string

/**
 * The id of the cluster that these acceptors found: each founder comes to the same one by itself.
 */
export function clusterIdOf(acceptors: Readonly<Record<ServerId, string>>): ClusterId {
  const founders = Object.keys(acceptors)
    .map(Number)
    .sort((a, b) => a - b)
    .map((server) => `${server}=${acceptors[server] ?? ''}`)
  const digest = createHash('sha256')
    .update(`synod cluster ${founders.join(' ')}`)
    .digest('hex')
  return digest.slice(0, 2 * CLUSTER_ID_BYTES)
}

/** The id of a cluster that is made of what another one left. */
export function drawClusterId(randomBytes: (size: number) => Uint8Array): ClusterId {
  return Buffer.from(randomBytes(CLUSTER_ID_BYTES)).toString('hex')
}

export function isClusterId(value: unknown): value is ClusterId {
  return typeof value === 'string' && /^[0-9a-f]{32}$/.test(value)
}

/** `null` stands for a cluster that has not formed, or that a server has yet to join. */
export function writeClusterId(writer: Writer, id: ClusterId | null): void {
  writer.boolean(id !== null)
  if (id === null) return
  if (!isClusterId(id)) throw new RangeError('not the id of a cluster')
  writer.raw(Buffer.from(id, 'hex'))
}

/** @throws MalformedError */
export function readClusterId(reader: Reader): ClusterId | null {
  return reader.boolean() ? reader.raw(CLUSTER_ID_BYTES).toString('hex') : null
}
