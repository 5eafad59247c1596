/** What every command can be told. */
export interface OutputOptions {
  /** Write JSON, one document on a line. */
  readonly json?: boolean
}

/** Prints a line to stdout: as `text`, or with `--json` as `document`. */
export function print({ json = false }: OutputOptions, text: string, document: unknown): void {
  if (json) printJson(document)
  else process.stdout.write(`${text}\n`)
}

/** Prints a document as a line of JSON. */
export function printJson(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document)}\n`)
}

/** `1 slot`, `2 slots`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
