import type { AnyMachine } from '../machine/machine.js'
import { errorText } from '../machine/contract.js'
import { MAX_VERSION } from '../cluster/versions.js'
import { SynodError } from '../errors.js'
import type { Disk } from '../storage/disk.js'
import { nodeDisk } from '../storage/node-disk.js'
import { Executor } from '../machine/executor.js'
import type { Machine } from '../machine/machine.js'
import type { Slot } from '../paxos/ballot.js'
import type { Mode } from '../paxos/config.js'
import { Membership, foundingMembership } from '../paxos/membership.js'
import { readHeader, readParts } from '../snapshots/read-snapshot.js'
import { type SnapshotHeader, SnapshotFault } from '../snapshots/format.js'

/** What a file with a snapshot holds. */
export interface SnapshotInfo {
  /** The name of the cluster, and its id. */
  readonly cluster: string
  readonly clusterId: string
  readonly mode: Mode
  /** It holds the state after every slot up to this one. */
  readonly slot: Slot
  /** Of the last command, in milliseconds since 1970; 0 if there was none. */
  readonly timeMs: number
  readonly sizeBytes: number
  readonly sessions: number
  /** The servers of the cluster at that slot. */
  readonly members: readonly number[]
}

export interface SnapshotInfoOptions<M extends AnyMachine> {
  /** Takes the state in, which shows that it can; afterwards it can be asked. */
  readonly machine?: M
  /** For tests: the disk to use. */
  readonly disk?: Disk
}

/**
 * Reads a file that a snapshot was saved to, and checks every checksum in it. Rejects with
 * `snapshot-failed` where it is damaged, not whole, or no snapshot, and with `restore-failed` where
 * the state machine does not take it in.
 */
export async function readSnapshotInfo<M extends AnyMachine>(
  file: string,
  { disk = nodeDisk, machine }: SnapshotInfoOptions<M> = {},
): Promise<SnapshotInfo> {
  const { executor, header } = await readSavedState(disk, file, machine ?? blindMachine)
  return {
    cluster: header.cluster,
    clusterId: header.clusterId ?? '',
    mode: header.parameters.mode,
    slot: header.slot,
    timeMs: executor.timeMs,
    sizeBytes: await disk.size(file),
    sessions: executor.sessions,
    members: executor.membership.members.map(({ server }) => server),
  }
}

/** The state that a file holds. Rejects with `snapshot-failed` and `restore-failed`. */
export async function readSavedState<M extends AnyMachine>(
  disk: Disk,
  file: string,
  machine: M,
): Promise<{ readonly executor: Executor<M>; readonly header: SnapshotHeader }> {
  try {
    const header = await readHeader(disk, file)
    const executor = new Executor(machine, new Membership(foundingMembership([]), header.parameters.window))
    // What is damaged must not get to the state machine, and must not be taken for its fault.
    const parts = readParts(disk, file)
    while ((await parts.next()).done !== true);
    await restoreFrom(executor, disk, file)
    if (executor.executed !== header.slot)
      throw new SnapshotFault(`its state is of slot ${executor.executed}, not of slot ${header.slot}`)
    return { executor, header }
  } catch (error) {
    if (error instanceof SynodError) throw error
    throw new SynodError('snapshot-failed', `${file} cannot be used: ${errorText(error)}`, { cause: error })
  }
}

/** Rejects with `restore-failed` and `wrong-version`. */
export async function restoreFrom<M extends AnyMachine>(
  executor: Executor<M>,
  disk: Disk,
  file: string,
): Promise<void> {
  try {
    await executor.restore(readParts(disk, file))
  } catch (error) {
    if (error instanceof SynodError && error.code === 'wrong-version') throw error
    const what = `the snapshot ${file} could not be restored: ${errorText(error)}`
    throw new SynodError('restore-failed', what, { cause: error })
  }
}

/** Looks at no chunk. */
const blindMachine: Machine<never, never, never, never> = {
  version: MAX_VERSION,
  apply: refuse,
  query: refuse,
  snapshot: () => [],
  restore: async (chunks) => {
    for await (const chunk of chunks) if (chunk.length === 0) refuse()
  },
}

function refuse(): never {
  throw new TypeError('this state machine has no state')
}
