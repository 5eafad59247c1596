import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import { Client, type EndpointStatus } from 'synod'
import { firstStatuses, requireAnswer } from './cluster-status.js'
import {
  type ConnectionOptions,
  addClusterOptions,
  connectOptions,
  finish,
} from '../terminal/common-options.js'
import { printJson } from '../terminal/output.js'
import { integerFrom } from '../terminal/parsers.js'
import { Redrawing } from '../terminal/redrawing.js'
import { flushText } from '../terminal/standard-streams.js'
import { statusTable } from '../reports/status-table.js'

interface StatusOptions extends ConnectionOptions {
  readonly watch?: boolean
  readonly intervalMs: number
}

/** Adds `synod status`. */
export function addStatus(program: Command): void {
  const status = program
    .command('status')
    .description('Show the role, ballot and watermarks of each replica. Fails if none answers.')
    .option('--watch', 'show it again and again, until Ctrl-C')
    .option('--interval-ms <ms>', 'how often, with --watch', integerFrom(10, 3_600_000), 1000)
    .action(run)
  finish(addClusterOptions(status, 500), ['status', 'status --watch --interval-ms 200', 'status --json'])
}

async function run(options: StatusOptions): Promise<void> {
  const { intervalMs, json = false, timeoutMs, watch = false } = options
  // Not `connect`, which fails without an answer: the status shows that there is none.
  const client = new Client(connectOptions(options))
  const screen = new Redrawing('stdout')
  const show = (statuses: readonly EndpointStatus[]) => {
    if (json) printJson({ endpoints: statuses.map(statusDocument) })
    else if (watch) screen.draw(statusTable(statuses))
    else process.stdout.write(`${statusTable(statuses)}\n`)
  }
  try {
    const first = await firstStatuses(client, timeoutMs)
    show(first)
    if (!watch) requireAnswer(first)
    while (watch) {
      await sleep(intervalMs)
      await flushText()
      show(await client.status({ timeoutMs: timeoutMs }))
    }
  } finally {
    await client.close()
  }
}

function statusDocument(answer: EndpointStatus): object {
  if ('status' in answer) return answer
  const { endpoint, error } = answer
  return { endpoint, error: { code: 'code' in error ? error.code : 'internal', message: error.message } }
}
