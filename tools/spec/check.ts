// Checks the specification: its stories, and random samples of what can happen in each mode. Quint
// looks at the types before it runs anything.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const HELP = `Usage: npm run spec -- [options]

Checks the specification in spec/: plays its stories, and draws random samples of both modes, of the window and of
clusters beside each other. In none of them may the invariant be violated, and each witness must be reached in some.

  --samples N   how many samples to draw of each of the four (default: 120)
  --steps N     how many steps each of them has (default: 80)
  --seed N      what decides them (default: 1)
`
const IN_MODES = ['somethingChosen', 'voteAdopted', 'holeFilled', 'chosenAfterRestart']

interface Part {
  /** Of the file with its steps. */
  readonly name: string
  /** The module to draw samples of. */
  readonly main: string
  /** Modules of stories: modules with a mistake say that the invariant finds it. */
  readonly stories: readonly string[]
  readonly witnesses: readonly string[]
}

const PARTS: readonly Part[] = [
  { name: 'leader', main: 'leader', stories: ['stories'], witnesses: IN_MODES },
  {
    name: 'leaderless',
    main: 'leaderless',
    stories: ['stories'],
    witnesses: [...IN_MODES, 'slotReady', 'readyTaken'],
  },
  {
    name: 'window',
    main: 'sound',
    stories: ['stories', 'mistake'],
    witnesses: ['configurationChanged', 'chosenAhead'],
  },
  {
    name: 'clusters',
    main: 'sound',
    stories: ['stories', 'mistake_ids', 'mistake_vote', 'mistake_ballots'],
    witnesses: ['voteRecovered', 'holeRecovered', 'namesakeChose', 'recoveredGoesOn'],
  },
]

const spec = fileURLToPath(new URL('..', import.meta.url))
const quint = createRequire(import.meta.url).resolve('@informalsystems/quint/dist/src/cli.js')

const { values: options } = parseArgs({
  options: {
    samples: { type: 'string', default: '120' },
    steps: { type: 'string', default: '80' },
    seed: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) {
  process.stdout.write(HELP)
  process.exit(0)
}

say(`${options.samples} samples of ${options.steps} steps of each part, seed ${options.seed}`)
const results = await Promise.all(
  PARTS.map(async (part) => [await playStories(part), await drawSamples(part)]),
)
process.exit(results.flat().every(Boolean) ? 0 : 1)

async function playStories({ name, stories }: Part): Promise<boolean> {
  let hold = true
  for (const main of stories) {
    const run = await runQuint('test', `${name}-stories.qnt`, [`--main=${main}`, '--max-samples=1'])
    const passed = /(\d+) passing/.exec(run.output)?.[1]
    const holds = run.code === 0 && passed !== undefined
    say(`${name}, ${main}: ${holds ? `${passed} hold` : 'ONE FAILS'}${run.time}`)
    if (!holds) say(run.output)
    hold &&= holds
  }
  return hold
}

async function drawSamples({ main, name, witnesses }: Part): Promise<boolean> {
  const { samples, steps } = options
  const size = [`--max-samples=${samples}`, `--max-steps=${steps}`]
  const run = await runQuint('run', `${name}.qnt`, [
    `--main=${main}`,
    '--invariant=invariant',
    '--witnesses',
    ...witnesses,
    ...size,
  ])
  const holds = run.code === 0
  say(`${name}: ${holds ? 'the invariant holds' : 'THE INVARIANT IS VIOLATED'}${run.time}`)
  if (!holds) {
    say(run.output)
    return false
  }
  const reached = witnesses.map((witness) => {
    const count = new RegExp(`^${witness} was witnessed in (\\d+) `, 'm').exec(run.output)?.[1] ?? '0'
    say(`${name}: ${witness} in ${count === '0' ? 'NO SAMPLE' : `${count} of ${samples}`}`)
    return count !== '0'
  })
  return reached.every(Boolean)
}

async function runQuint(command: string, file: string, args: readonly string[]) {
  const startedMs = performance.now()
  const common = ['--backend=typescript', `--seed=${options.seed}`, '--verbosity=1']
  const child = spawn(process.execPath, [quint, command, file, ...args, ...common], {
    cwd: spec,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (text: string) => (output += text))
  }
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output, time: ` (${((performance.now() - startedMs) / 1000).toFixed(1)} s)` }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
