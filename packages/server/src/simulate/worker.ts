// The other side of a WorkerRunner: a thread that runs plans.
import { parentPort } from 'node:worker_threads'
import { storeWorkload } from 'synod-testing'
import { LocalRunner } from './runner.js'
import type { FromWorker, ToWorker } from './worker-runner.js'

const runner = new LocalRunner(storeWorkload)
const post = (message: FromWorker) => parentPort?.postMessage(message)

// What is thrown here ends the thread, and rejects what the other side waits for.
parentPort?.on('message', (message: ToWorker) => void answer(message))

async function answer(message: ToWorker): Promise<void> {
  const run =
    message.type === 'run'
      ? runner.run(message.plan, message.traced)
      : runner.shrink(message.failed, (attempt, faults) => post({ type: 'attempt', attempt, faults }))
  post({ type: 'done', run: await run })
}
