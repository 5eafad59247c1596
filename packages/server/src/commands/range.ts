import type { Command } from 'commander'
import type { KvPair } from '../kv/operations.js'
import { DEFAULT_RANGE_LIMIT, MAX_RANGE_LIMIT } from '../kv/limits.js'
import {
  type ConnectionOptions,
  type FreshnessOptions,
  addClusterOptions,
  addFreshnessOptions,
  finish,
} from '../terminal/common-options.js'
import {
  decodeArgument,
  encodeBytes,
  encodeText,
  keyDocument,
  keyText,
  shownKey,
  valueDocument,
} from '../terminal/encoding.js'
import { type EncodingOptions, addEncodingOption } from '../terminal/operands.js'
import { printJson } from '../terminal/output.js'
import { printable } from '../terminal/printable.js'
import { integerFrom } from '../terminal/parsers.js'
import { withClient } from './with-client.js'

interface RangeOptions extends ConnectionOptions, EncodingOptions, FreshnessOptions {
  readonly limit: number
  readonly after: string
  readonly keysOnly?: boolean
}

/** Adds `synod range`. */
export function addRange(program: Command): void {
  const range = program
    .command('range')
    .description('List the keys that begin with a prefix, in order, with their values: at most 1 MiB.')
    .argument('<prefix>', 'what the keys begin with; "" for all')
    .option('--limit <n>', 'the most keys to list', integerFrom(1, MAX_RANGE_LIMIT), DEFAULT_RANGE_LIMIT)
    .option('--after <key>', 'only keys that come after this one', '')
    .option('--keys-only', 'without the values')
    .action(run)
  finish(addClusterOptions(addFreshnessOptions(addEncodingOption(range))), [
    'range users/',
    'range "" --keys-only --limit 20',
    'range users/ --after users/42',
    'range users/ --stale',
    'range "" --encoding base64',
  ])
}

async function run(prefixText: string, options: RangeOptions): Promise<void> {
  const { atLeast, encoding, keysOnly = false, limit, stale } = options
  const prefix = keyText(decodeArgument(prefixText, encoding, 'prefix'), 'prefix')
  const after = keyText(decodeArgument(options.after, encoding, 'key after --after'), 'key after --after')
  const { more, pairs, slot } = await withClient(options, async (client) => {
    const found = await client.range(prefix, { after, atLeast, keysOnly, limit, stale })
    return { ...found, slot: client.seen }
  })
  if (options.json === true) {
    const documents = pairs.map(({ key, value }) => ({
      ...keyDocument(key, encoding),
      ...(keysOnly ? {} : valueDocument(value, encoding)),
    }))
    printJson({ pairs: documents, more, slot })
    return
  }
  for (const pair of pairs) writePair(pair, options)
  const last = pairs.at(-1)
  // To stderr: on stdout it would look like a key.
  if (more && last !== undefined)
    process.stderr.write(
      `more keys come after ${printable(shownKey(last.key, encoding))}: --after shows them\n`,
    )
}

function writePair({ key, value }: KvPair, { encoding, keysOnly = false }: RangeOptions): void {
  process.stdout.write(encodeText(key, encoding))
  if (!keysOnly) {
    process.stdout.write('\t')
    process.stdout.write(encodeBytes(value, encoding))
  }
  process.stdout.write('\n')
}
