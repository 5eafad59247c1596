import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * A system call at whose entry a process is killed: the `count`-th of this name that concerns the
 * directory.
 */
export interface Point {
  readonly call: string
  readonly count: number
}

/** Of one thread, by the name of the call alone: they concern nothing but the directory. */
const BY_NAME = ['bind', 'listen', 'rename', 'unlink', 'fsync', 'fdatasync', 'pwrite64', 'ftruncate'] as const
/** Those of which only the ones that concern the directory count. */
const BY_PATH = ['openat', 'mkdir'] as const

/** What files and directories of a server are called while it starts. */
function paths(dataDir: string): string[] {
  const names = ['identity', 'identity.new', 'lock', '00000001.journal', '00000002.journal']
  return [dataDir, ...names.map((name) => join(dataDir, name))]
}

/** One thread for files, so that the calls of a start come in the same order each time. */
export const ONE_THREAD = { UV_THREADPOOL_SIZE: '1' }

/** What a command line begins with, to have all calls of the process written to a file. */
export function traced(log: string): string[] {
  return ['strace', '-f', '-o', log, '-y', '-e', `trace=${[...BY_NAME, ...BY_PATH].join(',')}`]
}

/** What a command line begins with, to have the process killed at a point. */
export function killedAt({ call, count }: Point, dataDir: string): string[] {
  const only = (BY_PATH as readonly string[]).includes(call)
    ? paths(dataDir).flatMap((path) => ['-P', path])
    : []
  const inject = `inject=${call}:signal=SIGKILL:when=${count}`
  return ['strace', '-f', '-qq', '-o', '/dev/null', ...only, '-e', `trace=${call}`, '-e', inject]
}

/** Every point in what `traced` wrote. */
export async function pointsOf(log: string, dataDir: string): Promise<Point[]> {
  const counts = new Map<string, number>()
  const points: Point[] = []
  const known = new Set(paths(dataDir))
  for (const line of (await readFile(log, 'utf8')).split('\n')) {
    const [, thread = '', call = '', args = ''] = /^(\d+) +(\w+)\((.*)/.exec(line) ?? []
    const path = /"([^"]*)"/.exec(args)?.[1] ?? ''
    if (!(BY_NAME as readonly string[]).includes(call) && !known.has(path)) continue
    // The first socket is that of the lock.
    if ((call === 'bind' || call === 'listen') && points.some((point) => point.call === call)) continue
    // strace counts those of each thread.
    const count = (counts.get(`${thread} ${call}`) ?? 0) + 1
    counts.set(`${thread} ${call}`, count)
    if (!points.some((point) => point.call === call && point.count === count)) points.push({ call, count })
  }
  return points
}

/** Why processes cannot be killed at system calls here; undefined if they can. */
export async function whyNoKills(): Promise<string | undefined> {
  const strace = spawn('strace', ['-qq', '-o', '/dev/null', '-e', 'inject=getpid:signal=SIGKILL', 'true'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  strace.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  try {
    const [code] = await once(strace, 'close')
    return code === 0 ? undefined : `strace ended: ${said.trim()}`
  } catch (error) {
    return String(error)
  }
}
