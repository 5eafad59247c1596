import { ballotText } from '../picture/label.js'
import { type Fields, asBallot, isFields } from './json.js'

/**
 * Something of a trace in a few words: a ballot as `(1, s2)`, the fields of an object by their
 * names, a list with commas.
 */
export function wordsOf(it: unknown): string {
  if (typeof it === 'string') return it
  if (Array.isArray(it)) return it.length === 0 ? 'none' : it.map(wordsOf).join(', ')
  // Numbers to the thousandth.
  if (typeof it === 'number') return String(Number(it.toFixed(3)))
  if (!isFields(it)) return JSON.stringify(it)
  const ballot = asBallot(it)
  return ballot === undefined ? `{ ${fieldsWords(it)} }` : ballotText(ballot)
}

export function fieldsWords(fields: Fields): string {
  return Object.entries(fields)
    .map(([name, it]) => `${name} ${wordsOf(it)}`)
    .join(', ')
}

/** A message or a fault: what it is, then all else. */
export function headed(head: string, { [head]: what, ...rest }: Fields): string {
  const words = fieldsWords(rest)
  return words === '' ? wordsOf(what) : `${wordsOf(what)}: ${words}`
}

/** `cut: from 1, to 2, oneWay false, for 120 ms`. */
export function faultWords({ atMs: _, forMs, ...fault }: Fields): string {
  const lasting = typeof forMs === 'number' && forMs > 0 ? `, for ${wordsOf(forMs)} ms` : ''
  return headed('kind', fault) + lasting
}

/** `asks: command #33, type delete, key a`. */
export function requestWords({ command, query, tag, type, ...rest }: Fields): string {
  const head = `asks: ${wordsOf(type)}${tag === undefined ? '' : ` #${wordsOf(tag)}`}`
  const what = [command ?? query, rest].filter(isFields).map(fieldsWords)
  return [head, ...what].filter((words) => words !== '').join(', ')
}

/** What a call came to, whose `return` this is. */
export function returnWords({ error, output, slot }: Fields): string {
  if (error !== undefined) return `its call fails: ${wordsOf(error)}`
  return `its call returns ${wordsOf(output)}${slot === undefined ? '' : `, as of slot ${wordsOf(slot)}`}`
}
