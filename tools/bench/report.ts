import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Cpu } from './cpu.js'
import type { Load, Measured, Span, System } from './system.js'

const run = promisify(execFile)
const RESULTS = fileURLToPath(new URL('../results.md', import.meta.url))

/** Which of these commands are not installed. */
export async function onPath(...commands: string[]): Promise<string[]> {
  const missing: string[] = []
  for (const command of commands) {
    await run('which', [command]).catch(() => missing.push(command))
  }
  return missing
}

/** What a system is to reach of another one, with each load. */
const TARGETS: Readonly<Record<string, readonly number[]>> = {
  'leader / floor': [0.9, 0.9, 0.75],
  'leader / etcd': [1.2, 2.4, 5.5],
  'leaderless / floor': [0.4, 0.4, 0.45],
}

export interface Results {
  readonly systems: readonly System[]
  readonly loads: readonly Load[]
  /** By the names of the system and of the load. */
  readonly runs: ReadonlyMap<string, readonly Measured[]>
  readonly failoversMs: readonly number[]
}

/**
 * Rates as medians over the rounds, and their ratios as medians of the ratios within each round;
 * then what each process spends on a write.
 */
export function tables(results: Results): string {
  const { failoversMs, loads, systems } = results
  const ratios = ratiosOf(systems)
  const rates = [
    ['connections × in flight', ...systems.map(({ name }) => `${name} /s`), ...ratios, 'leader p50, p99 ms'],
    ...loads.map((load, index) => {
      const latency = (['p50Ms', 'p99Ms'] as const).map((key) =>
        median(runsOf(results, 'leader', load).map((run) => run[key])).toFixed(1),
      )
      return [
        nameOf(load),
        ...systems.map(({ name }) => median(runsOf(results, name, load).map(({ rate }) => rate)).toFixed(0)),
        ...ratios.map((ratio) => withTarget(ratioOf(results, ratio, load), TARGETS[ratio]?.[index])),
        latency.join(', '),
      ]
    }),
  ]
  const roles = systems.flatMap(({ name }) =>
    (['leader', 'follower', 'load'] as const).map((role) => ({ name, role })),
  )
  const cpu = [
    ['CPU µs a write', ...roles.map(({ name, role }) => `${name}: ${role}`)],
    ...loads.map((load) => [
      nameOf(load),
      ...roles.map(({ name, role }) => shown(runsOf(results, name, load).map((run) => run.cpu[role]))),
    ]),
  ]
  const worst = Math.max(...failoversMs)
  const failover =
    failoversMs.length === 0
      ? ''
      : `\nLeader SIGKILL to the next acknowledged write: median ${median(failoversMs).toFixed(0)} ms, ` +
        `slowest ${worst.toFixed(0)} ms of ${failoversMs.length}.\n`
  return `${markdown(rates)}\nUser and system time; a follower is one of two.\n\n${markdown(cpu)}${failover}`
}

/** The ratios with each load, as one row of the history. */
function historyRow(results: Results, commit: string): string[] {
  const ratios = Object.keys(TARGETS).map((ratio) =>
    results.loads.map((load) => ratioOf(results, ratio, load).toFixed(2)).join(', '),
  )
  return [new Date().toISOString().slice(0, 10), commit, ...ratios, median(results.failoversMs).toFixed(0)]
}

function ratiosOf(systems: readonly System[]): string[] {
  const names = systems.map(({ name }) => name)
  const pairs = names.flatMap((above) => ['floor', 'etcd'].map((below) => [above, below]))
  return pairs
    .filter(([above = '', below = '']) => above !== below && above !== 'floor' && names.includes(below))
    .map((pair) => pair.join(' / '))
}

function ratioOf(results: Results, ratio: string, load: Load): number {
  const [above = '', below = ''] = ratio.split(' / ')
  const others = runsOf(results, below, load)
  return median(runsOf(results, above, load).map(({ rate }, round) => rate / (others[round]?.rate ?? NaN)))
}

