import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Load, Measured, System } from './system.js'

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

/**
 * Rates as medians over the rounds, and their ratios as medians of the ratios within each round.
 */
export function table(
  systems: readonly System[],
  loads: readonly Load[],
  results: ReadonlyMap<string, readonly Measured[]>,
  failoversMs: readonly number[],
): string {
  const has = (name: string) => systems.some((system) => system.name === name)
  const columns = systems.map(({ name }) => `${name} /s`)
  const ratios = [
    ...(has('floor')
      ? systems.filter(({ name }) => name !== 'floor').map(({ name }) => [name, 'floor'])
      : []),
    ...(has('leader') && has('etcd') ? [['leader', 'etcd']] : []),
  ]
  const header = [
    'connections × in flight',
    ...columns,
    ...ratios.map((pair) => pair.join(' / ')),
    'leader p50, p99 ms',
  ]
  const rows = loads.map((load) => {
    const name = `${load.connections}×${load.inFlight}`
    const of = (system: string) => results.get(`${system} ${name}`) ?? []
    const rates = systems.map((system) =>
      Math.round(median(of(system.name).map(({ rate }) => rate))).toString(),
    )
    const shares = ratios.map(([above = '', below = '']) => {
      const each = of(above).map(({ rate }, round) => rate / (of(below)[round]?.rate ?? NaN))
      return median(each).toFixed(2)
    })
    const latency = (['p50Ms', 'p99Ms'] as const).map((key) =>
      median(of('leader').map((run) => run[key])).toFixed(1),
    )
    return [name, ...rates, ...shares, latency.join(', ')]
  })
  const lines = [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
  const worst = Math.max(...failoversMs)
  const failover =
    failoversMs.length === 0
      ? ''
      : `\nLeader SIGKILL to the next acknowledged write: median ${median(failoversMs).toFixed(0)} ms, ` +
        `slowest ${worst.toFixed(0)} ms of ${failoversMs.length}.\n`
  return `${lines.join('\n')}\n${failover}`
}

/** Keeps the last result next to the benchmark, with what it was measured on. */
export async function saveResults(report: string, seconds: string, rounds: string): Promise<void> {
  const text = `# Benchmark results

Written by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}: the last run. Three servers and their load
on one machine, puts of 256 bytes, every acknowledged write fsynced by a quorum. Each figure is the median of
${rounds} runs of ${seconds} s, taken in turn with the other systems; each ratio is the median of the ratios within a round.
The machine is shared and its speed varies: compare ratios, not rates.

The _floor_ is the same framing, journal and group commit with no consensus, no sessions and no state machine
(tools/bench/floor-server.ts). etcd is loaded by h2load, a program in C; the others by one in Node.

${report}
Machine: ${await machine()}.
`
  const before = await readFile(RESULTS, 'utf8').catch(() => '')
  await writeFile(RESULTS, [text, ...sections(before).slice(1)].join(MARK))
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

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const [low = NaN, high = NaN] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[middle]]
  return (low + high) / 2
}
