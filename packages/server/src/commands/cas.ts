import type { Command } from 'commander'
import { CliError } from '../terminal/cli-error.js'
import { addClusterOptions, finish } from '../terminal/common-options.js'
import { keyDocument, shownKey, valueDocument } from '../terminal/encoding.js'
import { print } from '../terminal/output.js'
import { type ValueOptions, addValueOptions, readKeyAnd, valueOperand, withArgs } from './key-operands.js'
import { withClient } from './with-client.js'

interface CasOptions extends ValueOptions {
  readonly absent?: boolean
  readonly expectedFile?: string
}

/** Adds `synod cas`. */
export function addCas(program: Command): void {
  const cas = program
    .command('cas')
    .description(
      'Compare and swap: set a key only if it has the expected value, or with --absent only if it does not exist.',
    )
    .usage('[options] <key> <expected> <value>\n       synod cas [options] --absent <key> <value>')
    .argument('[key]')
    .argument('[expected]', 'the expected value; not with --absent')
    .argument('[value]', 'the new value, or - to read it from stdin')
    .option('--absent', 'the key must not exist')
    .option('--expected-file <file>', 'read the expected value from a file, or with - from stdin')
    .action(withArgs(run))
  finish(addClusterOptions(addValueOptions(cas)), [
    'cas door open closed',
    'cas --absent lock "held by me"',
    'cas photo --expected-file old.jpg --value-file new.jpg',
  ])
}

async function run(args: readonly string[], options: CasOptions): Promise<void> {
  const { absent = false, encoding, expectedFile } = options
  if (absent && expectedFile !== undefined)
    throw new CliError('usage', '--absent and --expected-file exclude each other')
  const value = valueOperand(options)
  const expected = { name: 'expected', file: expectedFile }
  const [key, ...values] = await readKeyAnd(absent ? [value] : [expected, value], args, options)
  const { actual, swapped } = await withClient(options, (client) =>
    client.cas(key, absent ? null : (values[0] ?? null), values.at(-1) ?? Buffer.alloc(0)),
  )
  const document = {
    ...keyDocument(key, encoding),
    swapped,
    actual: actual === null ? null : valueDocument(actual, encoding),
  }
  if (!swapped)
    throw new CliError('cas-mismatch', mismatch(shownKey(key, encoding), actual, absent), document)
  print(options, 'swapped', document)
}

function mismatch(key: string, actual: Uint8Array | null, absent: boolean): string {
  if (absent) return `the key ${key} exists`
  return actual === null ? `there is no key ${key}` : `${key} does not have the expected value`
}
