import type { AnyMachine } from '../machine/machine.js'
import { MAX_ADDRESS_BYTES } from '../bytes/address.js'
import { checkMachine } from '../machine/contract.js'
import { parseAddress } from '../net/transport/network.js'
import {
  FUNCTION,
  type Rules,
  checkOptions,
  group,
  required,
  textOf,
  wholeFrom,
  withDefaults,
  withMethods,
} from '../options.js'
import { MAX_SERVER_ID, type ServerId, type Slot } from '../paxos/ballot.js'
import { type Host, systemHost } from '../replica/host.js'
import { beginOf, requireEmpty, writeCluster } from './new-cluster.js'
import { readSavedState } from './snapshot-info.js'

export interface RestoreOptions<M extends AnyMachine> {
  /** A file that a snapshot was saved to. */
  readonly file: string
  /** The data directory of the new server: empty or absent. */
  readonly dataDir: string
  /** The new server: 1 to 65,535. Servers that join it have higher ids. */
  readonly id: ServerId
  /** Where the new server will listen for the others, as `host:port`. */
  readonly address: string
  /**
   * The state machine, in its initial state; it must have snapshots. It is left in the state that
   * was restored.
   */
  readonly machine: M
  /** Is told how many bytes have been written. */
  readonly onProgress?: (sizeBytes: number) => void
  /** For tests: the disk and randomness to use. */
  readonly host?: Partial<Pick<Host, 'disk' | 'randomBytes'>>
}

/** Where and as whom the new cluster's first server starts. */
export interface RestoredCluster {
  readonly cluster: string
  readonly clusterId: string
  readonly mode: string
  readonly dataDir: string
  readonly id: ServerId
  readonly acceptor: string
  /** That of the snapshot, and the last one that the new cluster leaves out. */
  readonly last: Slot
  readonly slot: Slot
}

const RULES: Rules = {
  file: required(textOf(1, 4096)),
  dataDir: required(textOf(1, 4096)),
  id: required(wholeFrom(1, MAX_SERVER_ID)),
  address: required(textOf(1, MAX_ADDRESS_BYTES)),
  machine: required(withMethods('apply', 'query', 'snapshot', 'restore')),
  onProgress: FUNCTION,
  host: group({
    disk: withMethods('open', 'read', 'list', 'lock', 'rename', 'remove', 'syncDirectory'),
    randomBytes: FUNCTION,
  }),
}

/**
 * Makes a new cluster of one server out of a saved snapshot. It has the name, mode and lease of the
 * one that it was saved from, and another identity: old members and clients are refused. Servers
 * join it with `changeMembership`. (docs/operating/backup.md)
 *
 * Rejects with `snapshot-failed`, `restore-failed`, `invalid-options`, `directory-in-use`,
 * `invalid-machine` and `journal-failed`. A directory that was written in part cannot be started
 * on.
 *
 * @example
 * const [file, dataDir] = ['/backup/counter.snapshot', '/var/lib/counter']
 * await restoreCluster({ file, dataDir, id: 1, address: '10.0.0.1:2380', machine: new Counter() })
 */
export async function restoreCluster<M extends AnyMachine>(
  options: RestoreOptions<M>,
): Promise<RestoredCluster> {
  checkOptions('the options of restoreCluster', options, RULES)
  const { address, dataDir, file, id, machine, onProgress } = options
  checkMachine(machine)
  parseAddress(address)
  const { disk, randomBytes } = withDefaults<Pick<Host, 'disk' | 'randomBytes'>>(systemHost, options.host)
  await requireEmpty(disk, dataDir)
  const { executor, header } = await readSavedState(disk, file, machine)
  const { ballot: highest, cluster, parameters, slot: last } = header
  const { acceptor, clusterId } = await writeCluster(executor, {
    disk,
    directory: dataDir,
    cluster,
    parameters,
    server: id,
    address,
    last,
    highest,
    randomBytes,
    onWritten: onProgress,
  })
  const { slot } = beginOf({ last, highest })
  return { cluster, clusterId, mode: parameters.mode, dataDir, id, acceptor, last, slot }
}
