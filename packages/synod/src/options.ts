import { SynodError } from './errors.js'

/** What an option may be. */
export interface Rule {
  /** In words that come after "must be". */
  readonly may: string
  /**
   * What is wrong with a value, where there is more to say than that it does not fit; its name
   * comes first.
   */
  readonly fits: (value: unknown, name: string) => boolean
  readonly isRequired?: boolean
}

/** By name, all options that there are. */
export type Rules = Readonly<Record<string, Rule>>

const SHOWN_LENGTH = 100

/**
 * Checks the options of a call: each by its rule, and that there are no others. `what` names them,
 * `path` stands before the name of each. Throws `invalid-options`.
 */
export function checkOptions(what: string, options: unknown, rules: Rules, path = ''): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw invalid(what, 'an object', options)
  const given = options as Readonly<Record<string, unknown>>
  // Most calls have no options: nothing is made for them here, no list of names nor of rules.
  for (const name in given) {
    if (given[name] === undefined || !Object.hasOwn(given, name) || Object.hasOwn(rules, name)) continue
    const names = Object.keys(rules).map((known) => path + known)
    throw new SynodError('invalid-options', `${path}${name} is no option: there are ${names.join(', ')}`)
  }
  for (const name in rules) {
    const [rule, value] = [rules[name], given[name]]
    if (rule !== undefined && (value !== undefined || rule.isRequired === true))
      checkOption(path + name, value, rule)
  }
}

/** Checks one option. Throws `invalid-options`. */
export function checkOption(name: string, value: unknown, { fits, isRequired = false, may }: Rule): void {
  if (value === undefined && !isRequired) return
  if (value === undefined || !fits(value, name)) throw invalid(name, may, value)
}

/** The error for an option that is not what it may be. */
export function invalid(name: string, may: string, value: unknown): SynodError {
  return new SynodError('invalid-options', `${name} must be ${may}, not ${shown(value)}`)
}

export function required(rule: Rule): Rule {
  return { ...rule, isRequired: true }
}

/** A number, fractions too. */
export function numberFrom(low: number, high: number): Rule {
  return { may: `from ${count(low)} to ${count(high)}`, fits: (value) => isFrom(value, low, high) }
}

export function wholeFrom(low: number, high: number): Rule {
  return {
    may: `a whole number from ${count(low)} to ${count(high)}`,
    fits: (value) => isFrom(value, low, high) && Number.isInteger(value),
  }
}

export function oneOf(...values: readonly string[]): Rule {
  return {
    may: values.map((value) => `'${value}'`).join(' or '),
    fits: (value) => values.includes(value as string),
  }
}

/** Text with a limit of its bytes as UTF-8. */
export function textOf(leastBytes: number, mostBytes: number): Rule {
  return {
    may: `text of ${leastBytes} to ${count(mostBytes)} bytes`,
    fits(value) {
      if (typeof value !== 'string' || value.length > mostBytes) return false
      const sizeBytes = Buffer.byteLength(value)
      return sizeBytes >= leastBytes && sizeBytes <= mostBytes
    },
  }
}

/** An object, of a class maybe, with these methods. */
export function withMethods(...names: readonly string[]): Rule {
  return {
    may: `an object with the methods ${names.join(', ')}`,
    fits: (value) =>
      isObject(value) &&
      names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function'),
  }
}

/** Options within an option. */
export function group(rules: Rules): Rule {
  return {
    may: 'an object',
    fits(value, name) {
      checkOptions(name, value, rules, `${name}.`)
      return true
    },
  }
}

/** What was left out, be it as undefined, is as in `defaults`. */
export function withDefaults<T extends object>(defaults: T, given: Partial<T> = {}): T {
  const known = Object.entries(given).filter(([, value]) => value !== undefined)
  return { ...defaults, ...Object.fromEntries(known) }
}

export const BOOLEAN: Rule = { may: 'true or false', fits: (value) => typeof value === 'boolean' }

export const FUNCTION: Rule = { may: 'a function', fits: (value) => typeof value === 'function' }

/** How long to go on trying. */
export const TIMEOUT_MS: Rule = {
  may: 'from 1 to 3,600,000, or Infinity for no limit',
  fits: (value) => value === Infinity || isFrom(value, 1, 3_600_000),
}

/** A promise of any realm or library. */
export const SIGNAL: Rule = {
  may: 'an AbortSignal',
  fits: (value) =>
    isObject(value) &&
    typeof (value as Partial<AbortSignal>).aborted === 'boolean' &&
    typeof (value as Partial<AbortSignal>).addEventListener === 'function' &&
    typeof (value as Partial<AbortSignal>).removeEventListener === 'function',
}

export const LOGGER = withMethods('info', 'warn', 'error')

/** A value in an error message, short and in words. */
export function shown(value: unknown): string {
  if (typeof value === 'string')
    return value.length > SHOWN_LENGTH ? `'${value.slice(0, SHOWN_LENGTH)}…'` : `'${value}'`
  if (typeof value === 'bigint') return `${String(value).slice(0, SHOWN_LENGTH)}n`
  if (typeof value === 'function') return 'a function'
  return isObject(value) ? shownObject(value) : String(value)
}

export function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array || Object.prototype.toString.call(value) === '[object Uint8Array]'
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (typeof value !== 'object' && typeof value !== 'function') return false
  return typeof (value as Partial<PromiseLike<unknown>> | null)?.then === 'function'
}

/** Never fails, for any value. */
function shownObject(value: object): string {
  if (isThenable(value)) return 'a promise'
  if (Array.isArray(value)) return 'an array'
  const { constructor } = value as { constructor?: unknown }
  const name = typeof constructor === 'function' ? constructor.name : ''
  return name === '' || name === 'Object' ? 'an object' : `an object of class ${name}`
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function isFrom(value: unknown, low: number, high: number): boolean {
  return typeof value === 'number' && value >= low && value <= high
}

/** As people write large numbers: 3,600,000. */
function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',')
}
