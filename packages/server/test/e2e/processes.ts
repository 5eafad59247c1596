import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Mode } from 'synod'

/** The `synod` command as it was built. */
const BIN = fileURLToPath(new URL('../../dist/bin.js', import.meta.url))

/** What takes longer than this has failed, however slow the machine is. */
const LONGEST_WAIT_MS = 60_000

/** Below the range from which the system takes ports for outgoing connections: those would get in the way. */
const LOWEST_PORT = 20_000
const HIGHEST_PORT = 32_000

export interface Exit {
  /** Null if a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/**
 * A run of the `synod` command. It has an IPC channel to this process, so that `serve` and `demo` end when this
 * process does, in whatever way.
 */
export class SynodProcess implements AsyncDisposable {
  /** Resolves when it has ended and all its output has been read. */
  readonly exited: Promise<Exit>
  readonly #args: readonly string[]
  readonly #child: ChildProcess
  readonly #output = { stdout: '', stderr: '' }
  /** Called whenever there is more output. */
  readonly #watchers = new Set<() => void>()
  #exit: Exit | undefined

  constructor(args: readonly string[], { cwd = tmpdir(), input }: { cwd?: string; input?: string } = {}) {
    this.#args = args
    const child = spawn(process.execPath, [BIN, ...args], { cwd, stdio: ['pipe', 'pipe', 'pipe', 'ipc'] })
    this.#child = child
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (text: string) => {
        this.#output[name] += text
        for (const look of this.#watchers) look()
      })
    }
    // A command that does not read its input may be gone before it has been written.
    child.stdin?.on('error', () => undefined).end(input)
    this.exited = once(child, 'close').then(([code, signal]) => {
      this.#exit = { code, signal, ...this.#output }
      for (const look of this.#watchers) look()
      return this.#exit
    })
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('the process could not be started')
    return this.#child.pid
  }

  /** Everything written so far. */
  get stdout(): string {
    return this.#output.stdout
  }

  get stderr(): string {
    return this.#output.stderr
  }

  /** Resolves with the match when stdout has something like `pattern`, before or after the call. */
  async stdoutMatch(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#match(() => this.stdout, pattern)
  }

  /** As `stdoutMatch`. */
  async stderrMatch(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#match(() => this.stderr, pattern)
  }

  /** Resolves when it has ended by itself. */
  async exit(): Promise<Exit> {
    return this.#within(this.exited, 'it did not end')
  }

  /** Sends a signal, and resolves when the process has ended. */
  async kill(signal: NodeJS.Signals): Promise<Exit> {
    this.#child.kill(signal)
    return this.#within(this.exited, `it did not end after ${signal}`)
  }

  /** Sends a signal. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#exit === undefined) await this.kill('SIGKILL')
  }

  #match(text: () => string, pattern: RegExp): Promise<RegExpExecArray> {
    const found = new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(text())
        if (match === null && this.#exit === undefined) return
        this.#watchers.delete(look)
        if (match !== null) resolve(match)
        else reject(this.#error(`it ended without ${String(pattern)}`))
      }
      this.#watchers.add(look)
      look()
    })
    return this.#within(found, `it did not write ${String(pattern)}`)
  }

  async #within<T>(promise: Promise<T>, failure: string): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(this.#error(`${failure} within ${LONGEST_WAIT_MS} ms`))
      }, LONGEST_WAIT_MS)
    })
    try {
      return await Promise.race([promise, timeout])
    } finally {
      clearTimeout(timer)
    }
  }

  #error(message: string): Error {
    const { stderr, stdout } = this.#output
    return new Error(`synod ${this.#args.join(' ')}: ${message}\nstdout: ${stdout}\nstderr: ${stderr}`)
  }
}

/** Runs a command to its end. */
export async function runCli(
  args: readonly string[],
  options?: { readonly cwd?: string; readonly input?: string },
): Promise<Exit> {
  await using process = new SynodProcess(args, options)
  return await process.exit()
}

/** One `synod serve`, started again and again on the same directory. */
export class TestReplica {
  readonly id: number
  readonly dataDir: string
  /** Where it listens for clients. */
  readonly endpoint: string
  readonly #args: readonly string[]
  #process: SynodProcess | undefined

