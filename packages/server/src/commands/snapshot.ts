import type { AnyMachine } from 'synod'
import { Argument, type Command } from 'commander'
import { type SavedSnapshot, type SnapshotInfo, connect, readSnapshotInfo, restoreCluster } from 'synod'
import {
  type ConnectionOptions,
  addClusterOptions,
  connectOptions,
  finish,
} from '../terminal/common-options.js'
import { newClusterText } from '../reports/new-cluster-text.js'
import { liveLine } from '../terminal/live-line.js'
import { type OutputOptions, plural, print } from '../terminal/output.js'
import { MAX_SERVER_ID, integerFrom } from '../terminal/parsers.js'
import { saveFile } from './save-file.js'
import type { ServedStore } from './served-store.js'

/** The replica writes its whole state before it sends the first piece. */
const SAVE_TIMEOUT_MS = 600_000

interface SaveOptions extends ConnectionOptions {
  readonly force?: boolean
}

interface RestoreOptions extends OutputOptions {
  readonly dataDir: string
  readonly id: number
  readonly address: string
}

/** Adds `synod snapshot` with its commands, for snapshots of this store. */
export function addSnapshot<M extends AnyMachine>(program: Command, store: ServedStore<M>): void {
  const snapshot = program
    .command('snapshot')
    .description(
      'Save a snapshot of a running cluster to a file, show such a file, and make a new cluster from it.',
    )
  addSave(snapshot)
  addStatus(snapshot, store)
  addRestore(snapshot, store)
}

function addSave(snapshot: Command): void {
  const save = snapshot
    .command('save')
    .description(
      'Have a replica take a snapshot of its state, and write it to a file, completely or not at all. It needs no ' +
        'quorum; a replica that is behind gives an older state. --timeout-ms is for each piece.',
    )
    .addArgument(fileArgument())
    .option('--force', 'replace an existing file')
    .action(runSave)
  finish(addClusterOptions(save, SAVE_TIMEOUT_MS), [
    'snapshot save backup.snapshot',
    'snapshot save backup.snapshot --endpoints 10.0.0.3:2379 --force',
  ])
}

function addStatus<M extends AnyMachine>(snapshot: Command, store: ServedStore<M>): void {
  const status = snapshot
    .command('status')
    .description('Read the file of a snapshot, check all of it, and show what it holds.')
    .addArgument(fileArgument())
    .action((file: string, options: OutputOptions) => runStatus(file, options, store))
  finish(status, ['snapshot status backup.snapshot', 'snapshot status backup.snapshot --json'])
}

function addRestore<M extends AnyMachine>(snapshot: Command, store: ServedStore<M>): void {
  const restore = snapshot
    .command('restore')
    .description(
      'Make a new cluster of one server out of a saved snapshot. The new cluster refuses members and clients of the old one.',
    )
    .addArgument(fileArgument())
    .requiredOption('--data-dir <dir>', 'the data directory of the new server: empty or absent')
    .requiredOption('--id <n>', 'the new server', integerFrom(1, MAX_SERVER_ID))
    .requiredOption('--address <host:port>', 'where the new server will listen for its peers')
    .action((file: string, options: RestoreOptions) => runRestore(file, options, store))
  finish(restore, [
    'snapshot restore backup.snapshot --data-dir /var/lib/synod --id 1 --address 10.0.0.1:2380',
  ])
}

function fileArgument(): Argument {
  return new Argument('<file>', 'the file that holds the snapshot')
}

async function runSave(file: string, options: SaveOptions): Promise<void> {
  const client = connect(connectOptions(options))
  let [writtenBytes, sizeBytes] = [0, 0]
  const endLine = liveLine(options, () =>
    sizeBytes === 0 ? 'the replica takes a snapshot' : `${writtenBytes} of ${sizeBytes} bytes`,
  )
  try {
    await saveFile(file, options.force ?? false, async function* () {
      const saved: SavedSnapshot = await client.saveSnapshot({ timeoutMs: options.timeoutMs })
      sizeBytes = saved.sizeBytes
      for await (const bytes of saved) {
        yield bytes
        writtenBytes += bytes.length
      }
    })
  } finally {
    endLine()
    await client.close()
  }
  const info = await readSnapshotInfo(file)
  print(options, `saved ${file}: ${describeInfo(info)}`, { event: 'saved', file, ...info })
}

async function runStatus<M extends AnyMachine>(
  file: string,
  options: OutputOptions,
  store: ServedStore<M>,
): Promise<void> {
  const machine = store.machine()
  const info = await readSnapshotInfo(file, { machine })
  const { clusterId, members, mode, sessions } = info
  const text = [
    describeInfo(info),
    `cluster id ${clusterId}, ${mode} mode, members ${members.map((id) => `s${id}`).join(', ')}`,
    `${plural(machine.size, 'key')}, ${plural(sessions, 'session')}`,
  ]
  print(options, text.join('\n'), { file, ...info, keys: machine.size })
}

async function runRestore<M extends AnyMachine>(
  file: string,
  options: RestoreOptions,
  store: ServedStore<M>,
): Promise<void> {
  const { address, dataDir, id } = options
  let writtenBytes = 0
  const endLine = liveLine(options, () => `${writtenBytes} bytes written`)
  try {
    const restored = await restoreCluster({
      ...{ file, dataDir, id, address },
      machine: store.machine(),
      onProgress: (sizeBytes) => {
        writtenBytes = sizeBytes
      },
    })
    print(options, newClusterText(restored, address), { event: 'restored', ...restored })
  } finally {
    endLine()
  }
}

function describeInfo({ cluster, sizeBytes, slot, timeMs }: SnapshotInfo): string {
  const time = timeMs === 0 ? 'no command' : `last command ${new Date(timeMs).toISOString()}`
  return `cluster ${cluster}, slot ${slot}, ${time}, ${plural(sizeBytes, 'byte')}`
}
