import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** What /proc counts in: 100 ticks a second on every Linux that Node runs on. */
const TICK_US = 10_000

/** The time that processors spend on a process, for each operation or in all. */
export interface Cpu {
  readonly userUs: number
  readonly systemUs: number
}

/**
 * What each process uses in a second, in a span of time that begins after `afterMs` milliseconds
 * and lasts for `forMs`. NaN where there is no /proc.
 */
export async function cpuPerSecond(pids: readonly number[], afterMs: number, forMs: number): Promise<Cpu[]> {
  await sleep(afterMs)
  const startedMs = performance.now()
  const before = await Promise.all(pids.map(cpuOf))
  await sleep(forMs)
  const after = await Promise.all(pids.map(cpuOf))
  const seconds = (performance.now() - startedMs) / 1000
  return after.map((each, index) => scaled(sum([each, scaled(before[index] ?? NONE, -1)]), 1 / seconds))
}

export const NONE: Cpu = { userUs: NaN, systemUs: NaN }

export function sum(all: readonly Cpu[]): Cpu {
  const of = (part: keyof Cpu) => all.reduce((total, cpu) => total + cpu[part], 0)
  return { userUs: of('userUs'), systemUs: of('systemUs') }
}

export function scaled({ systemUs, userUs }: Cpu, factor: number): Cpu {
  return { userUs: userUs * factor, systemUs: systemUs * factor }
}

async function cpuOf(pid: number): Promise<Cpu> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The name of the program, in brackets, may have spaces in it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { userUs: Number(fields[11] ?? NaN) * TICK_US, systemUs: Number(fields[12] ?? NaN) * TICK_US }
}
