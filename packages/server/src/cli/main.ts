import { CommanderError } from 'commander'
import { CliError } from './cli-error.js'
import { buildProgram } from './program.js'
import { requireFaithful } from './raw-arguments.js'
import { reportError } from './report-error.js'
import { handleStreamErrors } from './standard-streams.js'

const FAILED = 1
const WRONG_USAGE = 2
/** As a shell says it of what Ctrl-C has ended. */
const INTERRUPTED = 130

/**
 * Runs the command with these arguments. Returns the exit code: 0, 1 for a failure, 2 for wrong usage, 130 if it was
 * asked to stop before it had done what it was for.
 */
export async function main(args: readonly string[]): Promise<number> {
  const json = wantsJson(args)
  handleStreamErrors((error) => {
    reportError(new CliError('output-failed', `the output could not be written: ${error.message}`), json)
    process.exit(1)
  })
  try {
    requireFaithful(args)
    await buildProgram().parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    if (!(error instanceof CommanderError)) {
      reportError(error, json)
      return exitCodeOf(error)
    }
    if (error.exitCode === 0) return 0
    // Without any command, all there is to say is the help, which has been printed.
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

/** In the form that all messages have: on one line, in lower case, without a full stop. */
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

/** Usage errors come before the options are known. */
function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return (end < 0 ? args : args.slice(0, end)).includes('--json')
}
