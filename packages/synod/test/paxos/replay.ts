import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'

const { SYNOD_SEED, SYNOD_SEEDS, SYNOD_PATH } = process.env

/** Runs `run` for `count` seeds from 1 on, or for the seeds that the environment asks for. */
export function forSeeds(url: string, count: number, run: (seed: number) => void): void {
  const first = Number(SYNOD_SEED ?? 1)
  for (let seed = first; seed < first + Number(SYNOD_SEEDS ?? count); seed++) {
    try {
      run(seed)
    } catch (error) {
      throw new Error(`seed ${seed}. ${replay(url, `SYNOD_SEED=${seed} SYNOD_SEEDS=1`)}`, { cause: error })
    }
  }
}

/** Checks a property on random examples. */
export function checkProperty<T>(url: string, property: fc.IProperty<T>): void {
  const parameters = {
    seed: Number(SYNOD_SEED ?? 1),
    ...(SYNOD_PATH === undefined ? {} : { path: SYNOD_PATH }),
  }
  const details = fc.check(property, parameters)
  if (!details.failed) return
  const where = `SYNOD_SEED=${details.seed} SYNOD_PATH='${details.counterexamplePath ?? ''}'`
  const message = `${fc.defaultReportMessage(details) ?? ''}\n${replay(url, where)}`
  throw new Error(message, { cause: details.errorInstance })
}

function replay(url: string, environment: string): string {
  return `Replay: ${environment} npx vitest run ${relative(process.cwd(), fileURLToPath(url))}`
}
