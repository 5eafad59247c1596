import { Reader } from '../bytes/reader.js'
import { Writer } from '../bytes/writer.js'
import { type Agreed, readAgreed, writeAgreed } from '../cluster/versions.js'
import type { Slot } from '../paxos/ballot.js'
import type { MembershipState } from '../paxos/membership.js'
import { encodeMembership, readMembership } from './change-codec.js'

/** What a snapshot holds besides the sessions and the state of the machine: its first part. */
export interface SnapshotMeta {
  readonly agreed: Agreed
  readonly executed: Slot
  readonly timeMs: number
  readonly digest: number
  readonly membership: MembershipState
}

export function encodeMeta({ agreed, digest, executed, membership, timeMs }: SnapshotMeta): Uint8Array {
  const writer = new Writer(64)
  writeAgreed(writer, agreed)
  writer.varint(executed)
  writer.f64(timeMs)
  writer.u32(digest)
  encodeMembership(writer, membership)
  return writer.take()
}

/** Calls `check` with the versions first: what follows them may have another format. */
export function decodeMeta(bytes: Uint8Array, check: (agreed: Agreed) => void): SnapshotMeta {
  const reader = new Reader(bytes)
  const agreed = readAgreed(reader)
  check(agreed)
  const [executed, timeMs, digest] = [reader.varint(), reader.f64(), reader.u32()]
  const membership = readMembership(reader)
  reader.end()
  return { agreed, executed, timeMs, digest, membership }
}
