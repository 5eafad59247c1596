import { nodeDisk } from '../journal/node-disk.js'
import { rebuild } from '../snapshots/fence.js'

/**
 * Throws away the state in a data directory, and the mark that it is wrong; promises and votes stay. Resolves with whether it was
 * marked. Rejects with `directory-in-use`, or the error of the system where there is no such directory.
 */
export function rebuildReplica(dataDir: string): Promise<boolean> {
  return rebuild(nodeDisk, dataDir)
}
