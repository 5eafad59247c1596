import type { AnyMachine } from 'synod'
import { CommanderError } from 'commander'
import { CliError } from '../terminal/cli-error.js'
import { buildProgram } from './program.js'
import type { ServedStore } from './served-store.js'
import { requireFaithful } from '../terminal/raw-arguments.js'
import { reportError } from '../terminal/report-error.js'
import { handleStreamErrors } from '../terminal/standard-streams.js'

const FAILED = 1
const WRONG_USAGE = 2
/** The exit code that a shell gives a command that Ctrl-C ended. */
const INTERRUPTED = 130

/**
 * Runs the command with these arguments. Returns the exit code: 0, 1 for a failure, 2 for wrong
 * usage, 130 for a command that was asked to stop before its end.
 */
export async function main<M extends AnyMachine>(
  args: readonly string[],
  store: ServedStore<M>,
): Promise<number> {
  const json = wantsJson(args)
  handleStreamErrors((error) => {
    reportError(new CliError('output-failed', `the output could not be written: ${error.message}`), json)
    process.exit(1)
  })
  try {
    requireFaithful(args)
    await buildProgram(store).parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    if (!(error instanceof CommanderError)) {
      reportError(error, json)
      return exitCodeOf(error)
    }
    if (error.exitCode === 0) return 0
    // Without a command, commander has printed the help already.
    if (error.code !== 'commander.help') {
      reportError(new CliError('usage', usageMessage(error.message)), json)
    }
    return WRONG_USAGE
  }
}

function exitCodeOf(error: unknown): number {
  if (!(error instanceof CliError)) return FAILED
  return error.code === 'interrupted' ? INTERRUPTED : error.code === 'usage' ? WRONG_USAGE : FAILED
}

/** The form of all messages: one line, lower case, no full stop. */
function usageMessage(text: string): string {
  return text
    .replace(/^error: /, '')
    .replace(
      /( is invalid|')\. (.)/,
      (_, before: string, after: string) => `${before}: ${after.toLowerCase()}`,
    )
    .replaceAll('\n', ' ')
    .replace(/\.$/, '')
}

/** Usage errors occur before commander has parsed the options. */
function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return (end < 0 ? args : args.slice(0, end)).includes('--json')
}
