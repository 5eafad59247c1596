import { buffer } from 'node:stream/consumers'
import { Argument, type Command } from 'commander'
import { CliError } from './cli-error.js'
import {
  type ClusterOptions,
  type FreshnessOptions,
  addClusterOptions,
  addFreshnessOptions,
  finish,
} from './common-options.js'
import { print, printJson, valueDocument } from './output.js'
import { parseAmount } from './parsers.js'
import { withClient } from './with-client.js'

/** Adds the commands that are about one key. */
export function addKeyCommands(program: Command): void {
  const put = program
    .command('put')
    .description('Set a key to a value.')
    .argument('<key>', 'text of 1 to 1024 bytes')
    .argument('<value>', 'the value, or - to read it from stdin; put -- before one that begins with -')
    .action(runPut)
  finish(addClusterOptions(put), ['put hello world', 'put photo - < photo.jpg', 'put -- note "-5 degrees"'])

  const get = program
    .command('get')
    .description('Print the value of a key, as it is; on a terminal with a line end. Fails if there is none.')
    .argument('<key>')
    .action(runGet)
  finish(addClusterOptions(addFreshnessOptions(get)), [
    'get hello',
    'get photo > photo.jpg',
    'get hello --json',
    'get hello --stale',
  ])

  const del = program.command('del').description('Delete a key.').argument('<key>').action(runDelete)
  finish(addClusterOptions(del), ['del hello'])

  const cas = program
    .command('cas')
    .description('Compare and swap: set a key only if it has the expected value, or with --absent none.')
    .usage('[options] <key> <expected> <value>\n       synod cas [options] --absent <key> <value>')
    .argument('<key>')
    .argument(
      '<values...>',
      'the expected value, unless --absent, and the new one, or - to read it from stdin',
    )
    .option('--absent', 'the key must not exist')
    .action(runCas)
  finish(addClusterOptions(cas), ['cas door open closed', 'cas --absent lock "held by me"'])

  const incr = program
    .command('incr')
    .description('Add to the decimal integer that the value is, or to 0 if there is none; print the sum.')
    .argument('<key>')
    .addArgument(new Argument('[by]', 'how much to add').argParser(parseAmount).default(1n, '1'))
    .action(runIncrement)
  finish(addClusterOptions(incr), ['incr visits', 'incr visits 10', 'incr stock -3'])
}

async function runPut(key: string, text: string, options: ClusterOptions): Promise<void> {
  const value = await readValue(text)
  const existed = await withClient(options, (client) => client.put(key, value))
  print(options, existed ? 'replaced' : 'created', { key, existed })
}

async function runGet(key: string, options: ClusterOptions & FreshnessOptions): Promise<void> {
  const { atLeast, stale } = options
  const { slot, value } = await withClient(options, async (client) => {
    const found = await client.get(key, { atLeast, stale })
    return { value: found, slot: client.seen }
  })
  if (value === null) throw new CliError('not-found', `there is no key '${key}'`, { key })
  if (options.json === true) {
    printJson({ key, ...valueDocument(value), slot })
  } else {
    process.stdout.write(value)
    if (process.stdout.isTTY) process.stdout.write('\n')
  }
}

async function runDelete(key: string, options: ClusterOptions): Promise<void> {
  const existed = await withClient(options, (client) => client.delete(key))
  print(options, existed ? 'deleted' : 'there was no such key', { key, existed })
}

interface CasOptions extends ClusterOptions {
  readonly absent?: boolean
}

async function runCas(
  key: string,
  values: readonly string[],
  options: CasOptions,
  command: Command,
): Promise<void> {
  const { absent = false } = options
  const expected = absent ? null : values[0]
  const text = values[absent ? 0 : 1]
  if (expected === undefined || text === undefined || values.length > (absent ? 1 : 2)) {
    command.error('give a key, the expected value and the new one; with --absent, a key and the new value')
  }
  const value = await readValue(text)
  const { actual, swapped } = await withClient(options, (client) => client.cas(key, expected, value))
  const document = { key, swapped, actual: actual === null ? null : valueDocument(actual) }
  if (!swapped) throw new CliError('cas-mismatch', mismatch(key, actual, absent), document)
  print(options, 'swapped', document)
}

function mismatch(key: string, actual: Uint8Array | null, absent: boolean): string {
  if (absent) return `the key '${key}' exists`
  return actual === null ? `there is no key '${key}'` : `'${key}' does not have the expected value`
}

async function runIncrement(key: string, by: bigint, options: ClusterOptions): Promise<void> {
  const result = await withClient(options, (client) => client.increment(key, by))
  if (!result.done) {
    const what =
      result.reason === 'out-of-range' ? 'the sum has too many digits' : 'its value is not an integer'
    throw new CliError('increment-refused', `'${key}' cannot be incremented: ${what}`, {
      key,
      reason: result.reason,
    })
  }
  // As text: it may be more than a number in JSON holds exactly.
  print(options, result.value.toString(), { key, value: result.value.toString() })
}

async function readValue(text: string): Promise<Uint8Array> {
  return text === '-' ? buffer(process.stdin) : Buffer.from(text)
}
