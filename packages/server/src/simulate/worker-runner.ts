import { Worker } from 'node:worker_threads'
import type { Plan } from 'synod-testing'
import type { FailedRun, OnAttempt, Run, Runner } from './runner.js'

export type ToWorker =
  | { readonly type: 'run'; readonly plan: Plan; readonly traced: boolean }
  | { readonly type: 'shrink'; readonly failed: FailedRun }

export type FromWorker =
  | { readonly type: 'attempt'; readonly attempt: number; readonly faults: number }
  | { readonly type: 'done'; readonly run: Run }

/**
 * Runs plans in a thread of its own, with the store that Synod brings. A simulation takes the clock
 * of its thread into its hands; in this one, time goes on, and progress can be shown.
 */
export class WorkerRunner implements Runner {
  readonly #worker = new Worker(new URL('./worker.js', import.meta.url))

  run(plan: Plan, traced: boolean): Promise<Run> {
    return this.#ask({ type: 'run', plan, traced })
  }

  shrink(failed: FailedRun, onAttempt: OnAttempt): Promise<Run> {
    return this.#ask({ type: 'shrink', failed }, onAttempt)
  }

  /** Ends the thread at once. What was asked of it is never answered. */
  async close(): Promise<void> {
    await this.#worker.terminate()
  }

  #ask(request: ToWorker, onAttempt?: OnAttempt): Promise<Run> {
    const worker = this.#worker
    return new Promise((resolve, reject) => {
      const hear = (message: FromWorker) => {
        if (message.type === 'attempt') {
          onAttempt?.(message.attempt, message.faults)
          return
        }
        worker.off('message', hear).off('error', reject)
        resolve(message.run)
      }
      worker.on('message', hear).on('error', reject)
      worker.postMessage(request)
    })
  }
}
