// Puts one mistake after the other into a copy of the code, and runs the tests that should find it. A mistake
// that no test finds is a hole in the tests.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const HELP = `Usage: npm run planted -- [options] [NAME...]

Plants the mistakes of planted/patches, or those whose names begin with NAME, and tells which test finds each.
A name that begins with a number is a mistake that published implementations have made: the tests with that
number in their names must find it. The others, h01 and on, are for the random test of the core.

  --seeds N   how many seeds the random tests run (default: 300)
`
const CONFIGURATION = [
  'package.json',
  'vitest.config.ts',
  'tsconfig.base.json',
  'tsconfig.json',
  'tsconfig.test.json',
]
const CHAOS = 'packages/synod/test/paxos/chaos.test.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const patches = join(root, 'planted', 'patches')

const { positionals: prefixes, values: options } = parseArgs({
  allowPositionals: true,
  options: { seeds: { type: 'string', default: '300' }, help: { type: 'boolean', default: false } },
})
if (options.help) {
  process.stdout.write(HELP)
  process.exit(0)
}

const names = (await readdir(patches)).filter(
  (name) => prefixes.length === 0 || prefixes.some((prefix) => name.startsWith(prefix)),
)
const missed: string[] = []
for (const [index, name] of names.entries()) {
  const started_ms = performance.now()
  const finder = await findMistake(name)
  if (finder === undefined) missed.push(name)
  const seconds = ((performance.now() - started_ms) / 1000).toFixed(1)
  process.stdout.write(`${index + 1}/${names.length} ${name} (${seconds} s): ${finder ?? 'NOT FOUND'}\n`)
}
process.stdout.write(`${names.length - missed.length} of ${names.length} mistakes found\n`)
process.exit(missed.length === 0 ? 0 : 1)

/** The name of a test that fails with the mistake put in. */
async function findMistake(name: string): Promise<string | undefined> {
  const copy = await mkdtemp(join(tmpdir(), 'planted-'))
  try {
    for (const file of CONFIGURATION) await cp(join(root, file), join(copy, file))
    await cp(join(root, 'packages'), join(copy, 'packages'), {
      recursive: true,
      filter: (source) => !/[/\\](dist|node_modules)$/.test(source),
    })
    await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
    const applied = await run(
      'git',
      ['apply', '--unsafe-paths', '-C1', `--directory=${copy}`, join(patches, name)],
      copy,
    )
    if (applied.code !== 0) throw new Error(`${name} does not apply any more: ${applied.output}`)
    return failureIn(await test(name, copy))
  } finally {
    await rm(copy, { recursive: true })
  }
}

async function test(name: string, copy: string): Promise<string> {
  const number = /^(\d\d)-/.exec(name)?.[1]
  const which = number === undefined ? [CHAOS] : ['packages/synod/test', '-t', `PITFALL ${Number(number)}:`]
  const report = join(copy, 'report.json')
  const args = [
    'run',
    '--project',
    'unit',
    '--bail',
    '1',
    '--reporter',
    'json',
    '--outputFile',
    report,
    ...which,
  ]
  const { output } = await run(join(root, 'node_modules', '.bin', 'vitest'), args, copy)
  return readFile(report, 'utf8').catch(() => {
    throw new Error(`${name}: the tests did not run\n${output}`)
  })
}

function failureIn(report: string): string | undefined {
  const { testResults } = JSON.parse(report) as {
    testResults: { assertionResults: { fullName: string; status: string }[]; message?: string }[]
  }
  const results = testResults.flatMap(({ assertionResults }) => assertionResults)
  return results.find(({ status }) => status === 'failed')?.fullName
}

async function run(
  command: string,
  args: readonly string[],
  cwd: string,
): Promise<{ code: number; output: string }> {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, SYNOD_SEEDS: options.seeds },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  const [code] = (await once(child, 'close')) as [number | null]
  return { code: code ?? 1, output }
}