  constructor(id: number, dataDir: string, endpoint: string, args: readonly string[]) {
    this.id = id
    this.dataDir = dataDir
    this.endpoint = endpoint
    this.#args = args
  }

  /** Of its present or last process. */
  get pid(): number {
    return this.#current.pid
  }

  /** What its present or last process has logged. */
  get log(): string {
    return this.#current.stderr
  }

  /** Starts it; resolves when it listens. */
  async restart(): Promise<void> {
    const process = new SynodProcess(this.#args)
    this.#process = process
    await process.stdoutMatch(/^ready .*\n/m)
  }

  /** Sends a signal; resolves when the process has ended. Does nothing if it had already. */
  async kill(signal: NodeJS.Signals): Promise<Exit> {
    return this.#current.kill(signal)
  }

  /** Sends a signal that does not end it, such as SIGSTOP. */
  signal(signal: NodeJS.Signals): void {
    this.#current.signal(signal)
  }

  /** Starts one more process with these further arguments, and resolves when it has ended by itself. */
  async startAndExit(args: readonly string[] = []): Promise<Exit> {
    return runCli([...this.#args, ...args])
  }

  /** Kills what is left of it. */
  async dispose(): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]()
  }

  get #current(): SynodProcess {
    if (this.#process === undefined) throw new Error(`s${this.id} was never started`)
    return this.#process
  }
}

export interface ClusterOptions {
  readonly mode: Mode
  readonly replicas: number
  /** Further arguments of every `synod serve`. */
  readonly args?: readonly string[]
}

/** Replicas in processes of their own, with their data in a new temporary directory. */
export interface TestCluster extends AsyncDisposable {
  /** Where the replicas listen for clients, in the order of their ids. */
  readonly endpoints: readonly string[]
  readonly replicas: readonly TestReplica[]
  /** Kills all replicas and removes their data. */
  stop(): Promise<void>
}

/** Starts a cluster; resolves when all its replicas listen. */
export async function startCluster({
  args = [],
  mode,
  replicas: count,
}: ClusterOptions): Promise<TestCluster> {
  const directory = await temporaryDirectory()
  const port = await freePorts(2 * count)
  const ids = Array.from({ length: count }, (_, index) => index + 1)
  const clientsOf = (id: number) => `127.0.0.1:${port + id - 1}`
  const servers = ids.map((id) => `${id}=127.0.0.1:${port + count + id - 1}`).join(',')
  const replicas = ids.map((id) => {
    const dataDir = join(directory, `s${id}`)
    const own = ['--id', String(id), '--clients', clientsOf(id), '--data-dir', dataDir]
    const common = ['--cluster-name', 'test', '--servers', servers, '--mode', mode]
    return new TestReplica(id, dataDir, clientsOf(id), ['serve', ...own, ...common, ...args])
  })
  const stop = async () => {
    await Promise.all(replicas.map((replica) => replica.dispose()))
    await rm(directory, { recursive: true, force: true })
  }
  try {
    await Promise.all(replicas.map((replica) => replica.restart()))
  } catch (error) {
    await stop()
    throw error
  }
  return { endpoints: ids.map(clientsOf), replicas, stop, [Symbol.asyncDispose]: stop }
}

/** A new directory; whoever asked for it removes it. */
export async function temporaryDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'synod-e2e-'))
}

/** The first of so many ports in a row on which nothing listens. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = LOWEST_PORT + Math.floor(Math.random() * (HIGHEST_PORT - LOWEST_PORT - count))
    const ports = Array.from({ length: count }, (_, index) => first + index)
    const free = await Promise.all(ports.map(isFree))
    if (free.every(Boolean)) return first
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => {
      resolve(false)
    })
    server.listen({ host: '127.0.0.1', port }, () => {
      server.close(() => {
        resolve(true)
      })
    })
  })
}
