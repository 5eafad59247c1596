import { type Cpu, NONE, cpuPerSecond, scaled, sum } from './cpu.js'
import { type Running, output } from './processes.js'
import type { Measured, Span } from './system.js'

export interface MeasuredRun {
  /** The load program, which warms up first. */
  readonly command: string
  readonly args: readonly string[]
  readonly servers: readonly Running[]
  /** Of `servers`; -1 where none leads. */
  readonly leader: number
  readonly span: Span
  /** Reads what the load program printed. */
  readonly read: (text: string) => Omit<Measured, 'cpu'>
}

/** Runs a load program, and looks at what it and the servers cost meanwhile. */
export async function measureRun(run: MeasuredRun): Promise<Measured> {
  const { args, command, leader, read, servers, span } = run
  let counted: Promise<readonly Cpu[]> = Promise.resolve([])
  const text = await output(command, args, (pid) => {
    const pids = [pid, ...servers.map(({ child }) => child.pid ?? 0)]
    counted = cpuPerSecond(pids, span.warmUpSeconds * 1000, span.seconds * 1000)
  })
  const measured = read(text)
  const [load = NONE, ...each] = (await counted).map((cpu) => scaled(cpu, 1 / measured.rate))
  const followers = each.filter((_, index) => index !== leader)
  const follower = scaled(sum(followers), 1 / followers.length)
  return { ...measured, cpu: { leader: each[leader] ?? NONE, follower, load } }
}
