import { parseArgs } from 'node:util'
import type { Span } from './system.js'

type Defaults = Readonly<Record<string, string | boolean>>
type ValuesOf<T extends Defaults> = { readonly [Name in keyof T]: T[Name] extends boolean ? boolean : string }

/**
 * Reads the arguments of a benchmark: all options, with their defaults. Ends the process where they
 * ask for help, or are wrong.
 */
export function readArguments<T extends Defaults>(help: string, defaults: T): ValuesOf<T> {
  const options = Object.entries({ ...defaults, help: false }).map(
    ([name, value]) => [name, { type: typeof value as 'string' | 'boolean', default: value }] as const,
  )
  try {
    const { values } = parseArgs({ allowNegative: true, options: Object.fromEntries(options) })
    if (values.help !== true) return values as ValuesOf<T>
  } catch (error) {
    wrongUsage((error as Error).message)
  }
  process.stdout.write(help)
  process.exit(0)
}

/** The number of an option: above 0, and whole where it counts something. */
export function numberOf(name: string, text: string, isCount = false): number {
  const number = Number(text)
  if (number > 0 && number < Infinity && (!isCount || Number.isInteger(number))) return number
  wrongUsage(`--${name} must be a ${isCount ? 'whole ' : ''}number above 0, not '${text}'`)
}

/** How long each of many runs on one cluster goes on, and is measured. */
export function spanOf(options: { readonly seconds: string; readonly 'ramp-up': string }): Span {
  return {
    seconds: numberOf('seconds', options.seconds),
    warmUpSeconds: numberOf('ramp-up', options['ramp-up']),
  }
}

export function wrongUsage(message: string): never {
  process.stderr.write(`error: ${message}\n`)
  process.exit(2)
}
