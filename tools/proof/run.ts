// Runs the whole proof, and writes its report: docs/internals/proof.md. It takes an hour or so.
import { availableParallelism } from 'node:os'
import { readdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { output } from './command.js'
import { Results } from './results.js'
import { type Explored, type Planted, type Proof, type Simulated, report } from './report.js'

const HELP = `Usage: npm run proof -- [options]

Simulates many seeds in both modes, runs the core alone for as many, explores all states of the small clusters,
checks the specification, and lets the harness look for every planted mistake. Ends at the first thing that is not as
it should be; otherwise writes docs/internals/proof.md. Its progress goes to stderr. What was run before with the same code is not
run again: a proof that was interrupted goes on.

  --seeds N   how many seeds for each mode (default: 5000)
  --jobs N    how many at a time (default: one for each core)
`
const CONFIGURATIONS = [
  'leader',
  'leaderless',
  'leader-ballots',
  'leaderless-ballots',
  'leader-slow',
  'leader-flexible',
  'leaderless-flexible',
  'leader-trim',
  'leaderless-trim',
  'leader-replaced',
  'leaderless-replaced',
  'leader-swapped',
  'leaderless-swapped',
  'leaderless-prepared',
]

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '5000' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) {
  process.stdout.write(HELP)
  process.exit(0)
}

const root = fileURLToPath(new URL('../../..', import.meta.url))
const synod = ['node', 'packages/server/dist/bin.js']
const { jobs, seeds } = options

/** How often leaders in processes of their own are stopped, and go on when another one leads. */
const FENCE_CHANGES = 1000

/** What the parts of the proof run. */
const PACKAGES = ['packages/synod', 'packages/testing', 'packages/server']
const CODE = [...PACKAGES.map((name) => `${name}/src`), 'package-lock.json', 'tools/proof']
const WITH_MISTAKES = [...CODE, ...PACKAGES.map((name) => `${name}/test`), 'tools/planted']

const commit = await output(root, ['git', 'rev-parse', 'HEAD'])
const isClean = (await output(root, ['git', 'status', '--porcelain'])) === ''
if (!isClean)
  process.stderr.write(
    'There are changes that are not committed: the report names the last commit, nothing is kept.\n',
  )
const results = new Results(root, isClean)

const simulate = [...synod, 'simulate', '--json']
const speed = await json<Proof['speed']>(['node', 'tools/proof/dist/speed.js'])
const simulated = await json<Simulated>([...simulate, '--seeds', seeds, '--jobs', jobs])
// What has one thread, or is not measured, takes half as long side by side.
const [explored, { core, fences, planted, random, spec }] = await Promise.all([explore(), theRest()])

const date = new Date().toISOString().slice(0, 10)
const node = process.version
const text = report({ commit, date, node, speed, simulated, core, fences, explored, spec, planted, random })
await writeFile(new URL('../../../docs/internals/proof.md', import.meta.url), text)
await output(root, ['npx', 'prettier', '--write', '--log-level', 'warn', 'docs/internals/proof.md'])
process.stderr.write('docs/internals/proof.md is written.\n')

async function explore(): Promise<Explored[]> {
  const explored: Explored[] = []
  for (const name of CONFIGURATIONS) explored.push(await json<Explored>([...synod, 'check', name, '--json']))
  return explored
}

async function theRest(): Promise<Pick<Proof, 'core' | 'fences' | 'planted' | 'random' | 'spec'>> {
  const core = await json<Proof['core']>(['node', 'tools/proof/dist/core.js', seeds])
  const spec = await results.capture(['npm', 'run', '--silent', 'spec'], ['tools/spec', 'package-lock.json'])
  return { core, spec, fences: await changeLeaders(), ...(await huntAll()) }
}

/** What the test says of the changes of the leader. */
async function changeLeaders(): Promise<string> {
  const vitest = ['npx', 'vitest', 'run', '--project', 'e2e', 'examples/leader-work.test.ts']
  const text = await results.capture(
    ['env', `SYNOD_FENCE_CHANGES=${FENCE_CHANGES}`, ...vitest],
    [...CODE, 'examples'],
  )
  return /^\d+ changes of the leader, .*$/m.exec(text)?.[0] ?? 'nothing'
}

/** What the random checks find is not looked for again with the tests and the model checker. */
async function huntAll(): Promise<Pick<Proof, 'planted' | 'random'>> {
  const names = (await readdir(new URL('../../planted/patches', import.meta.url))).sort()
  const random = await hunt(names, '--random-only')
  const missed = random.filter(({ by }) => by === undefined).map(({ name }) => name)
  const rest = new Map((await hunt(missed)).map((find) => [find.name, find]))
  return { random, planted: random.map((find) => rest.get(find.name) ?? find) }
}

/** Each mistake by a command of its own, so that a proof that was interrupted hunts none twice. */
async function hunt(names: readonly string[], ...options: readonly string[]): Promise<Planted[]> {
  const found = new Map<string, Planted>()
  const queue = [...names]
  const work = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      const command = ['node', 'tools/planted/dist/run.js', '--json', ...options, name]
      found.set(name, await json<Planted>(command, WITH_MISTAKES))
    }
  }
  await Promise.all(Array.from({ length: Number(jobs) }, work))
  return names.flatMap((name) => found.get(name) ?? [])
}

/** The last line that a command writes, as JSON. */
async function json<T>(command: readonly string[], paths = CODE): Promise<T> {
  const last = (await results.capture(command, paths)).split('\n').filter(Boolean).at(-1)
  if (last === undefined) throw new Error(`${command.join(' ')} wrote nothing`)
  return JSON.parse(last) as T
}
