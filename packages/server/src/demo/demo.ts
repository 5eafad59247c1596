import { CliError } from '../terminal/cli-error.js'
import { type OutputOptions, droppedLine, print } from '../terminal/output.js'
import { ProgressLine } from '../terminal/progress-line.js'
import { outliveReaders } from '../terminal/standard-streams.js'
import { stopRequest } from '../terminal/stop-request.js'
import { prepareData } from './data.js'
import { formation } from './formation.js'
import { type DemoOptions, planDemo } from './plan.js'
import { requirePorts } from './ports.js'
import { type Ended, ReplicaProcess } from './replica-process.js'
import { endReport, nextSteps, replicaTable } from './report.js'
import { typedCommand } from './typed-command.js'

/**
 * Runs a whole cluster on this machine, one process for each replica, until it is asked to stop. A
 * replica that ends is reported and not started again: a demo shows that the others go on.
 *
 * @throws SynodError `port-in-use`, what `prepareData` throws, or `replica-ended` if a replica ends
 * before the cluster is ready, or none is left
 */
export async function runDemo(options: DemoOptions, fresh: boolean, output: OutputOptions): Promise<void> {
  const replicas = planDemo(options)
  await requirePorts(replicas)
  await prepareData(options, fresh)
  const notice = (lines: number) => droppedLine(output, lines)
  outliveReaders({ stdout: notice, stderr: notice })
  const stop = stopRequest()
  const processes = replicas.map((replica) => new ReplicaProcess(replica))
  try {
    if (await start(processes, stop, output)) await watch(processes, stop, output)
  } finally {
    await stopAll(processes, output)
  }
  print(output, `stopped; the data is kept in ${options.directory}`, { event: 'stopped' })
}

/** Returns false if it was asked to stop meanwhile. */
async function start(
  processes: readonly ReplicaProcess[],
  stop: Promise<void>,
  output: OutputOptions,
): Promise<boolean> {
  const progress = new ProgressLine(output)
  const waiting = new AbortController()
  let leader: number | null | undefined
  try {
    leader = await Promise.race([
      formation(processes, waiting.signal, (text) => {
        progress.show(text)
      }),
      stop.then(() => undefined),
      ...processes.map(async ({ ended }) => {
        throw startFailed(await ended)
      }),
    ])
  } finally {
    waiting.abort()
    progress.clear()
  }
  if (leader === undefined) return false
  print(output, `${replicaTable(processes, leader)}\n${nextSteps(processes, leader)}`, {
    event: 'ready',
    leader,
    replicas: processes.map(({ pid, replica: { serveArgs: _, ...replica } }) => ({ ...replica, pid })),
  })
  return true
}

function startFailed({ how, lastError, replica }: Ended): CliError {
  const why = lastError === null ? '' : `: ${lastError.replace(/^error: /, '')}`
  return new CliError('replica-ended', `${replica.name} ${how} before the cluster was ready${why}`, {
    logFile: replica.logFile,
  })
}

/** Reports each replica that ends, until it is asked to stop or none is left. */
async function watch(
  processes: readonly ReplicaProcess[],
  stop: Promise<void>,
  output: OutputOptions,
): Promise<void> {
  let stopping = false
  const ends = processes.map(async (process) => {
    const ended = await process.ended
    if (stopping) return
    const { how, lastError, pid, replica } = ended
    const command = typedCommand(replica.serveArgs)
    print(output, endReport(ended), { event: 'ended', name: replica.name, pid, how, lastError, command })
  })
  const noneLeft = Promise.all(ends).then(() => {
    throw new CliError('replica-ended', 'none of the replicas that this demo started is left')
  })
  await Promise.race([stop, noneLeft])
  stopping = true
}

/** Lets all replicas close cleanly; a second request to stop kills the rest. */
async function stopAll(processes: readonly ReplicaProcess[], output: OutputOptions): Promise<void> {
  const progress = new ProgressLine(output)
  const allEnded = Promise.all(processes.map(({ ended }) => ended))
  const again = stopRequest()
  progress.show('stopping the replicas; Ctrl-C once more kills them')
  for (const process of processes) process.kill('SIGTERM')
  await Promise.race([allEnded, again])
  for (const process of processes) process.kill('SIGKILL')
  await allEnded
  progress.clear()
}
