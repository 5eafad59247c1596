import { SynodError } from 'synod'
import { CliError } from './cli-error.js'
import { defined } from './defined.js'
import { printable } from './printable.js'
import { writeStream } from './standard-streams.js'

/**
 * Prints an error to stderr: `error: <message> (<code>)`, or with `json` as a document. An error
 * without a code is a fault of the program, and is printed with its stack.
 */
export function reportError(error: unknown, json: boolean): void {
  const { code, message } = describe(error)
  if (json) {
    const details = detailsOf(error)
    writeStream('stderr', `${JSON.stringify({ error: { code, message, ...details } })}\n`)
    return
  }
  writeStream('stderr', `error: ${printable(message)} (${code})\n`)
  if (code === 'internal' && error instanceof Error) writeStream('stderr', `${error.stack ?? ''}\n`)
}

/** Fields of the document besides code and message. */
function detailsOf(error: unknown): Readonly<Record<string, unknown>> {
  if (error instanceof CliError) return error.details
  if (!(error instanceof SynodError)) return {}
  const { mayHaveExecuted, retryAfterMs, retryable } = error
  return defined({ mayHaveExecuted, retryable, retryAfterMs })
}

function describe(error: unknown): { readonly code: string; readonly message: string } {
  if (!(error instanceof Error)) return { code: 'internal', message: String(error) }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'internal'
  return { code, message: error.message }
}
