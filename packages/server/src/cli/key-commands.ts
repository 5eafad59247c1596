import { type Command, InvalidArgumentError } from 'commander'
import type { KvClient } from '../kv/client.js'
import { CliError } from './cli-error.js'
import {
  type ClusterOptions,
  type FreshnessOptions,
  addClusterOptions,
  addFreshnessOptions,
  finish,
} from './common-options.js'
import { encodeBytes, keyDocument, keyText, shownKey, valueDocument } from './encoding.js'
import { type EncodingOptions, type Operand, addEncodingOption, readOperands } from './operands.js'
import { print, printJson } from './output.js'
import { parseAmount } from './parsers.js'
import { withClient } from './with-client.js'

interface KeyOptions extends ClusterOptions, EncodingOptions {
  readonly keyFile?: string
}

interface ValueOptions extends KeyOptions {
  readonly valueFile?: string
}

/** Adds the commands that are about one key. */
export function addKeyCommands(program: Command): void {
  const put = program
    .command('put')
    .description('Set a key to a value.')
    .usage('[options] <key> <value>')
    .argument('[key]', 'text of 1 to 1024 bytes')
    .argument('[value]', 'any bytes, or - to read them from stdin; put -- before one that begins with -')
    .action(withArgs(runPut))
  finish(addClusterOptions(addValueOptions(addKeyOptions(put))), [
    'put hello world',
    'put photo --value-file photo.jpg',
    'put photo - < photo.jpg',
    'put --encoding hex 6b6579 00ff',
    'put -- note "-5 degrees"',
  ])

  const get = program
    .command('get')
    .description('Print the value of a key, as it is; on a terminal with a line end. Fails if there is none.')
    .usage('[options] <key>')
    .argument('[key]')
    .action(withArgs(runGet))
  finish(addClusterOptions(addFreshnessOptions(addKeyOptions(get))), [
    'get hello',
    'get photo > photo.jpg',
    'get 6b6579 --encoding hex',
    'get hello --json',
    'get hello --stale',
  ])

  const del = program
    .command('del')
    .description('Delete a key.')
    .usage('[options] <key>')
    .argument('[key]')
    .action(withArgs(runDelete))
  finish(addClusterOptions(addKeyOptions(del)), ['del hello'])

  const cas = program
    .command('cas')
    .description('Compare and swap: set a key only if it has the expected value, or with --absent none.')
    .usage('[options] <key> <expected> <value>\n       synod cas [options] --absent <key> <value>')
    .argument('[key]')
    .argument('[expected]', 'the expected value; not with --absent')
    .argument('[value]', 'the new value, or - to read it from stdin')
    .option('--absent', 'the key must not exist')
    .option('--expected-file <file>', 'read the expected value from a file, or with - from stdin')
    .action(withArgs(runCas))
  finish(addClusterOptions(addValueOptions(addKeyOptions(cas))), [
    'cas door open closed',
    'cas --absent lock "held by me"',
    'cas photo --expected-file old.jpg --value-file new.jpg',
  ])

  const incr = program
    .command('incr')
    .description('Add to the decimal integer that the value is, or to 0 if there is none; print the sum.')
    .usage('[options] <key> [by]')
    .argument('[key]')
    .argument('[by]', 'how much to add (default: 1)')
    .action(withArgs(runIncrement))
  finish(addClusterOptions(addKeyOptions(incr)), ['incr visits', 'incr visits 10', 'incr stock -3'])
}

/** Runs a command with its arguments as they came: which is which depends on the options. */
function withArgs(
  run: (args: readonly string[], options: never) => Promise<void>,
): (...parts: unknown[]) => Promise<void> {
  return async (...parts) => {
    const command = parts.at(-1) as Command
    await run(command.args, command.opts<never>())
  }
}

function addKeyOptions(command: Command): Command {
  return addEncodingOption(command).option(
    '--key-file <file>',
    'read the key from a file, or with - from stdin: all its bytes, a line end too',
  )
}

function addValueOptions(command: Command): Command {
  return command.option('--value-file <file>', 'read the value from a file, or with - from stdin')
}

/** The key, and then the values of a command. */
async function readKeyAnd(
  values: readonly Operand[],
  args: readonly string[],
  { encoding, keyFile }: KeyOptions,
): Promise<[string, ...Buffer[]]> {
  const [key, ...rest] = await readOperands([{ name: 'key', file: keyFile }, ...values], args, encoding)
  return [keyText(key ?? Buffer.alloc(0), 'key'), ...rest]
}

async function runPut(args: readonly string[], options: ValueOptions): Promise<void> {
  const { encoding, valueFile } = options
  const operand = { name: 'value', file: valueFile, stdin: true }
  const [key, value = Buffer.alloc(0)] = await readKeyAnd([operand], args, options)
  const existed = await withClient(options, (client) => client.put(key, value))
  print(options, existed ? 'replaced' : 'created', { ...keyDocument(key, encoding), existed })
}

async function runGet(args: readonly string[], options: KeyOptions & FreshnessOptions): Promise<void> {
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

async function runDelete(args: readonly string[], options: KeyOptions): Promise<void> {
  const [key] = await readKeyAnd([], args, options)
  const existed = await withClient(options, (client) => client.delete(key))
  print(options, existed ? 'deleted' : 'there was no such key', {
    ...keyDocument(key, options.encoding),
    existed,
  })
}

interface CasOptions extends ValueOptions {
  readonly absent?: boolean
  readonly expectedFile?: string
}

async function runCas(args: readonly string[], options: CasOptions): Promise<void> {
  const { absent = false, encoding, expectedFile, valueFile } = options
  if (absent && expectedFile !== undefined)
    throw new CliError('usage', '--absent and --expected-file exclude each other')
  const value = { name: 'value', file: valueFile, stdin: true }
  const expected = { name: 'expected', file: expectedFile }
  const [key, ...values] = await readKeyAnd(absent ? [value] : [expected, value], args, options)
  const result = await withClient(options, (client) => casOf(client, key, values, absent))
  const { actual, swapped } = result
  const document = {
    ...keyDocument(key, encoding),
    swapped,
    actual: actual === null ? null : valueDocument(actual, encoding),
  }
  if (!swapped)
    throw new CliError('cas-mismatch', mismatch(shownKey(key, encoding), actual, absent), document)
  print(options, 'swapped', document)
}

function casOf(client: KvClient, key: string, values: readonly Buffer[], absent: boolean) {
  const value = values.at(-1) ?? Buffer.alloc(0)
  return client.cas(key, absent ? null : (values[0] ?? null), value)
}

function mismatch(key: string, actual: Uint8Array | null, absent: boolean): string {
  if (absent) return `the key ${key} exists`
  return actual === null ? `there is no key ${key}` : `${key} does not have the expected value`
}

async function runIncrement(args: readonly string[], options: KeyOptions): Promise<void> {
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
  // As text: it may be more than a number in JSON holds exactly.
  const value = result.value.toString()
  print(options, value, { ...keyDocument(key, encoding), value })
}

function amountOf([by = '1', ...more]: readonly string[]): bigint {
  if (more.length > 0) throw new CliError('usage', `${more.length} arguments too many`)
  try {
    return parseAmount(by)
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error
    throw new CliError('usage', `argument 'by' is invalid: ${error.message}`)
  }
}
