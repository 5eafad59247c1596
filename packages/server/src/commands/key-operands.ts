import type { Command } from 'commander'
import type { ConnectionOptions } from '../terminal/common-options.js'
import { keyText } from '../terminal/encoding.js'
import { type EncodingOptions, type Operand, addEncodingOption, readOperands } from '../terminal/operands.js'

export interface KeyOptions extends ConnectionOptions, EncodingOptions {
  readonly keyFile?: string
}

export interface ValueOptions extends KeyOptions {
  readonly valueFile?: string
}

/** Adds what a command about one key takes. */
export function addKeyOptions(command: Command): Command {
  return addEncodingOption(command).option(
    '--key-file <file>',
    'read the key from a file, or with - from stdin: all its bytes, a final line end included',
  )
}

/** Adds what a command takes that sets a key to a value. */
export function addValueOptions(command: Command): Command {
  return addKeyOptions(command).option(
    '--value-file <file>',
    'read the value from a file, or with - from stdin',
  )
}

/** Runs a command with its arguments as they came: which is which depends on the options. */
export function withArgs(
  run: (args: readonly string[], options: never) => Promise<void>,
): (...parts: unknown[]) => Promise<void> {
  return async (...parts) => {
    const command = parts.at(-1) as Command
    await run(command.args, command.opts<never>())
  }
}

/** The value that `put` and `cas` set: an argument, a file or stdin. */
export function valueOperand({ valueFile }: ValueOptions): Operand {
  return { name: 'value', file: valueFile, stdin: true }
}

/** The key of a command, and then its values. Rejects as `readOperands` does. */
export async function readKeyAnd(
  values: readonly Operand[],
  args: readonly string[],
  { encoding, keyFile }: KeyOptions,
): Promise<[string, ...Buffer[]]> {
  const [key, ...rest] = await readOperands([{ name: 'key', file: keyFile }, ...values], args, encoding)
  return [keyText(key ?? Buffer.alloc(0), 'key'), ...rest]
}
