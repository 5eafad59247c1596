import { writeStream } from './standard-streams.js'

/** Options of every command. */
export interface OutputOptions {
  /** Write JSON, one document on a line. */
  readonly json?: boolean
}

/** Prints a line to stdout: as `text`, or with `--json` as `document`. */
export function print({ json = false }: OutputOptions, text: string, document: unknown): void {
  if (json) printJson(document)
  else writeStream('stdout', `${text}\n`)
}

/** The notice that lines are missing in the output of a server. */
export function droppedMessage(lines: number): string {
  return `${plural(lines, 'line')} could not be written, and ${lines === 1 ? 'is' : 'are'} missing here`
}

/** That notice as a line of stdout. */
export function droppedLine({ json = false }: OutputOptions, lines: number): string {
  return json ? `${JSON.stringify({ event: 'dropped', lines })}\n` : `${droppedMessage(lines)}\n`
}

/** Prints a document as a line of JSON. */
export function printJson(document: unknown): void {
  writeStream('stdout', `${JSON.stringify(document)}\n`)
}

/** `1 slot`, `2 slots`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
