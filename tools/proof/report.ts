import { CLAIMS } from './claims.js'

/** What `synod simulate --json` says, as far as the report needs it. */
export interface Simulated {
  readonly runs: number
  readonly simulatedMs: number
  readonly steps: number
  readonly operations: number
  readonly answered: number
  readonly executed: number
  readonly slowestRecoveryMs: number
  readonly faults: Readonly<Record<string, number>>
  readonly elapsedMs: number
}

/** What `synod check --json` says, as far as the report needs it. */
export interface Explored {
  /** The configuration in words. */
  readonly searched: string
  readonly progress: { readonly states: number; readonly transitions: number; readonly depth: number }
  readonly elapsedMs: number
}

/** What `npm run planted -- --json` says of a mistake. */
export interface Planted {
  readonly name: string
  readonly right: boolean
  readonly by?: string
  readonly seed?: number
  readonly elapsedMs?: number
  /** Why the random checks miss it, where they alone have looked. */
  readonly reason?: string
}

export interface Proof {
  readonly commit: string
  readonly date: string
  readonly node: string
  /** Three replicas under load, on one core. */
  readonly speed: {
    readonly plans: number
    /** Each plan is run so often, and its fastest run counts. */
    readonly rounds: number
    readonly simulatedMs: number
    readonly elapsedMs: number
    readonly operations: number
    readonly steps: number
  }
  readonly simulated: Simulated
  readonly core: { readonly seeds: number; readonly runs: number; readonly elapsedMs: number }
  /** How often the leader was another one, and how often a fence that was over was refused. */
  readonly fences: string
  readonly explored: readonly Explored[]
  readonly spec: string
  readonly planted: readonly Planted[]
  /** What the checks find that follow from chance, without tests and the model checker. */
  readonly random: readonly Planted[]
}

/** By what a mistake is hunted, in the words of the hunt, and how the report calls it. */
const HUNTERS = {
  simulator: 'the simulator',
  core: 'the core’s random runs',
  parts: 'random runs of parts',
  operations: 'what operators do, at random',
  model: 'the model checker',
  test: 'a test of its own',
}

/** The report, as Markdown. */
export function report(proof: Proof): string {
  const { commit, core, date, explored, fences, node, planted, random, simulated, spec, speed } = proof
  return `# Proof

What \`npm run proof\` found on ${date}, at commit \`${commit}\`, on Node ${node}. Nothing was violated. The file is
written by that command; what its parts are is said in [ARCHITECTURE.md](../../ARCHITECTURE.md).

${CLAIMS}

## Simulated clusters

Whole replicas, both modes, every seed with its own faults ([fault model](fault-model.md)).

${table([
  ['', ''],
  ['runs', count(simulated.runs)],
  ['simulated time', duration(simulated.simulatedMs)],
  ['real time', duration(simulated.elapsedMs)],
  ['steps (arrivals, timers, fsyncs)', count(simulated.steps)],
  ['operations of clients', `${count(simulated.operations)}, ${count(simulated.answered)} of them answered`],
  ['commands executed', count(simulated.executed)],
  [
    'slowest recovery',
    `${duration(simulated.slowestRecoveryMs)} from the healing to the last answer; 30 s are allowed`,
  ],
])}

Faults that struck:

${table([
  ['fault', 'times'],
  ...Object.entries(simulated.faults)
    .sort(([, a], [, b]) => b - a)
    .map(([kind, times]) => [kind, count(times)]),
])}

Speed, on one core: ${count(speed.simulatedMs / speed.elapsedMs)} × real time. That is ${count(speed.plans)} plans of three replicas under load, on
average ${count((1000 * speed.operations) / speed.simulatedMs)} operations and ${count((1000 * speed.steps) / speed.simulatedMs)} steps in each second of their time; of ${count(speed.rounds)} runs of each plan the
fastest counts, as the machine is shared.

## The core alone

${count(core.runs)} runs of 4,000 random events each, in both modes, with three and with five servers and with servers that come and go: ${duration(core.elapsedMs)}.

## All states

The shipped core, every order of deliveries, timers, fsyncs and crashes within the bounds of the configuration
([the model checker](model.md)).

${table([
  ['configuration', 'distinct states', 'transitions', 'depth', 'time'],
  ...explored.map(({ elapsedMs, progress: { depth, states, transitions }, searched }) => [
    searched,
    count(states),
    count(transitions),
    count(depth),
    duration(elapsedMs),
  ]),
])}

## Fences

\`whileLeader\` in processes of their own, which are stopped while they lead, and go on when another one leads ([events.md](../concepts/events.md)):
${fences}. The resource never took a lower fence after a higher one.

## The specification

\`npm run spec\`:

\`\`\`
${spec}
\`\`\`

## Planted mistakes

${planted.filter(({ right }) => right).length} of ${planted.length} as they should be: all are found but \`canary-harmless\`, which is none.

${table([
  ['mistake', 'found by', 'seed', 'after'],
  ...planted.map(({ by, elapsedMs = 0, name, seed }) => [
    name.replace('.patch', ''),
    by === undefined ? 'nothing' : hunter(by),
    seed === undefined ? '' : String(seed),
    by === undefined ? '' : duration(elapsedMs),
  ]),
])}

## The power of the random checks

${power(random)}
`
}

function power(random: readonly Planted[]): string {
  const mistakes = random.filter(({ name }) => name !== 'canary-harmless.patch')
  const found = mistakes.filter(({ by }) => by !== undefined)
  const share = (100 * found.length) / Math.max(1, mistakes.length)
  const rows = mistakes.map(({ by, name, reason, seed }) => [
    name.replace('.patch', ''),
    by === undefined ? `missed: ${reason ?? 'nobody knows why'}` : hunter(by),
    seed === undefined ? '' : String(seed),
  ])
  return `\`npm run planted -- --random-only\`: without tests and the model checker, ${count(found.length)} of ${count(mistakes.length)} mistakes are found within
1,000 seeds, ${share.toFixed(1)} %.

${table([['mistake', 'found by', 'seed'], ...rows])}`
}

function hunter(by: string): string {
  const [, name, what] = /^(\w+)(?:, |: )(.*)$/.exec(by) ?? []
  const known = HUNTERS[name as keyof typeof HUNTERS] as string | undefined
  return known === undefined ? by : name === 'test' ? known : `${known} (${what ?? ''})`
}

function table([head = [], ...rows]: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

function duration(timeMs: number): string {
  if (timeMs < 60_000) return `${(timeMs / 1000).toFixed(1)} s`
  if (timeMs < 3_600_000) return `${(timeMs / 60_000).toFixed(1)} min`
  return timeMs < 48 * 3_600_000
    ? `${(timeMs / 3_600_000).toFixed(1)} h`
    : `${(timeMs / 86_400_000).toFixed(1)} days`
}
