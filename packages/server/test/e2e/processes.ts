import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Mode } from 'synod'
import { statusesWhen } from './settled.js'
import { type Exit, SynodProcess, runCli } from './synod-process.js'

export { runCli }

/** What takes longer than this has failed, however slow the machine is. */
const FORMING_MS = 60_000

/** Below the range from which the system takes ports for outgoing connections: those would get in the way. */
const LOWEST_PORT = 20_000
const HIGHEST_PORT = 32_000

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

/** Starts a cluster; resolves when it has formed. */
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
    // Before that it has no quorum, and no server may be missing: see docs/decisions/0003.
    await statusesWhen(ids.map(clientsOf), FORMING_MS, (statuses) => statuses.every(({ formed }) => formed))
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

/** Whether nothing listens on this port. */
export function isFree(port: number): Promise<boolean> {
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
