import { open } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { SynodError } from 'synod'
import { CliError } from './cli-error.js'
import { plural } from './output.js'
import { ENCODINGS, type Encoding, decodeArgument } from './encoding.js'

/** The most bytes of a key, a value or a command. */
const MAX_INPUT_BYTES = 1 << 20

/** The name of stdin, as an argument and as a file. */
const STDIN = '-'

export interface EncodingOptions {
  readonly encoding: Encoding
}

/** An input of a command: an argument, or the content of the file that an option names. */
export interface Operand {
  readonly name: string
  /** The file that replaces the argument. */
  readonly file?: string | undefined
  /** Whether the argument may be `-` for stdin. */
  readonly stdin?: boolean
}

/** Adds `--encoding`. */
export function addEncodingOption(command: Command): Command {
  return command.addOption(
    new Option('--encoding <encoding>', 'how keys and values are written in arguments, and printed')
      .choices(ENCODINGS)
      .default('utf8'),
  )
}

/**
 * The bytes of each operand, in order. Operands without a file take one argument each. The encoding
 * is that of arguments: the bytes of a file or of stdin are taken unchanged.
 *
 * Rejects with `usage`, `too-large`, or the error of the system for a file.
 */
export async function readOperands(
  operands: readonly Operand[],
  args: readonly string[],
  encoding: Encoding,
): Promise<Buffer[]> {
  const taken = operands.filter(({ file }) => file === undefined)
  const missing = taken[args.length]
  if (missing !== undefined) throw new CliError('usage', `missing required argument '${missing.name}'`)
  if (args.length > taken.length)
    throw new CliError('usage', `expected ${plural(taken.length, 'argument')} here, not ${args.length}`)
  const sources = operands.map((operand) => {
    const text = args[taken.indexOf(operand)] ?? ''
    const file = operand.file ?? (operand.stdin === true && text === STDIN ? STDIN : undefined)
    return { ...operand, text, file }
  })
  if (sources.filter(({ file }) => file === STDIN).length > 1)
    throw new CliError('usage', 'only one of key and values can come from stdin')
  const found: Buffer[] = []
  for (const { file, name, text } of sources) {
    found.push(file === undefined ? decodeArgument(text, encoding, name) : await readInput(file))
  }
  return found
}

/** All bytes of a file or of stdin. Rejects with `too-large`. */
async function readInput(path: string): Promise<Buffer> {
  if (path === STDIN) return gather(process.stdin, 'stdin')
  const file = await open(path)
  return gather(file.createReadStream(), path)
}

async function gather(chunks: AsyncIterable<Buffer>, where: string): Promise<Buffer> {
  const parts: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of chunks) {
    sizeBytes += chunk.length
    if (sizeBytes > MAX_INPUT_BYTES)
      throw new SynodError('too-large', `${where} has more than ${MAX_INPUT_BYTES} bytes: nothing was sent`)
    parts.push(chunk)
  }
  return Buffer.concat(parts)
}
