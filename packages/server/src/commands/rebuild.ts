import type { Command } from 'commander'
import { rebuildReplica } from 'synod'
import { finish } from '../terminal/common-options.js'
import { type OutputOptions, print } from '../terminal/output.js'

/** Adds `synod rebuild`. */
export function addRebuild(program: Command): void {
  const rebuild = program
    .command('rebuild')
    .description(
      'Throw away the state in a data directory, whose replica came to another one than the others, or has a bad snapshot. ' +
        'What it promised and voted stays; the state comes from its log, or from a peer. No replica may use the directory.',
    )
    .argument('<dir>', 'the data directory of one replica')
    .action(run)
  finish(rebuild, ['rebuild /var/lib/synod'])
}

async function run(directory: string, options: OutputOptions): Promise<void> {
  const quarantined = await rebuildReplica(directory)
  const what = quarantined ? 'the replica may start again' : 'it was not marked as diverged'
  print(options, `the state in ${directory} is gone; ${what}`, { event: 'rebuilt', directory, quarantined })
}
