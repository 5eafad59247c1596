import type { Command } from 'commander'
import { rebuildReplica } from 'synod'
import { finish } from '../terminal/common-options.js'
import { type OutputOptions, print } from '../terminal/output.js'

/** Adds `synod rebuild`. */
export function addRebuild(program: Command): void {
  const rebuild = program
    .command('rebuild')
    .description(
      'Delete the state of a replica that diverged, or whose snapshot is damaged. ' +
        'Its promises and votes stay; the state comes from its log, or from a peer. No replica may use the directory.',
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
