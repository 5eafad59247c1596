import { Argument, type Command, InvalidArgumentError, Option } from 'commander'
import { CONFIGURATION_NAMES, GOAL_NAMES } from '../check/names.js'
import type { SearchOptions } from '../check/search.js'
import { finish } from '../terminal/common-options.js'
import { defined } from '../terminal/defined.js'
import type { OutputOptions } from '../terminal/output.js'
import { integerFrom, parseList } from '../terminal/parsers.js'
import { requireTraceTarget } from '../trace/trace-target.js'

const MAX_SEED = 2 ** 31 - 1

interface CheckOptions extends OutputOptions {
  readonly walks?: number
  readonly seed: number
  readonly goal?: SearchOptions['goals']
  readonly trace?: string
}

/** Adds `synod check`. */
export function addCheck(program: Command): void {
  const check = program
    .command('check')
    .description(
      'Search for a state that breaks an invariant: try every order of events in a small cluster (messages lost or ' +
        'delayed, servers restarted), or random walks in a larger one.',
    )
    .addArgument(
      new Argument('[configuration]', 'what may happen in the cluster')
        .choices(CONFIGURATION_NAMES)
        .default(CONFIGURATION_NAMES[0]),
    )
    .addOption(
      new Option('--walks <n>', 'random walks instead of all states')
        .argParser(integerFrom(1, 1_000_000_000))
        .conflicts('goal'),
    )
    .option('--seed <n>', 'the seed of the random walks', integerFrom(0, MAX_SEED), 1)
    .option(
      '--goal <list>',
      `search a path to these, one after the other: ${GOAL_NAMES.join(', ')}`,
      parseGoals,
    )
    .option(
      '--trace <file>',
      'write the path to a violation or to the goals to a file (see docs/reference/trace.md)',
    )
    .action(run)
  finish(check, [
    'check',
    'check leaderless-small',
    'check leader-wide --walks 1000 --seed 7',
    'check leader --goal leader,second-leader,adopted --trace way.ndjson',
  ])
}

async function run(configuration: SearchOptions['configuration'], options: CheckOptions): Promise<void> {
  const { goal: goals, seed, trace, walks } = options
  if (trace !== undefined) await requireTraceTarget(trace)
  // Loaded here, so that the other commands start without the model checker.
  const { runCheck } = await import('../check/check.js')
  await runCheck({ configuration, seed, ...defined({ walks, goals, trace }) }, options)
}

function parseGoals(text: string): SearchOptions['goals'] {
  return parseList(text).map((name) => {
    const goal = GOAL_NAMES.find((known) => known === name)
    if (goal === undefined) throw new InvalidArgumentError(`'${name}' is none of ${GOAL_NAMES.join(', ')}`)
    return goal
  })
}
