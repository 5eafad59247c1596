import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Mode } from 'synod'
import { statusesWhen } from './settled.js'
import { type Site, sideBySide } from './site.js'
import { type Exit, type RunOptions, SynodProcess, runCli } from './synod-process.js'

export { runCli }

/** What takes longer than this has failed, however slow the machine is. */
const FORMING_MS = 60_000

/** One `synod serve`, started again and again on the same directory. */
export class TestReplica {
  readonly id: number
  readonly dataDir: string
  /** Where it listens for clients. */
  readonly endpoint: string
  /** The program that it runs from its next start on: that of this build unless given. */
  bin: string | undefined
  readonly #site: Site
  readonly #args: readonly string[]
  #process: SynodProcess | undefined

  constructor(id: number, dataDir: string, site: Site, args: readonly string[]) {
    this.id = id
    this.dataDir = dataDir
    this.endpoint = site.clients(id)
    this.#site = site
    this.#args = args
  }

  /** Of its present or last process. */
  get pid(): number {
    return this.#current.pid
  }

  /** Where its trace is, if it writes one: beside its data. */
  get tracePath(): string {
    return tracePathOf(this.dataDir)
  }

  /** What its present or last process has logged. */
  get log(): string {
    return this.#current.stderr
  }

  /** Resolves with the match when its present process has logged something like `pattern`. */
  async logMatch(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#current.stderrMatch(pattern)
  }

  /** Starts it, with these further arguments; resolves when it listens. */
  async restart(args: readonly string[] = []): Promise<void> {
    const process = new SynodProcess([...this.#args, ...args], this.#options)
    this.#process = process
    await process.stdoutMatch(/^ready .*\n/m)
    await this.#site.listens(this.id)
  }

  /** Resolves when its present process has ended, by itself or not. */
  async exit(): Promise<Exit> {
    return this.#current.exit()
  }

  /** Sends a signal; resolves when the process has ended. Does nothing if it had already. */
  async kill(signal: NodeJS.Signals): Promise<Exit> {
    return this.#current.kill(signal)
  }

  /** Sends a signal that does not end it, such as SIGSTOP. */
  signal(signal: NodeJS.Signals): void {
    this.#current.signal(signal)
  }

  /**
   * Starts one more process with these further arguments, and resolves when it has ended by itself.
   */
  async startAndExit(args: readonly string[] = []): Promise<Exit> {
    return runCli([...this.#args, ...args], this.#options)
  }

  /** Kills what is left of it. */
  async dispose(): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]()
  }

  get #options(): RunOptions {
    const under = this.#site.under(this.id)
    return this.bin === undefined ? { under } : { bin: this.bin, under }
  }

  get #current(): SynodProcess {
    if (this.#process === undefined) throw new Error(`s${this.id} was never started`)
    return this.#process
  }
}

export interface ClusterOptions {
  readonly mode: Mode
  /** How many replicas, side by side on this machine; or where they are to run. */
  readonly replicas: number | Site
  /**
   * How many servers of the site found the cluster, the first ones; the others may join it. All
   * unless given.
   */
  readonly founders?: number
  /** Further arguments of every `synod serve`. */
  readonly args?: readonly string[]
  /** Each writes its trace to `tracePath` of its TestReplica. */
  readonly traced?: boolean
}

/** Replicas in processes of their own, with their data in a new temporary directory. */
export interface TestCluster extends AsyncDisposable {
  /** Where the replicas listen for clients, in the order of their ids: those of the whole site. */
  readonly endpoints: readonly string[]
  /** The replicas that are part of it, as far as the test is concerned. */
  readonly replicas: readonly TestReplica[]
  /** Where a server listens for its peers. */
  address(id: number): string
  /** An id that no server has had yet, of which the place on the site is free. */
  newId(): number
  /**
   * Starts a server that is new to the cluster, with a list of these and itself: of all of the
   * cluster unless given.
   */
  join(id: number, asked?: readonly number[]): Promise<TestReplica>
  /** The test goes on without this one. */
  leave(replica: TestReplica): void
  /** Kills all replicas and removes their data. */
  stop(): Promise<void>
}

/** Starts a cluster; resolves when it has formed. */
export async function startCluster({
  args = [],
  founders,
  mode,
  replicas: where,
  traced = false,
}: ClusterOptions): Promise<TestCluster> {
  const site = typeof where === 'number' ? await sideBySide(where) : where
  const directory = await temporaryDirectory()
  const started: TestReplica[] = []
  const replicaOf = (id: number, servers: readonly number[], more: readonly string[]) => {
    const dataDir = join(directory, `s${id}`)
    const addresses = servers.map((to) => `${to}=${site.address(id, to)}`).join(',')
    const own = ['--id', String(id), '--clients', site.clients(id), '--listen', site.peers(id)]
    const common = ['--data-dir', dataDir, '--cluster-name', 'test', '--servers', addresses, '--mode', mode]
    const trace = traced ? ['--trace', tracePathOf(dataDir)] : []
    const replica = new TestReplica(id, dataDir, site, [
      ...['serve', ...own, ...common],
      ...[...trace, ...args, ...more],
    ])
    started.push(replica)
    return replica
  }
  const ids = site.ids.slice(0, founders)
  const replicas = ids.map((id) => replicaOf(id, ids, []))
  const stop = async () => {
    await Promise.all(started.map((replica) => replica.dispose()))
    await site.stop()
    await rm(directory, { recursive: true, force: true })
  }
  try {
    await Promise.all(replicas.map((replica) => replica.restart()))
    // Before that it has no quorum, and no server may be missing: see docs/decisions/0003.
    const endpoints = replicas.map(({ endpoint }) => endpoint)
    await statusesWhen(endpoints, FORMING_MS, (statuses) => statuses.every(({ formed }) => formed))
  } catch (error) {
    await stop()
    throw error
  }
  return {
    endpoints: site.ids.map((id) => site.clients(id)),
    replicas,
    address: (id) => site.peers(id),
    newId: () => {
      let id = Math.max(...started.map((replica) => replica.id)) + 1
      while (replicas.some((replica) => site.peers(replica.id) === site.peers(id))) id++
      return id
    },
    join: async (id, asked = replicas.map((other) => other.id)) => {
      const replica = replicaOf(id, [...asked, id], ['--join'])
      await replica.restart()
      replicas.push(replica)
      return replica
    },
    leave: (replica) => {
      replicas.splice(replicas.indexOf(replica), 1)
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

function tracePathOf(dataDir: string): string {
  return `${dataDir}.ndjson`
}

/** A new directory; the caller removes it. */
export async function temporaryDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'synod-e2e-'))
}
