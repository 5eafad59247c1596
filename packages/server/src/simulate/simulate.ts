import type { Plan } from 'synod-testing'
import { CliError } from '../terminal/cli-error.js'
import { liveLine } from '../terminal/live-line.js'
import { type OutputOptions, printJson } from '../terminal/output.js'
import { stopRequest } from '../terminal/stop-request.js'
import { writeLines } from '../terminal/write-lines.js'
import {
  faultsText,
  seriesProgressText,
  summaryDocument,
  summaryText,
  violationDocument,
  violationError,
  violationText,
} from './report.js'
import type { Run, Runner } from './runner.js'
import { type SeriesFailure, type SeriesOptions, runSeries } from './series.js'
import { Tally } from './tally.js'
import { WorkerRunner } from './worker-runner.js'

export interface SimulateCommandOptions extends Omit<SeriesOptions, 'traced'> {
  /** How many threads share the runs. */
  readonly jobs: number
  /** The file for the trace of the only run. */
  readonly trace?: string
}

/**
 * Runs a series of simulations until one finds something, all are done, or it is asked to stop, and
 * reports. Rejects with `violation` or `interrupted`.
 */
export async function runSimulate(options: SimulateCommandOptions, output: OutputOptions): Promise<void> {
  const runners = Array.from({ length: options.jobs }, () => new WorkerRunner())
  try {
    await simulateWith(runners, options, output, stopRequest())
  } finally {
    await Promise.all(runners.map((runner) => runner.close()))
  }
}

/** Does the same with the runners of the caller, until `stop` resolves. */
export async function simulateWith(
  runners: readonly Runner[],
  options: SimulateCommandOptions,
  output: OutputOptions,
  stop: Promise<void>,
): Promise<void> {
  const { trace } = options
  const interruption = new AbortController()
  const stopped = stop.then(() => {
    interruption.abort()
  })
  const tally = new Tally({ ...options, traced: trace !== undefined })
  const hide = liveLine(output, () => seriesProgressText(tally))
  let last: Run | undefined
  const series = runSeries(
    tally.series,
    runners,
    (run) => {
      tally.add((last = run))
    },
    interruption.signal,
  )
  const failure = (await Promise.race([series, stopped]).finally(hide)) ?? undefined
  const { elapsedMs } = tally
  if (trace !== undefined && last !== undefined) await writeLines(trace, last.trace ?? [])
  const write = (text: string) => {
    if (output.json !== true) process.stdout.write(`${text}\n`)
  }
  write(summaryText(tally, elapsedMs))
  const found = failure && (await explain(failure, options, output, stopped, write))
  if (output.json === true) printJson({ ...summaryDocument(tally, elapsedMs), violation: found ?? null })
  if (interruption.signal.aborted) throw new CliError('interrupted', 'interrupted before all was done')
  if (failure !== undefined) throw violationError(failure.run)
}

/** Reports a violation and the faults that it needs. Returns the same as a document. */
async function explain(
  { run, runner }: SeriesFailure,
  { servers, trace }: SimulateCommandOptions,
  output: OutputOptions,
  stopped: Promise<void>,
  write: (text: string) => void,
): Promise<object> {
  const command = replayCommand(run.plan, servers)
  write(`\n${violationText(run, command)}`)
  if (trace !== undefined) {
    write(`${faultsText(run.plan)}\nIts trace is in ${trace}.`)
    return violationDocument(run, command, trace)
  }
  let progress = 'shrinking'
  const hide = liveLine(output, () => progress)
  const shrinking = runner.shrink(run, (attempt, faults) => {
    progress = `shrinking: attempt ${attempt}, with ${faults} of ${run.plan.faults.length} faults`
  })
  const smallest = await Promise.race([shrinking, stopped]).finally(hide)
  if (smallest === undefined) return violationDocument(run, command, null)
  const { mode, seed } = run.plan
  const file = `synod-trace-${mode}-${seed}.ndjson`
  await writeLines(file, smallest.trace ?? [])
  write(
    `${faultsText(smallest.plan)}\nIts trace is in ${file}. To run it again:\n  synod simulate --replay ${file}`,
  )
  return violationDocument(smallest, command, file)
}

function replayCommand({ mode, seed }: Plan, servers: number | undefined): string {
  const size = servers === undefined ? '' : ` --servers ${servers}`
  return `synod simulate --mode ${mode} --seed ${seed} --seeds 1${size}`
}
