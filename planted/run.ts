// Puts one mistake after the other into a copy of the code, and lets the harness look for it. A mistake that
// nothing finds is a hole in the harness.
import { readdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { type Find, hunt } from './hunt.js'
import { patches } from './scratch.js'

const HELP = `Usage: npm run planted -- [options] [NAME...]

Plants the mistakes of planted/patches, or those whose names begin with NAME, and tells what finds each: which
check, at which seed, after how long. A name that begins with a number is a mistake that published implementations
have made. canary-loud must be found at once; canary-harmless is none, and must not be found.

  --seeds N   how many seeds each check tries (default: 1000)
  --jobs N    how many mistakes at a time (default: one for each core)
  --json      one line of JSON for each mistake
`
const HARMLESS = 'canary-harmless.patch'

const { positionals: prefixes, values: options } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '1000' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) {
  process.stdout.write(HELP)
  process.exit(0)
}

const names = (await readdir(patches))
  .filter((name) => prefixes.length === 0 || prefixes.some((prefix) => name.startsWith(prefix)))
  .sort()
const queue = [...names]
let done = 0
let wrong = 0
await Promise.all(Array.from({ length: Number(options.jobs) }, work))
if (!options.json) process.stdout.write(`${names.length - wrong} of ${names.length} as they should be\n`)
process.exit(wrong === 0 ? 0 : 1)

async function work(): Promise<void> {
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    // What is no mistake need not be looked for long.
    const find = await hunt(name, name === HARMLESS ? 100 : Number(options.seeds))
    const right = (find === undefined) === (name === HARMLESS)
    done++
    if (!right) wrong++
    process.stdout.write(
      `${options.json ? JSON.stringify({ name, right, ...find }) : line(name, find, right)}\n`,
    )
  }
}

function line(name: string, find: Find | undefined, right: boolean): string {
  const mark = right ? '' : 'WRONG: '
  const progress = `${done}/${names.length} ${name}: ${mark}`
  if (find === undefined) return `${progress}not found`
  const seed = find.seed === undefined ? '' : ` at seed ${find.seed}`
  return `${progress}found by ${find.by}${seed} after ${(find.elapsed_ms / 1000).toFixed(1)} s`
}
