import { type Command, Option } from 'commander'
import type { AnyMachine, ConnectOptions } from 'synod'
import { defaultClientAddress } from './addresses.js'
import { defined } from './defined.js'
import type { OutputOptions } from './output.js'
import { integerFrom, parseList } from './parsers.js'

/** The limit of the library. */
const MAX_TIMEOUT_MS = 3_600_000

/** Where and how to reach a cluster. */
export interface ConnectionOptions extends OutputOptions {
  readonly endpoints: readonly string[]
  readonly cluster?: string
  readonly timeoutMs: number
}

/** Adds `--json`, and the examples that close the help. */
export function finish(command: Command, examples: readonly string[]): Command {
  const lines = examples.map((example) => `  $ synod ${example}`)
  return command
    .option('--json', 'write JSON, one document on a line; errors too')
    .addHelpText('after', `\nExamples:\n${lines.join('\n')}`)
}

/** Adds the options of a command that connects to a cluster. */
export function addClusterOptions(command: Command, timeoutMs = 10_000): Command {
  const endpoints = [0, 1, 2].map(defaultClientAddress)
  return command
    .addOption(
      new Option('--endpoints <list>', 'client addresses of the replicas, host:port, with commas')
        .env('SYNOD_ENDPOINTS')
        .argParser(parseList)
        .default(endpoints, endpoints.join(',')),
    )
    .option('--cluster <name>', 'the name that the cluster must have (default: any)')
    .option('--timeout-ms <ms>', 'how long to keep trying', integerFrom(1, MAX_TIMEOUT_MS), timeoutMs)
}

/** How fresh an answer must be. */
export interface FreshnessOptions {
  readonly stale?: boolean
  readonly atLeast?: number
}

/** Adds the options of a command that reads keys. */
export function addFreshnessOptions(command: Command): Command {
  return command
    .option('--stale', 'from the state of any one replica, however old; no quorum needed')
    .addOption(
      new Option('--at-least <slot>', 'from a replica that has executed this slot')
        .argParser(integerFrom(0, Number.MAX_SAFE_INTEGER))
        .implies({ stale: true }),
    )
}

/** The options in the form of the library. */
export function connectOptions({
  cluster,
  endpoints,
  timeoutMs,
}: ConnectionOptions): Pick<ConnectOptions<AnyMachine>, 'cluster' | 'endpoints' | 'timeoutMs'> {
  return { endpoints, timeoutMs: timeoutMs, ...defined({ cluster }) }
}
