import { join } from 'node:path'
import { SynodError } from '../errors.js'
import type { Disk } from '../storage/disk.js'
import { nodeDisk } from '../storage/node-disk.js'
import { rebuild } from '../snapshots/quarantine.js'
import { findSnapshot, snapshotName } from '../snapshots/snapshot-store.js'
import { readSnapshotInfo } from './snapshot-info.js'
import { identityIn } from './sources.js'

/**
 * Removes the state in a data directory, and the mark that it is wrong; promises and votes stay.
 * Resolves with whether it was marked.
 *
 * @throws SynodError `directory-in-use`; `invalid-options` where no other member has the state or
 * the directory is not that of a server; `journal-damaged`; or the error of the system where there
 * is no such directory
 */
export async function rebuildReplica(dataDir: string, disk: Disk = nodeDisk): Promise<boolean> {
  const release = await disk.lock(dataDir)
  try {
    await requireOtherCopy(disk, dataDir)
    return await rebuild(disk, dataDir)
  } finally {
    await release()
  }
}

/** A server that joined has other members beside it, even if its directory names none. */
async function requireOtherCopy(disk: Disk, directory: string): Promise<void> {
  const identity = await identityIn(disk, directory)
  const { newest } = await findSnapshot(disk, directory, identity)
  const known =
    newest === undefined
      ? undefined
      : await readSnapshotInfo(join(directory, snapshotName(newest.slot)), { disk })
  const members = known?.members ?? identity.founders
  if (members.length === 0 || members.some((server) => server !== identity.server)) return
  throw new SynodError(
    'invalid-options',
    `s${identity.server} is the only member of its cluster, and ${directory} has the only copy of its state: ` +
      `restore a backup, or make a new cluster of it with synod recover`,
  )
}
