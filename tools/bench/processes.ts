import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'

const READY_TIMEOUT_MS = 120_000

/** A process that this benchmark started, and that ends with it. */
export interface Running {
  readonly child: ChildProcess
  stop(signal?: NodeJS.Signals): Promise<void>
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/**
 * Starts a command; resolves once it has printed a line that contains `ready`, or at once without
 * it.
 */
export async function start(command: string, args: readonly string[], ready?: string): Promise<Running> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  child.once('exit', () => running.delete(child))
  const said: string[] = []
  const lines = [createInterface({ input: child.stdout }), createInterface({ input: child.stderr })]
  if (ready !== undefined) {
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string) => {
        reject(new Error(`${command} ${args.join(' ')}: ${why}\n${said.join('\n')}`))
      }
      const timer = setTimeout(fail, READY_TIMEOUT_MS, 'not ready in time')
      child.once('error', (error) => {
        fail(error.message)
      })
      child.once('exit', () => {
        fail('ended before it was ready')
      })
      for (const reader of lines) {
        reader.on('line', (line) => {
          said.push(line)
          if (!line.includes(ready)) return
          clearTimeout(timer)
          child.removeAllListeners('exit')
          child.once('exit', () => running.delete(child))
          said.length = 0
          resolve()
        })
      }
    })
  }
  for (const reader of lines) reader.on('line', () => undefined)
  return {
    child,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill(signal)
      await exited
    },
  }
}

/** Runs a command to its end and gives back what it printed. `onStarted` is told its process id. */
export async function output(
  command: string,
  args: readonly string[],
  onStarted: (pid: number) => void = () => undefined,
): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  if (child.pid !== undefined) onStarted(child.pid)
  running.add(child)
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  const [code] = (await once(child, 'close')) as [number | null]
  running.delete(child)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${String(code)}\n${text}`)
  return text
}

/** Ports on loopback that nothing listens at now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}

/** Ends servers, and removes what they stored. */
export async function stopAll(servers: readonly Running[], directory: string): Promise<void> {
  await Promise.all(servers.map((server) => server.stop('SIGKILL')))
  await rm(directory, { recursive: true })
}

/** The most memory that a process has had resident. */
export async function peak_MiB(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(/^VmHWM:\s*(\d+) kB$/m.exec(text)?.[1] ?? NaN) / 1024)
}
