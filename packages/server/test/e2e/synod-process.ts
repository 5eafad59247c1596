import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'

/** The `synod` command as it was built. */
const BIN = fileURLToPath(new URL('../../dist/bin.js', import.meta.url))

/** What takes longer than this has failed, however slow the machine is. */
const LONGEST_WAIT_MS = 60_000

export interface Exit {
  /** Null if a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly cwd?: string
  /** The program of another build; the `synod` command as it was built here unless given. */
  readonly bin?: string
  /** What it reads from stdin. */
  readonly input?: string
  /**
   * A program and its arguments that the command line begins with; it must become the command, not
   * start it.
   */
  readonly under?: readonly string[]
}

/**
 * A run of the `synod` command. It has an IPC channel to this process, so that `serve` and `demo`
 * end when this process does, in any way.
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

  constructor(args: readonly string[], { bin = BIN, cwd = tmpdir(), input, under = [] }: RunOptions = {}) {
    this.#args = args
    const [program = process.execPath, ...rest] = [...under, process.execPath, bin, ...args]
    const child = spawn(program, rest, {
      cwd,
      // What npm says of the run of these tests is not about this command, and endpoints are given.
      env: { PATH: process.env.PATH },
      stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
    })
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
export async function runCli(args: readonly string[], options?: RunOptions): Promise<Exit> {
  await using process = new SynodProcess(args, options)
  return await process.exit()
}
