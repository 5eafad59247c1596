import { FAULT_CLASS, type FaultKind, type Plan, type Summary, describeFault } from 'synod-testing'
import { formatBar, formatCount, formatDuration } from '../terminal/amounts.js'
import { CliError } from '../terminal/cli-error.js'
import { plural } from '../terminal/output.js'
import type { FailedRun, Run } from './runner.js'
import type { Tally } from './tally.js'

const BAR_WIDTH = 20

/** The first line in which two traces differ. A line that a trace does not have is undefined. */
export interface TraceDifference {
  /** Counted from 1 on. */
  readonly line: number
  readonly before: string | undefined
  readonly now: string | undefined
}

/** How far a series is, on one line. */
export function seriesProgressText(tally: Tally): string {
  const { allRuns, done, elapsedMs, runs, summary } = tally
  const of = allRuns === Infinity ? '' : ` of ${formatCount(allRuns)}`
  const { simulatedMs } = summary
  return [
    `${formatBar(done, BAR_WIDTH)} ${formatCount(runs)}${of} runs in ${formatDuration(elapsedMs)}`,
    `${formatDuration(simulatedMs)} simulated (${timesReal(simulatedMs, elapsedMs)})`,
    `${((runs * 1000) / elapsedMs).toFixed(1)} runs/s`,
    'nothing found',
  ].join(', ')
}

/** What a series has seen, in words. `elapsedMs` is the real time that it took. */
export function summaryText({ digests, runs, series, summary }: Tally, elapsedMs: number): string {
  const { answered, executed, faults, operations, simulatedMs, slowestRecoveryMs, steps } = summary
  const lines = [
    [
      'simulated',
      `${plural(runs, 'run')} from seed ${series.seed} on, in ${series.modes.join(' and ')} mode`,
    ],
    [
      'time',
      `${formatDuration(simulatedMs)} in ${formatDuration(elapsedMs)}: ${timesReal(simulatedMs, elapsedMs)}, ` +
        `${((runs * 1000) / elapsedMs).toFixed(1)} runs/s`,
    ],
    ['steps', formatCount(steps)],
    ['operations', `${formatCount(operations)}, ${formatCount(answered)} answered`],
    ['commands', `${formatCount(executed)} executed`],
    ['recovery', `${formatDuration(slowestRecoveryMs)} at most, from the healing to the last answer`],
    ['faults', formatCount(Object.values(faults).reduce((sum, count) => sum + count, 0))],
    ...faultsByClass(faults).map(([name, text]) => [`  ${name}`, text]),
    ...Object.entries(digests).map(([mode, digest]) => ['digest', `${digest} (${mode} mode)`]),
  ] as const
  return lines.map(([name, text]) => `${name.padEnd(12)}${text}`).join('\n')
}

/** The same for programs. */
export function summaryDocument({ digests, series, summary }: Tally, elapsedMs: number): object {
  const { seeds: runs, ...totals } = summary
  return { seed: series.seed, modes: series.modes, runs, ...totals, elapsedMs, digests }
}

/** What was found, by whom, and how to see it again. */
export function violationText({ plan, violation }: FailedRun, command: string): string {
  return [
    `${violation.kind}: ${violation.message}`,
    `Found by seed ${plan.seed} in ${plan.mode} mode. To see it again:`,
    `  ${command}`,
  ].join('\n')
}

/** Which faults it takes. */
export function faultsText({ faults }: Plan): string {
  if (faults.length === 0) return 'It takes no fault.'
  return ['It takes these faults:', ...faults.map((fault) => `  ${describeFault(fault)}`)].join('\n')
}

/** Whether a run was the same as that of which the trace was kept, and what was found. */
export function replayText(run: Run, path: string, difference: TraceDifference | undefined): string {
  const { plan, trace = [], violation } = run
  const found =
    violation === undefined
      ? ['Nothing was found.']
      : [`${violation.kind}: ${violation.message}`, faultsText(plan)]
  return [sameness(trace.length, path, difference), ...found].join('\n')
}

function sameness(lines: number, path: string, difference: TraceDifference | undefined): string {
  if (difference === undefined) return `The same run: all ${formatCount(lines)} lines are as in ${path}.`
  const { before = 'nothing more', line, now = 'nothing more' } = difference
  return `Another run: line ${line} of ${path} is no longer the same.\n  there: ${before}\n  now:   ${now}`
}

/** What ends the command after a violation. */
export function violationError({ plan, violation }: FailedRun): CliError {
  return new CliError('violation', `seed ${plan.seed} in ${plan.mode} mode: ${violation.kind}`)
}

/** A violation for programs. `trace` is the file that has the trace of `run`. */
export function violationDocument(run: Run, command: string, trace: string | null): object {
  const { plan, violation } = run
  const { faults, mode, seed } = plan
  return { ...violation, seed, mode, command, faults: faults.map(describeFault), trace }
}

function timesReal(simulatedMs: number, elapsedMs: number): string {
  return `${formatCount(simulatedMs / elapsedMs)} × real time`
}

/** For each class of faults that struck, how many of each kind, the most frequent first. */
function faultsByClass(faults: Summary['faults']): [name: string, text: string][] {
  const counts = Object.entries(faults).sort(([, a], [, b]) => b - a) as [FaultKind, number][]
  return [...new Set(Object.values(FAULT_CLASS))].flatMap((name) => {
    const ofClass = counts.filter(([kind]) => FAULT_CLASS[kind] === name)
    return ofClass.length === 0
      ? []
      : [[name, ofClass.map(([kind, count]) => `${formatCount(count)} ${kind}`).join(', ')]]
  })
}
