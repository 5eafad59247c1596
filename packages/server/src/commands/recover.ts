import type { AnyMachine } from 'synod'
import type { Command } from 'commander'
import { type RecoveredCluster, type RecoveryPlan, type RecoveryProgress, recoverCluster } from 'synod'
import { finish } from '../terminal/common-options.js'
import { confirm } from '../terminal/confirm.js'
import { defined } from '../terminal/defined.js'
import { liveLine } from '../terminal/live-line.js'
import { newClusterText } from '../reports/new-cluster-text.js'
import { type OutputOptions, print } from '../terminal/output.js'
import { MAX_SERVER_ID, integerFrom } from '../terminal/parsers.js'
import { recoveryReport } from '../reports/recovery-report.js'
import { writeStream } from '../terminal/standard-streams.js'
import type { ServedStore } from './served-store.js'

interface RecoverOptions extends OutputOptions {
  readonly from: readonly string[]
  readonly dataDir: string
  readonly id: number
  readonly address: string
  readonly force?: boolean
  readonly yes?: boolean
}

/** Adds `synod recover`, which makes a cluster of this store. */
export function addRecover<M extends AnyMachine>(program: Command, store: ServedStore<M>): void {
  const recover = program
    .command('recover')
    .description(
      'Make a new cluster of one server from the remaining data directories of a cluster that lost a majority for good. ' +
        'It only reads these directories. The new cluster refuses members and clients of the old one.',
    )
    .requiredOption(
      '--from <dir>',
      'a data directory of the old cluster; again for each one that is left',
      (directory: string, before: readonly string[] | undefined) => [...(before ?? []), directory],
    )
    .requiredOption('--data-dir <dir>', 'the data directory of the new server: empty or absent')
    .requiredOption('--id <n>', 'the new server', integerFrom(1, MAX_SERVER_ID))
    .requiredOption('--address <host:port>', 'where the new server will listen for its peers')
    .option('--force', 'even if a process answers at the address of an old member')
    .option('--yes', 'do not ask')
    .action((options: RecoverOptions) => run(options, store))
  finish(recover, [
    'recover --from /var/lib/synod --data-dir /var/lib/synod-new --id 1 --address 10.0.0.3:2380',
    'recover --from s2 --from s3 --data-dir new --id 1 --address 10.0.0.3:2380 --yes',
  ])
}

async function run<M extends AnyMachine>(options: RecoverOptions, store: ServedStore<M>): Promise<void> {
  const { address, dataDir, force, from, id, json = false, yes = false } = options
  let progress: RecoveryProgress | undefined
  const showProgress = () => liveLine(options, () => `${progress?.step ?? 'reading'} ${progress?.upTo ?? ''}`)
  let endLine = showProgress()
  let recovered: RecoveredCluster
  try {
    recovered = await recoverCluster({
      from,
      dataDir,
      id,
      address,
      machine: store.machine(),
      ...defined({ force }),
      onProgress: (now) => {
        progress = now
      },
      confirm: async (plan: RecoveryPlan) => {
        endLine()
        if (!json) writeStream('stderr', `${recoveryReport(plan)}\n`)
        const goesOn = yes || (await confirm(`Write the new cluster to ${dataDir}?`))
        endLine = showProgress()
        return goesOn
      },
    })
  } finally {
    endLine()
  }
  print(options, newClusterText(recovered, address), { event: 'recovered', ...recovered })
}
