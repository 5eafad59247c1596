import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const { SYNOD_SEED, SYNOD_SEEDS } = process.env

/**
 * Runs `run` for `count` seeds from 1 on, or for the seeds that the environment asks for; one after
 * the other.
 */
export async function forEachSeed(
  url: string,
  count: number,
  run: (seed: number) => Promise<void> | void,
): Promise<void> {
  const first = Number(SYNOD_SEED ?? 1)
  for (let seed = first; seed < first + Number(SYNOD_SEEDS ?? count); seed++) {
    try {
      await run(seed)
    } catch (error) {
      const file = relative(process.cwd(), fileURLToPath(url))
      const replay = `SYNOD_SEED=${seed} SYNOD_SEEDS=1 npx vitest run ${file}`
      throw new Error(`seed ${seed}. Replay: ${replay}`, { cause: error })
    }
  }
}
