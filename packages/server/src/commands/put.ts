import type { Command } from 'commander'
import { addClusterOptions, finish } from '../terminal/common-options.js'
import { keyDocument } from '../terminal/encoding.js'
import { print } from '../terminal/output.js'
import { type ValueOptions, addValueOptions, readKeyAnd, valueOperand, withArgs } from './key-operands.js'
import { withClient } from './with-client.js'

/** Adds `synod put`. */
export function addPut(program: Command): void {
  const put = program
    .command('put')
    .description('Set a key to a value.')
    .usage('[options] <key> <value>')
    .argument('[key]', 'text of 1 to 1024 bytes')
    .argument('[value]', 'any bytes, or - to read them from stdin; put -- before a value that begins with -')
    .action(withArgs(run))
  finish(addClusterOptions(addValueOptions(put)), [
    'put hello world',
    'put photo --value-file photo.jpg',
    'put photo - < photo.jpg',
    'put --encoding hex 6b6579 00ff',
    'put -- note "-5 degrees"',
  ])
}

async function run(args: readonly string[], options: ValueOptions): Promise<void> {
  const [key, value = Buffer.alloc(0)] = await readKeyAnd([valueOperand(options)], args, options)
  const existed = await withClient(options, (client) => client.put(key, value))
  print(options, existed ? 'replaced' : 'created', { ...keyDocument(key, options.encoding), existed })
}
