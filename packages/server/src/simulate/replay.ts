import { readFile } from 'node:fs/promises'
import type { Plan } from 'synod-testing'
import { CliError } from '../terminal/cli-error.js'
import { type OutputOptions, print } from '../terminal/output.js'
import { stopRequest } from '../terminal/stop-request.js'
import { type TraceDifference, replayText, violationDocument, violationError } from './report.js'
import { type Runner, hasFailed } from './runner.js'
import { WorkerRunner } from './worker-runner.js'

/**
 * Runs the plan of a trace again, and compares the traces line by line. Rejects with `not-a-trace`,
 * `violation` or `interrupted`, and with the error of the system if the file cannot be read.
 */
export async function runReplay(path: string, output: OutputOptions): Promise<void> {
  const runner = new WorkerRunner()
  try {
    await replayWith(runner, path, output, stopRequest())
  } finally {
    await runner.close()
  }
}

/** Does the same with the runner of the caller, until `stop` resolves. */
export async function replayWith(
  runner: Runner,
  path: string,
  output: OutputOptions,
  stop: Promise<void>,
): Promise<void> {
  const before = (await readFile(path, 'utf8')).trimEnd().split('\n')
  const plan = planOf(before[0] ?? '')
  if (plan === undefined)
    throw new CliError('not-a-trace', `the first line of ${path} is not that of a trace`)
  const run = await Promise.race([runner.run(plan, true), stop])
  if (run === undefined) throw new CliError('interrupted', 'interrupted')
  const difference = firstDifference(before, run.trace ?? [])
  print(output, replayText(run, path, difference), {
    same: difference === undefined,
    difference: difference ?? null,
    lines: before.length,
    violation: hasFailed(run) ? violationDocument(run, `synod simulate --replay ${path}`, path) : null,
  })
  if (hasFailed(run)) throw violationError(run)
}

/** The plan in the first line of a trace; undefined if the line holds none. */
function planOf(line: string): Plan | undefined {
  try {
    const { event, plan } = JSON.parse(line) as { readonly event?: unknown; readonly plan?: Plan }
    return event === 'plan' ? plan : undefined
  } catch {
    return undefined
  }
}

function firstDifference(before: readonly string[], now: readonly string[]): TraceDifference | undefined {
  const length = Math.max(before.length, now.length)
  for (let at = 0; at < length; at++) {
    if (before[at] !== now[at]) return { line: at + 1, before: before[at], now: now[at] }
  }
  return undefined
}
