import { join, relative, resolve } from 'node:path'
import { type Command, Option } from 'commander'
import type { Mode } from 'synod'
import { runDemo } from '../demo/demo.js'
import { MAX_REPLICAS } from '../demo/plan.js'
import { MAX_DEFAULT_ADDRESSES } from '../terminal/addresses.js'
import { finish } from '../terminal/common-options.js'
import { defined } from '../terminal/defined.js'
import type { OutputOptions } from '../terminal/output.js'
import { integerFrom } from '../terminal/parsers.js'

/** The mode of a cluster never changes, so each mode has its own data. */
const DIRECTORIES: Readonly<Record<Mode, string>> = {
  leader: join('.synod', 'demo'),
  leaderless: join('.synod', 'demo-leaderless'),
}

interface DemoCommandOptions extends OutputOptions {
  readonly mode: Mode
  readonly replicas: number
  readonly dir?: string
  readonly basePort?: number
  readonly fresh?: boolean
}

/** Adds `synod demo`. */
export function addDemo(program: Command): void {
  const demo = program
    .command('demo')
    .description(
      'Run a cluster on this machine, one process for each replica, until Ctrl-C. Its data is kept. ' +
        'Clients reach the replicas at 127.0.0.1:2379, :22379, :32379, …; peers use the port after each of these.',
    )
    .addOption(
      new Option('--mode <mode>', 'how slots get decided')
        .choices(['leader', 'leaderless'])
        .default('leader'),
    )
    .option('--replicas <n>', 'how many replicas', integerFrom(1, MAX_REPLICAS), 3)
    .option(
      '--dir <dir>',
      `the directory of data and logs (default: ${DIRECTORIES.leader}; leaderless: ${DIRECTORIES.leaderless})`,
    )
    .option(
      '--base-port <n>',
      'other ports: the first replica uses n for clients and n+1 for peers, the second n+2 and n+3, …',
      integerFrom(1024, 65_535 - 2 * MAX_REPLICAS),
    )
    .option('--fresh', 'first delete what an earlier demo left in the directory')
    .action(run)
  finish(demo, ['demo', 'demo --mode leaderless', 'demo --replicas 5 --base-port 20000 --fresh'])
}

async function run(options: DemoCommandOptions, command: Command): Promise<void> {
  const { basePort, fresh = false, mode, replicas } = options
  const dir = options.dir ?? DIRECTORIES[mode]
  if (basePort === undefined && replicas > MAX_DEFAULT_ADDRESSES) {
    command.error(`more than ${MAX_DEFAULT_ADDRESSES} replicas need --base-port`)
  }
  await runDemo({ mode, replicas, directory: tidy(dir), ...defined({ basePort }) }, fresh, options)
}

/** The shorter form of a path, for messages and commands. */
function tidy(path: string): string {
  const inside = relative('', path)
  return inside === '' || inside.startsWith('..') ? resolve(path) : inside
}
