import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

/** docs/reference/trace.md, which says what a trace is. */
export const page = await readFile(
  fileURLToPath(new URL('../../../../docs/reference/trace.md', import.meta.url)),
  'utf8',
)

/** What the tables and lists of a section are about: their first words, as code. */
export function named(section: RegExp): string[] {
  return [...textOf(section).matchAll(/^[|-] `([\w-]+)`/gm)].map((match) => match[1]!)
}

/** The fields that the examples of a kind of line show. */
export function shownFields(kind: string): string[] {
  const section = new RegExp(`^[^\\n]*\\b${kind}\\b`)
  return [...textOf(section).matchAll(/"(\w+)":/g)].map((match) => match[1]!)
}

function textOf(section: RegExp): string {
  return page.split(/^## /m).find((part) => section.test(part))!
}
