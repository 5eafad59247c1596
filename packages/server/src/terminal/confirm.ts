import { createInterface } from 'node:readline/promises'
import { CliError } from './cli-error.js'

/**
 * Asks on the terminal whether to go on. Resolves with true for the answer `yes`. Throws `usage`
 * where there is no terminal.
 */
export async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new CliError('usage', 'there is no terminal to ask at: read the plan above, and give --yes')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return (await terminal.question(`${question} Type yes to continue: `)).trim() === 'yes'
  } finally {
    terminal.close()
  }
}
