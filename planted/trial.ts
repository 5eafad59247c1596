// Runs in a scratch copy, against the library with a mistake in it: node trial.js CHECK MODE FIRST_SEED SEEDS.
// Prints the first thing found, as JSON, or nothing.
import { drawPlan, exploreCore, runPlan, storeWorkload } from 'synod/testing'

type Mode = 'leader' | 'leaderless'

/** What one seed has found: the kind of violation, and what it says. */
interface Found {
  readonly kind: string
  readonly message: string
}

const [check, mode, first, seeds] = process.argv.slice(2)
const from = Number(first)
for (let seed = from; seed < from + Number(seeds); seed++) {
  const found = await (check === 'core' ? inCore(mode as Mode, seed) : inSimulator(mode as Mode, seed))
  if (found === undefined) continue
  process.stdout.write(JSON.stringify({ seed, ...found }))
  break
}
// Whatever a mistake has left running ends here.
process.exit(0)

async function inCore(mode: Mode, seed: number): Promise<Found | undefined> {
  try {
    exploreCore(mode, seed, 3)
    return undefined
  } catch (error) {
    return found(error)
  }
}

async function inSimulator(mode: Mode, seed: number): Promise<Found | undefined> {
  try {
    const { violation } = await runPlan(drawPlan(seed, { mode }), storeWorkload)
    return violation && { kind: violation.kind, message: violation.message }
  } catch (error) {
    return found(error)
  }
}

function found(error: unknown): Found {
  return error instanceof Error
    ? { kind: error.name, message: error.message }
    : { kind: 'thrown', message: String(error) }
}