function runsOf({ runs }: Results, system: string, load: Load): readonly Measured[] {
  return runs.get(`${system} ${nameOf(load)}`) ?? []
}

/** As 1×1: connections, and requests under way on each. */
export function nameOf({ connections, inFlight }: Load): string {
  return `${connections}×${inFlight}`
}

function withTarget(ratio: number, target: number | undefined): string {
  return target === undefined ? ratio.toFixed(2) : `${ratio.toFixed(2)} (≥ ${target})`
}

function shown(all: readonly Cpu[]): string {
  const [user, system] = (['userUs', 'systemUs'] as const).map((part) => median(all.map((cpu) => cpu[part])))
  if (user === undefined || system === undefined || Number.isNaN(user)) return '–'
  return `${user.toFixed(1)} + ${system.toFixed(1)}`
}

export function markdown([header = [], ...rows]: readonly (readonly string[])[]): string {
  return [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |\n`).join('')
}

/**
 * Keeps the last result next to the benchmark, with what it was measured on, and adds to its
 * history.
 */
export async function saveResults(results: Results, span: Span, rounds: string): Promise<void> {
  const text = `# Benchmark results

Written by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}: the last run. Three servers and their load
on one machine, puts of 256 bytes, every acknowledged write fsynced by a quorum. Each figure is the median of
${rounds} runs of ${span.seconds} s after ${span.warmUpSeconds} s, taken in turn with the other systems; each ratio is the median of the ratios
within a round. The machine is shared and its speed varies: compare ratios, not rates.

The _floor_ is the same framing, journal and group commit with no consensus, no sessions and no state machine
(tools/bench/floor-server.ts). etcd is loaded by h2load, a program in C; the others by one in Node.

${tables(results)}
Machine: ${await machine()}.
`
  const before = sections(await readFile(RESULTS, 'utf8').catch(() => ''))
  await writeFile(RESULTS, [text, ...before.slice(1)].join(MARK))
  await addToHistory(before, historyRow(results, await commit()))
}

const HISTORY = 'History'

/** One row for each run that was kept, the newest last. */
async function addToHistory(before: readonly string[], row: readonly string[]): Promise<void> {
  const rows = before.find((section) => section.startsWith(`${HISTORY}\n`))?.match(/^\| 2.*$/gm) ?? []
  const header = ['date', 'commit', ...Object.keys(TARGETS), 'failover ms']
  const loads = 'Medians of the ratios at 1×1, 64×1 and 100×10.'
  const table = markdown([header, row]).split('\n')
  const all = [...table.slice(0, 2), ...rows, ...table.slice(2)].join('\n')
  await saveSection(HISTORY, `${loads}\n\n${all}`)
}

async function commit(): Promise<string> {
  const { stdout } = await run('git', ['rev-parse', '--short', 'HEAD']).catch(() => ({ stdout: '' }))
  return stdout.trim()
}

/**
 * Puts a section of its own, with what it was measured on, in the place of the one of that name.
 */
export async function saveSection(name: string, report: string): Promise<void> {
  const text = `${name}\n\n${new Date().toISOString().slice(0, 10)}, ${await machine()}.\n\n${report}`
  const before = sections(await readFile(RESULTS, 'utf8').catch(() => ''))
  const others = before.filter((section) => !section.startsWith(`${name}\n`))
  await writeFile(
    RESULTS,
    [...others.map((section) => section.trimEnd() + '\n'), text].join(`\n${MARK.trimStart()}`),
  )
}

const MARK = '\n## '

function sections(text: string): string[] {
  return text.split(MARK)
}

async function machine(): Promise<string> {
  const [cpu] = cpus()
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  return `${cpus().length} × ${cpu?.model ?? 'unknown processor'}, ${memory}; ${await release()}; Node ${process.version}`
}

async function release(): Promise<string> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '')
  return /^PRETTY_NAME="(.*)"$/m.exec(text)?.[1] ?? process.platform
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const [low = NaN, high = NaN] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[middle]]
  return (low + high) / 2
}
