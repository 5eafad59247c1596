import { SynodError } from '../errors.js'
import type { Disk } from '../storage/disk.js'
import { type Identity, IdentityFault, loadIdentity } from '../journal/identity.js'
import { journalFailed } from '../journal/journal.js'
import { checkQuarantine } from '../snapshots/quarantine.js'
import { type FoundSnapshots, findSnapshot } from '../snapshots/snapshot-store.js'

/** A data directory of the old cluster, taken for reading. */
export interface Source {
  readonly directory: string
  readonly identity: Identity
  readonly snapshots: FoundSnapshots
  /** Lets go of the directory. */
  readonly release: () => Promise<void>
}

/**
 * Takes the data directories of one cluster, and finds out what is in them; nothing in them is
 * changed. Rejects with `directory-in-use`, `invalid-options`, `wrong-cluster`, `journal-damaged`,
 * `diverged` and `journal-failed`.
 */
export async function openSources(disk: Disk, directories: readonly string[]): Promise<Source[]> {
  const sources: Source[] = []
  try {
    for (const directory of directories) {
      const source = await openSource(disk, directory)
      sources.push(source)
      checkSame(sources[0] ?? source, source)
    }
    return sources
  } catch (error) {
    await closeSources(sources)
    throw error
  }
}

export async function closeSources(sources: readonly Source[]): Promise<void> {
  for (const { release } of sources) await release()
}

async function openSource(disk: Disk, directory: string): Promise<Source> {
  let release = () => Promise.resolve()
  try {
    release = await lock(disk, directory)
    const identity = await identityIn(disk, directory)
    await checkQuarantine(disk, directory)
    return { directory, identity, snapshots: await findSnapshot(disk, directory, identity), release }
  } catch (error) {
    await release()
    if (error instanceof SynodError) throw error
    throw journalFailed(`${directory} could not be read`, error)
  }
}

/** Where nothing can be written, nothing can be running either. */
async function lock(disk: Disk, directory: string): Promise<() => Promise<void>> {
  try {
    return await disk.lock(directory)
  } catch (error) {
    if ((error as { code?: unknown }).code === 'EROFS') return () => Promise.resolve()
    throw error
  }
}

/** Throws `journal-damaged` and `invalid-options`. */
export async function identityIn(disk: Disk, directory: string): Promise<Identity> {
  let identity: Identity | null
  try {
    identity = await loadIdentity(disk, directory)
  } catch (error) {
    if (!(error instanceof IdentityFault)) throw error
    throw new SynodError(
      'journal-damaged',
      `${directory} cannot be used: ${error.message}; leave it as it is`,
    )
  }
  if (identity === null)
    throw new SynodError('invalid-options', `${directory} is no data directory of a server`)
  if (identity.clusterId === null)
    throw new SynodError(
      'invalid-options',
      `the cluster of ${directory} has never formed: nothing can be in it`,
    )
  return identity
}

/** Throws `wrong-cluster` for directories of two clusters. */
function checkSame(first: Source, other: Source): void {
  const [one, two] = [first, other].map(
    ({ directory, identity: { cluster, clusterId } }) =>
      `${directory} belongs to cluster '${cluster}' (${clusterId ?? ''})`,
  )
  if (first.identity.clusterId === other.identity.clusterId) return
  throw new SynodError('wrong-cluster', `${one ?? ''}, and ${two ?? ''}: give directories of one cluster`)
}
