import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { DemoReplica } from './plan.js'

const BIN = fileURLToPath(new URL('../bin.js', import.meta.url))

/** How a process ended. */
export interface Ended {
  readonly replica: DemoReplica
  readonly pid: number
  /** `was killed by SIGKILL`, or `exited with code 1`. */
  readonly how: string
  /** The last error in its log, if there is one. */
  readonly lastError: string | null
}

/**
 * A replica in its own process, which logs to a file. The process ends when this process ends or is
 * killed, but Ctrl-C does not reach it: the demo stops it.
 */
export class ReplicaProcess {
  readonly replica: DemoReplica
  readonly pid: number
  /** Resolves when the replica listens; never if it ends before. */
  readonly ready: Promise<void>
  readonly ended: Promise<Ended>
  readonly #child: ChildProcess
  #isReady = false

  constructor(replica: DemoReplica) {
    this.replica = replica
    const log = openSync(replica.logFile, 'w')
    const child = spawn(process.execPath, [BIN, ...replica.serveArgs], {
      detached: true,
      stdio: ['ignore', 'pipe', log, 'ipc'],
    })
    closeSync(log)
    this.#child = child
    this.pid = child.pid ?? 0
    this.ready = new Promise((resolve) => {
      // What it prints first is that it is ready.
      child.stdout?.once('data', () => {
        this.#isReady = true
        resolve()
      })
    })
    this.ended = new Promise((resolve) => {
      const end = (how: string) => {
        resolve({ replica, pid: this.pid, how, lastError: lastError(replica.logFile) })
      }
      child.once('error', (error) => {
        end(`could not be started: ${error.message}`)
      })
      child.once('exit', (code, signal) => {
        end(signal === null ? `exited with code ${code ?? 0}` : `was killed by ${signal}`)
      })
    })
  }

  get isReady(): boolean {
    return this.#isReady
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }
}

/** `serve` ends with such a line if it fails. */
function lastError(logFile: string): string | null {
  const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n')
  return lines.findLast((line) => line.startsWith('error: ')) ?? null
}
