import type { Command } from 'commander'
import { CliError } from '../terminal/cli-error.js'
import {
  type FreshnessOptions,
  addClusterOptions,
  addFreshnessOptions,
  finish,
} from '../terminal/common-options.js'
import { encodeBytes, keyDocument, shownKey, valueDocument } from '../terminal/encoding.js'
import { printJson } from '../terminal/output.js'
import { type KeyOptions, addKeyOptions, readKeyAnd, withArgs } from './key-operands.js'
import { withClient } from './with-client.js'

/** Adds `synod get`. */
export function addGet(program: Command): void {
  const get = program
    .command('get')
    .description(
      'Print the value of a key unchanged; on a terminal, add a line end. Fails if the key does not exist.',
    )
    .usage('[options] <key>')
    .argument('[key]')
    .action(withArgs(run))
  finish(addClusterOptions(addFreshnessOptions(addKeyOptions(get))), [
    'get hello',
    'get photo > photo.jpg',
    'get 6b6579 --encoding hex',
    'get hello --json',
    'get hello --stale',
  ])
}

async function run(args: readonly string[], options: KeyOptions & FreshnessOptions): Promise<void> {
  const { atLeast, encoding, stale } = options
  const [key] = await readKeyAnd([], args, options)
  const { slot, value } = await withClient(options, async (client) => {
    const found = await client.get(key, { atLeast, stale })
    return { value: found, slot: client.seen }
  })
  if (value === null) {
    throw new CliError('not-found', `there is no key ${shownKey(key, encoding)}`, keyDocument(key, encoding))
  }
  if (options.json === true) {
    printJson({ ...keyDocument(key, encoding), ...valueDocument(value, encoding), slot })
  } else {
    process.stdout.write(encodeBytes(value, encoding))
    if (process.stdout.isTTY || encoding !== 'utf8') process.stdout.write('\n')
  }
}
