import { open } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { SynodError } from 'synod'
import { CliError } from './cli-error.js'
import { plural } from './output.js'
import { ENCODINGS, type Encoding, decodeArgument } from './encoding.js'

/** No key, value or command is larger. */
const MAX_INPUT_BYTES = 1 << 20

/** Both an argument and a file may name stdin by this. */
const STDIN = '-'

export interface EncodingOptions {
  readonly encoding: Encoding
}

/** What a command takes: as an argument, or from the file that an option names. */
export interface Operand {
  readonly name: string
  /** The file that takes the place of the argument. */
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
 * The bytes of each operand, in order. Those that have no file take the arguments, one each. A file or stdin gives its bytes as
 * they are, whatever the encoding of the arguments.
 *
 * Rejects with `usage`, `too-large`, or what the system says of a file.
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

/** All of a file, or of stdin, unless that is more than can be of use. */
async function readInput(path: string): Promise<Buffer> {
  if (path === STDIN) return gather(process.stdin, 'stdin')
  const file = await open(path)
  return gather(file.createReadStream(), path)
}

async function gather(chunks: AsyncIterable<Buffer>, where: string): Promise<Buffer> {
  const parts: Buffer[] = []
  let size_bytes = 0
  for await (const chunk of chunks) {
    size_bytes += chunk.length
    if (size_bytes > MAX_INPUT_BYTES)
      throw new SynodError('too-large', `${where} has more than ${MAX_INPUT_BYTES} bytes: nothing was sent`)
    parts.push(chunk)
  }
  return Buffer.concat(parts)
}
