import { type Rule, invalid, wholeFrom } from 'synod/internal/options.js'

/** The rules of the options `seed` and `seeds`: seeds beyond are equal to smaller ones. */
export const SEED_RULES = { seed: wholeFrom(0, 2 ** 31 - 1), seeds: wholeFrom(1, 2 ** 31 - 1) }

/**
 * The first seed and how many there are, 1 and 20 unless given. The environment goes before what is
 * given. Throws `invalid-options`.
 */
export function seedsOf({ seed = 1, seeds = 20 }: { readonly seed?: number; readonly seeds?: number }) {
  return {
    first: fromEnvironment('SYNOD_SEED', seed, SEED_RULES.seed),
    count: fromEnvironment('SYNOD_SEEDS', seeds, SEED_RULES.seeds),
  }
}

/** A text that is no number would be no seed, and so no test. */
function fromEnvironment(name: 'SYNOD_SEED' | 'SYNOD_SEEDS', given: number, rule: Rule): number {
  const text = process.env[name]
  if (text === undefined || text === '') return given
  const value = Number(text)
  if (!rule.fits(value, name)) throw invalid(`the environment variable ${name}`, rule.may, text)
  return value
}
