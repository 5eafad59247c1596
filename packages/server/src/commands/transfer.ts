import type { Command } from 'commander'
import { connect } from 'synod'
import {
  type ConnectionOptions,
  addClusterOptions,
  connectOptions,
  finish,
} from '../terminal/common-options.js'
import { defined } from '../terminal/defined.js'
import { print } from '../terminal/output.js'
import { parseServerId } from '../terminal/parsers.js'

interface TransferOptions extends ConnectionOptions {
  readonly to?: number
}

/** Adds `synod transfer`. */
export function addTransfer(program: Command): void {
  const transfer = program
    .command('transfer')
    .description(
      'Transfer the leadership to another replica. Nothing is lost; clients wait for some milliseconds.',
    )
    .option('--to <server>', 'the server, such as s2 (default: the one that keeps up best)', parseServerId)
    .action(run)
  finish(addClusterOptions(transfer), ['transfer', 'transfer --to s2'])
}

async function run(options: TransferOptions): Promise<void> {
  const client = connect(connectOptions(options))
  try {
    await client.transferLeadership(defined({ to: options.to }))
  } finally {
    await client.close()
  }
  const { to } = options
  print(
    options,
    to === undefined ? 'another replica leads' : `s${to} leads`,
    defined({ event: 'transferred', to }),
  )
}
