// Puts one mistake after the other into a copy of the code, and lets the harness look for it. A
// mistake that nothing finds is a hole in the harness.
import { readdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { type Find, hunt } from './hunt.js'
import { reasons, remember, sightings } from './memory.js'
import { patches } from './scratch.js'

const HELP = `Usage: npm run planted -- [options] [NAME...]

Plants the mistakes of tools/planted/patches, or those whose names begin with NAME, and tells what finds each: which
check, at which seed, after how long. A name that begins with a number is a mistake that published implementations
have made. canary-loud must be found at once; canary-harmless is none, and must not be found.

  --seeds N   how many seeds each check tries (default: 1000)
  --jobs N    how many mistakes at a time (default: one for each core)
  --json      one line of JSON for each mistake
  --random-only
              let only the checks look that follow from chance: no tests, no model checker. What they miss is right if
              tools/planted/missed.json says why; prints a table in the end.

Each hunt begins with the seed that found the mistake the last time (tools/planted/sightings.json), and writes down where it
found it elsewhere.
`
const HARMLESS = 'canary-harmless.patch'
const SHORT_SEEDS = 40

const { positionals: prefixes, values: options } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '1000' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    json: { type: 'boolean', default: false },
    'random-only': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) {
  process.stdout.write(HELP)
  process.exit(0)
}

const randomOnly = options['random-only']
const missed = await reasons()
const seen = await sightings()
const names = (await readdir(patches))
  .filter((name) => prefixes.length === 0 || prefixes.some((prefix) => name.startsWith(prefix)))
  .sort()
const queue = [...names]
const finds = new Map<string, Find | undefined>()
let wrong = 0
await Promise.all(Array.from({ length: Number(options.jobs) }, work))
if (!options.json) {
  if (randomOnly) process.stdout.write(table())
  process.stdout.write(`${names.length - wrong} of ${names.length} as they should be\n`)
}
process.exit(wrong === 0 ? 0 : 1)

async function work(): Promise<void> {
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    // What is no mistake, or is known to be missed, need not be looked for long.
    const isLong = name !== HARMLESS && !(name in missed)
    const seeds = Math.min(Number(options.seeds), isLong ? Infinity : SHORT_SEEDS)
    const find = await hunt(name, { seeds, randomOnly, last: seen.get(name) })
    finds.set(name, find)
    if (find?.sighting !== undefined) {
      seen.set(name, find.sighting)
      await remember(seen)
    }
    const reason = find === undefined && randomOnly ? missed[name] : undefined
    const right = (find === undefined) === (name === HARMLESS) || reason !== undefined
    if (!right) wrong++
    process.stdout.write(
      `${options.json ? JSON.stringify({ name, right, reason, ...find }) : line(name, find, right)}\n`,
    )
  }
}

function line(name: string, find: Find | undefined, right: boolean): string {
  const mark = right ? '' : 'WRONG: '
  const progress = `${finds.size}/${names.length} ${name}: ${mark}`
  if (find === undefined) return `${progress}not found`
  const seed = find.seed === undefined ? '' : ` at seed ${find.seed}`
  return `${progress}found by ${find.by}${seed} after ${(find.elapsedMs / 1000).toFixed(1)} s`
}

/**
 * Each mistake with the check that finds it and its seed, or with the reason why none does; then
 * how many are found.
 */
function table(): string {
  const mistakes = names.filter((name) => name !== HARMLESS)
  const rows = mistakes.map((name) => {
    const find = finds.get(name)
    const what = find === undefined ? `missed: ${missed[name] ?? 'nobody knows why'}` : find.by
    return `${name.replace('.patch', '').padEnd(62)} ${String(find?.seed ?? '').padStart(5)}  ${what}\n`
  })
  const found = mistakes.filter((name) => finds.get(name) !== undefined).length
  const share = ((100 * found) / Math.max(1, mistakes.length)).toFixed(1)
  return `\n${rows.join('')}\nThe random checks alone find ${found} of ${mistakes.length} mistakes: ${share} %.\n`
}
