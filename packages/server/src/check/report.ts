import { formatCount, formatDuration } from '../terminal/amounts.js'
import type { End, Findings, SearchProgress } from './findings.js'

const ENDS: Readonly<Record<End, string>> = {
  exhausted: 'every state was visited',
  walked: 'every walk is over',
  reached: 'every goal was reached',
  violation: 'violation',
  unreached: 'not reached',
  unproven: 'states may have been left out',
  interrupted: 'interrupted before all was done',
}

/** How far a search is, on one line. */
export function searchProgressText(progress: SearchProgress, elapsedMs: number): string {
  const { depth, states } = progress
  const count = `${formatCount(states)} states in ${formatDuration(elapsedMs)}`
  return [count, `depth ${formatCount(depth)}`, restText(progress), rateText(states, elapsedMs)].join(', ')
}

/** The results of a search as text. `what` describes the search. */
export function findingsText(what: string, findings: Findings, elapsedMs: number): string {
  const { goals, progress, steps } = findings
  const { depth, states, transitions } = progress
  const lines = [
    ['searched', what],
    ['states', `${formatCount(states)}, ${formatCount(transitions)} steps between them`],
    ['depth', `${formatCount(depth)}, ${restText(progress)}`],
    ['time', `${formatDuration(elapsedMs)}: ${rateText(states, elapsedMs)}`],
    ['seen', goals.join(', ') || 'none of the goals'],
    ['end', endText(findings)],
  ] as const
  const width = String(steps.length).length
  const way = steps.map((step, index) => `  ${String(index + 1).padStart(width)}. ${step}`)
  return [
    ...lines.map(([name, text]) => `${name.padEnd(10)}${text}`),
    ...(way.length === 0 ? [] : ['', `The way there, in ${formatCount(steps.length)} steps:`, ...way]),
  ].join('\n')
}

/** Why a search ended, in words. */
export function endText({ detail, end }: Pick<Findings, 'detail' | 'end'>): string {
  return detail === undefined ? ENDS[end] : `${ENDS[end]}: ${detail}`
}

function restText(progress: SearchProgress): string {
  return 'frontier' in progress
    ? `${formatCount(progress.frontier)} left to visit`
    : `${formatCount(progress.walks)} walks`
}

function rateText(states: number, elapsedMs: number): string {
  return `${formatCount((states * 1000) / elapsedMs)} states/s`
}
