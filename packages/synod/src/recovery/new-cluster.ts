import type { AnyMachine } from '../machine/machine.js'
import { type ClusterId, drawClusterId } from '../cluster/cluster-id.js'
import type { ClusterParameters } from '../cluster/parameters.js'
import { SynodError } from '../errors.js'
import type { Disk } from '../storage/disk.js'
import { GroupWriter, groupMarker } from '../journal/group.js'
import { type Identity, type PeerAcceptors, newIdentity, saveIdentity } from '../journal/identity.js'
import { journalFailed } from '../journal/journal.js'
import { FAIL_WHEN_FULL } from '../storage/no-space.js'
import { PADDING } from '../journal/padding.js'
import { NO_RESERVE, SegmentWriter } from '../journal/segment-writer.js'
import type { Executor, ExecutorSnapshot } from '../machine/executor.js'
import type { Ballot, ServerId, Slot } from '../paxos/ballot.js'
import { type MembershipState, foundingMembership } from '../paxos/membership.js'
import { SnapshotStore } from '../snapshots/snapshot-store.js'
import type { SnapshotFilePart } from '../snapshots/format.js'

/**
 * How far the log and the ballots of a new cluster begin above the last that is known of the old
 * one: servers that are lost, and all that came after a backup, may have gone further.
 */
export const MARGIN_SLOTS = 2 ** 30
export const MARGIN_BALLOTS = 2 ** 24

const SEGMENT_SIZE_BYTES = 64 << 20

/** Of a server of a cluster that has formed. */
type FormedIdentity = Identity & { readonly clusterId: ClusterId; readonly peers: PeerAcceptors }

/** A new cluster of one server, and the state that it begins with. */
export interface NewCluster {
  readonly disk: Disk
  readonly directory: string
  /**
   * The name of the cluster, and what its servers agree on; but for the quorums, which are
   * majorities from now on.
   */
  readonly cluster: string
  readonly parameters: ClusterParameters
  readonly server: ServerId
  /** Where this server listens for joining servers. */
  readonly address: string
  /** The last slot of the old cluster, as far as it is known, and its highest ballot. */
  readonly last: Slot
  readonly highest: Ballot
  readonly randomBytes: (size: number) => Uint8Array
  /** Is told how many bytes of the state have been written. */
  readonly onWritten?: ((sizeBytes: number) => void) | undefined
}

/**
 * The slot and the ballot that a new cluster begins above. Throws `journal-damaged` where there is
 * none.
 */
export function beginOf({ last, highest }: Pick<NewCluster, 'last' | 'highest'>): {
  readonly slot: Slot
  readonly ballot: Ballot
} {
  const slot = last + MARGIN_SLOTS
  const ballot = { seq: highest.seq + MARGIN_BALLOTS, server: 0 }
  if (Number.isSafeInteger(slot) && Number.isSafeInteger(ballot.seq)) return { slot, ballot }
  throw new SynodError(
    'journal-damaged',
    `no slot or ballot is left above slot ${last} and ballot ${highest.seq}: the directories are damaged`,
  )
}

/** Throws `invalid-options` unless the directory is empty or absent. */
export async function requireEmpty(disk: Disk, directory: string): Promise<void> {
  const names = await disk.list(directory).catch((error: unknown) => {
    const { code } = error as { readonly code?: unknown }
    if (code === 'ENOENT') return []
    if (code === 'ENOTDIR')
      throw new SynodError('invalid-options', `${directory} is a file: give a directory`)
    throw error
  })
  if (names.every((name) => /^lock(\.|$)/.test(name))) return
  throw new SynodError(
    'invalid-options',
    `${directory} is not empty: give a directory that is empty or absent`,
  )
}

/**
 * Writes a data directory that a server can start on. The identity comes last: a directory with a
 * segment and no identity is refused. Nothing else may use the executor.
 *
 * @throws SynodError `directory-in-use`, `invalid-options` or `journal-failed`
 */
export async function writeCluster<M extends AnyMachine>(
  executor: Executor<M>,
  cluster: NewCluster,
): Promise<FormedIdentity> {
  const { directory, disk } = cluster
  try {
    await disk.makeDirectory(directory)
    const release = await disk.lock(directory)
    try {
      await requireEmpty(disk, directory)
      return await write(executor, cluster)
    } finally {
      await release()
    }
  } catch (error) {
    if (error instanceof SynodError) throw error
    throw journalFailed(`the new directory ${directory} could not be written`, error)
  }
}

async function write<M extends AnyMachine>(
  executor: Executor<M>,
  cluster: NewCluster,
): Promise<FormedIdentity> {
  const { address, directory, disk, onWritten } = cluster
  const { slot, ballot } = beginOf(cluster)
  const identity = drawIdentity(cluster)
  executor.skip(slot)
  executor.moveTo(membershipOf(identity, address, slot))
  await writeJournal(disk, directory, identity, slot, ballot)
  const snapshot = executor.snapshot()
  if (snapshot === undefined) throw new TypeError('the state machine has no snapshots')
  const store = await SnapshotStore.open(disk, directory, identity)
  await store.write(slot, counted(snapshot, onWritten), undefined, ballot)
  await saveIdentity(disk, directory, identity)
  return identity
}

/** Another cluster than any before, and another acceptor: old members and clients are refused. */
function drawIdentity({ address, cluster, parameters, randomBytes, server }: NewCluster): FormedIdentity {
  const alone = { founders: [server], server, addresses: { [server]: address } }
  const drawn = newIdentity({ cluster, parameters: { ...parameters, quorums: null }, ...alone }, randomBytes)
  return { ...drawn, clusterId: drawClusterId(randomBytes), peers: { [server]: drawn.acceptor } }
}

/** It votes alone, at once; the log of the old cluster has no say in who else does. */
function membershipOf({ peers, server }: FormedIdentity, address: string, slot: Slot): MembershipState {
  const founding = foundingMembership([server], undefined, peers)
  return { ...founding, slot, members: founding.members.map((member) => ({ ...member, address })) }
}

/**
 * One record: all slots up to here are in the snapshot, and no ballot up to this one may be used.
 */
async function writeJournal(
  disk: Disk,
  directory: string,
  identity: Identity,
  slot: Slot,
  ballot: Ballot,
): Promise<void> {
  const group = new GroupWriter(groupMarker(identity.acceptor))
  group.add({ type: 'trim', slot, promised: ballot, voted: ballot })
  const shared = { disk, directory, identity, reserve: NO_RESERVE, space: FAIL_WHEN_FULL, padding: PADDING }
  const options = { ...shared, segmentSizeBytes: SEGMENT_SIZE_BYTES, now: () => 0 }
  const segments = await SegmentWriter.create(options)
  try {
    await segments.write(group.seal(segments.nextSequence), slot + 1)
  } finally {
    await segments.close()
  }
}

function* counted(
  { parts }: ExecutorSnapshot,
  onWritten: NewCluster['onWritten'],
): Generator<SnapshotFilePart, void, undefined> {
  let sizeBytes = 0
  for (const part of parts) {
    sizeBytes += part.bytes.length
    yield part
    onWritten?.(sizeBytes)
  }
}
