import { setImmediate as turn } from 'node:timers/promises'
import { CliError } from '../terminal/cli-error.js'
import { defined } from '../terminal/defined.js'
import { liveLine } from '../terminal/live-line.js'
import { type OutputOptions, print } from '../terminal/output.js'
import { stopRequest } from '../terminal/stop-request.js'
import { writeLines } from '../terminal/write-lines.js'
import { type Findings, NO_PATH, type RunningSearch, type SearchProgress, isFailure } from './findings.js'
import { endText, findingsText, searchProgressText } from './report.js'
import { type SearchOptions, describeConfiguration, search } from './search.js'

export interface CheckCommandOptions extends SearchOptions {
  /** The file for the trace of a way. */
  readonly trace?: string
}

/** Searches as the options say, and reports. Rejects as `checkWith` does. */
export async function runCheck(
  { trace, ...options }: CheckCommandOptions,
  output: OutputOptions,
): Promise<void> {
  const what = describeConfiguration(options.configuration)
  await checkWith(search(options), what, output, stopRequest(), trace)
}

/**
 * Runs a search to its end, and reports. `what` describes the search; the trace of a way that it
 * finds is written to `file`. Rejects with `violation`, `unreached` or `unproven`, and with
 * `interrupted` once `stop` has resolved.
 */
export async function checkWith(
  search: RunningSearch,
  what: string,
  output: OutputOptions,
  stop: Promise<void>,
  file?: string,
): Promise<void> {
  const beginMs = performance.now()
  const elapsedMs = () => performance.now() - beginMs
  let progress: SearchProgress = { states: 0, transitions: 0, depth: 0, walks: 0 }
  const hide = liveLine(output, () => searchProgressText(progress, elapsedMs()))
  const interruption = new AbortController()
  void stop.then(() => {
    interruption.abort()
  })
  const onProgress = (now: SearchProgress) => {
    progress = now
  }
  const findings =
    (await drive(search, onProgress, interruption.signal).finally(hide)) ?? interrupted(progress)
  const tookMs = elapsedMs()
  const { trace, ...rest } = findings
  const written = trace.length > 0 ? file : undefined
  if (written !== undefined) await writeLines(written, trace)
  const document = { searched: what, ...rest, ...defined({ trace: written }), elapsedMs: tookMs }
  const where = written === undefined ? '' : `\n\nIts trace is in ${written}.`
  print(output, findingsText(what, findings, tookMs) + where, document)
  if (isFailure(findings.end)) throw new CliError(findings.end, endText(findings))
}

/** Yields to the event loop between steps. Undefined if it was stopped. */
async function drive(
  search: RunningSearch,
  onProgress: (progress: SearchProgress) => void,
  signal: AbortSignal,
): Promise<Findings | undefined> {
  while (!signal.aborted) {
    const { done, value } = search.next()
    if (done === true) return value
    onProgress(value)
    await turn()
  }
  return undefined
}

function interrupted(progress: SearchProgress): Findings {
  return { end: 'interrupted', detail: undefined, progress, goals: [], ...NO_PATH }
}
