import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { KvClient } from 'synod-server'
import { freePorts } from '../ports.js'

export const BIN = fileURLToPath(new URL('../../../dist/bin.js', import.meta.url))

const PATIENCE_MS = 60_000

export interface LoneServerOptions {
  readonly stdio: StdioOptions
  /** A program and its arguments that the command line begins with. */
  readonly under?: readonly string[]
  /** Further arguments of `synod serve`. */
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** A cluster of one server, whose surroundings are up to the test. */
export class LoneServer implements AsyncDisposable {
  readonly dataDir: string
  readonly endpoint: string
  readonly child: ChildProcess
  /** Resolves with its exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>

  private constructor(
    dataDir: string,
    port: number,
    { args = [], env, stdio, under = [] }: LoneServerOptions,
  ) {
    this.dataDir = dataDir
    this.endpoint = `127.0.0.1:${port}`
    const [program = '', ...rest] = [...under, process.execPath, BIN, ...serveArgs(dataDir, port), ...args]
    this.child = spawn(program, rest, { stdio, env: { PATH: process.env.PATH, ...env } })
    this.exited = once(this.child, 'exit').then(([code, signal]) => code ?? signal)
  }

  static async start(directory: string, options: LoneServerOptions): Promise<LoneServer> {
    return new LoneServer(join(directory, 's1'), await freePorts(2), options)
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  /** Resolves when it has carried out a command. */
  async serves(): Promise<void> {
    await using client = await this.client()
    await client.increment('served')
  }

  client(timeoutMs = PATIENCE_MS): Promise<KvClient> {
    return KvClient.connect({ endpoints: [this.endpoint], timeoutMs })
  }

  /** Sends a signal, and resolves as `exited` does. */
  async kill(signal: NodeJS.Signals): Promise<number | string> {
    this.child.kill(signal)
    return this.exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isRunning) await this.kill('SIGKILL')
  }
}

/** The command line of a lone server: clients at `port`, peers at the next one. */
export function serveArgs(dataDir: string, port: number): string[] {
  const own = ['--id', '1', '--servers', `1=127.0.0.1:${port + 1}`, '--clients', `127.0.0.1:${port}`]
  return ['serve', '--cluster-name', 'test', ...own, '--data-dir', dataDir]
}
