import { type Command, Option } from 'commander'
import type { Mode } from 'synod'
import { finish } from '../terminal/common-options.js'
import { defined } from '../terminal/defined.js'
import type { OutputOptions } from '../terminal/output.js'
import { integerFrom, numberUpTo } from '../terminal/parsers.js'
import { requireTraceTarget } from '../trace/trace-target.js'

const DEFAULT_SEEDS = 100

/** Larger seeds repeat smaller ones. */
const MAX_SEED = 2 ** 31 - 1

/** A year. */
const MAX_MINUTES = 525_600

const MODES = { leader: ['leader'], leaderless: ['leaderless'], both: ['leader', 'leaderless'] } as const

interface SimulateCommandOptions extends OutputOptions {
  readonly seeds?: number
  readonly seed: number
  readonly mode: Mode | 'both'
  readonly servers?: number
  readonly minutes?: number
  readonly jobs: number
  readonly trace?: string
  readonly replay?: string
}

/** Adds `synod simulate`. */
export function addSimulate(program: Command): void {
  const simulate = program
    .command('simulate')
    .description(
      'Run whole clusters on simulated machines, under random faults, and check the results of replicas and clients. ' +
        'At the first violation it stops, and removes the faults that the violation does not need. The same seed ' +
        'gives the same run.',
    )
    .option(
      '--seeds <n>',
      `how many seeds (default: ${DEFAULT_SEEDS}; with --minutes as many as there is time for)`,
      integerFrom(1, MAX_SEED),
    )
    .option('--seed <n>', 'the first seed', integerFrom(0, MAX_SEED), 1)
    .addOption(
      new Option('--mode <mode>', 'how slots get decided').choices(Object.keys(MODES)).default('both'),
    )
    .option('--servers <n>', 'how many servers (default: 3 or 5, by the seed)', integerFrom(2, 9))
    .option('--minutes <m>', 'begin no run after this time; 0 for no limit', parseMinutes)
    .option('--jobs <n>', 'threads that share the runs', integerFrom(1, 256), 1)
    .option(
      '--trace <file>',
      'write all events of the run to a file; for a single run (see docs/reference/trace.md)',
    )
    .addOption(
      new Option('--replay <file>', 'run the plan of a trace again, and compare').conflicts([
        'seeds',
        'seed',
        'mode',
        'servers',
        'minutes',
        'jobs',
        'trace',
      ]),
    )
    .action(run)
  finish(simulate, [
    'simulate',
    'simulate --minutes 10 --jobs 4',
    'simulate --mode leader --seed 17 --trace 17.ndjson',
    'simulate --replay 17.ndjson',
  ])
}

async function run(options: SimulateCommandOptions, command: Command): Promise<void> {
  const { jobs, minutes = 0, mode, replay, seed, servers, trace } = options
  // Loaded here, so that the other commands start without the simulator.
  if (replay !== undefined) {
    const { runReplay } = await import('../simulate/replay.js')
    await runReplay(replay, options)
    return
  }
  const { seeds = trace !== undefined ? 1 : minutes > 0 ? Infinity : DEFAULT_SEEDS } = options
  const modes = MODES[mode]
  if (trace !== undefined && seeds * modes.length > 1) {
    command.error(
      '--trace is of one run: it needs --mode leader or --mode leaderless, and no more than one seed',
    )
  }
  const limitMs = minutes > 0 ? minutes * 60_000 : Infinity
  if (trace !== undefined) await requireTraceTarget(trace)
  const { runSimulate } = await import('../simulate/simulate.js')
  await runSimulate({ modes, seed, seeds, jobs, limitMs, ...defined({ servers, trace }) }, options)
}

function parseMinutes(text: string): number {
  return text === '0' ? 0 : numberUpTo(MAX_MINUTES)(text)
}
