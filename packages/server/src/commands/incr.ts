import type { Command } from 'commander'
import { parseInteger } from '../kv/integer.js'
import { CliError } from '../terminal/cli-error.js'
import { addClusterOptions, finish } from '../terminal/common-options.js'
import { keyDocument, shownKey } from '../terminal/encoding.js'
import { plural, print } from '../terminal/output.js'
import { type KeyOptions, addKeyOptions, readKeyAnd, withArgs } from './key-operands.js'
import { withClient } from './with-client.js'

/** Adds `synod incr`. */
export function addIncr(program: Command): void {
  const incr = program
    .command('incr')
    .description(
      'Add a number to the value of a key, a decimal integer, and print the sum. A key that does not exist counts as 0.',
    )
    .usage('[options] <key> [by]')
    .argument('[key]')
    .argument('[by]', 'how much to add (default: 1)')
    .action(withArgs(run))
  finish(addClusterOptions(addKeyOptions(incr)), ['incr visits', 'incr visits 10', 'incr stock -3'])
}

async function run(args: readonly string[], options: KeyOptions): Promise<void> {
  const { encoding, keyFile } = options
  const keys = keyFile === undefined ? 1 : 0
  const [key] = await readKeyAnd([], args.slice(0, keys), options)
  const by = amountOf(args.slice(keys))
  const result = await withClient(options, (client) => client.increment(key, by))
  if (!result.done) {
    const what =
      result.reason === 'out-of-range' ? 'the sum has too many digits' : 'its value is not an integer'
    throw new CliError('increment-refused', `${shownKey(key, encoding)} cannot be incremented: ${what}`, {
      ...keyDocument(key, encoding),
      reason: result.reason,
    })
  }
  // As text: a number in JSON may not hold it exactly.
  const value = result.value.toString()
  print(options, value, { ...keyDocument(key, encoding), value })
}

/**
 * By how much to increment: 1, or an integer of any size that the store can count with. Throws
 * `usage`.
 */
export function amountOf([by = '1', ...more]: readonly string[]): bigint {
  if (more.length > 0) throw new CliError('usage', `${plural(more.length, 'argument')} too many`)
  const amount = parseInteger(by)
  if (amount === null) throw new CliError('usage', "argument 'by' is invalid: it must be a decimal integer")
  return amount
}
