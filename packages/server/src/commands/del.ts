import type { Command } from 'commander'
import { addClusterOptions, finish } from '../terminal/common-options.js'
import { keyDocument } from '../terminal/encoding.js'
import { print } from '../terminal/output.js'
import { type KeyOptions, addKeyOptions, readKeyAnd, withArgs } from './key-operands.js'
import { withClient } from './with-client.js'

/** Adds `synod del`. */
export function addDel(program: Command): void {
  const del = program
    .command('del')
    .description('Delete a key.')
    .usage('[options] <key>')
    .argument('[key]')
    .action(withArgs(run))
  finish(addClusterOptions(addKeyOptions(del)), ['del hello'])
}

async function run(args: readonly string[], options: KeyOptions): Promise<void> {
  const [key] = await readKeyAnd([], args, options)
  const existed = await withClient(options, (client) => client.delete(key))
  print(options, existed ? 'deleted' : 'there was no such key', {
    ...keyDocument(key, options.encoding),
    existed,
  })
}
