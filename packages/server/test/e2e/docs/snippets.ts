import { readFile, readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../../../..', import.meta.url))

export interface Snippet {
  /** Such as `docs/reference/cli.md:26`. */
  readonly where: string
  readonly page: string
  readonly text: string
}

/** What a line of a shell begins with, for it to be a command of ours. */
const COMMAND = /^(?:[A-Z_]+=\S+ +)*(?:npm|npx|synod|kill|printf) /

/** Pages that are no text of ours, or of another time. */
const LEFT_OUT = ['decisions', 'reference/api']

/** `README.md` and the pages of docs, with their lines. */
async function pages(): Promise<(readonly [string, readonly string[]])[]> {
  const names = [
    'README.md',
    ...(await readdir(`${ROOT}/docs`, { recursive: true }))
      .filter((name) => name.endsWith('.md') && !LEFT_OUT.some((folder) => name.startsWith(folder)))
      .map((name) => `docs/${name}`),
  ]
  return Promise.all(
    names.map(async (name) => [name, (await readFile(`${ROOT}/${name}`, 'utf8')).split('\n')] as const),
  )
}

/**
 * All commands of the pages, in their order: indented lines, and code in a sentence or a table that
 * is a whole command. A comment at the end is left out, and a line that goes on is put together.
 */
export async function commandsOfDocs(): Promise<Snippet[]> {
  const found: Snippet[] = []
  for (const [page, lines] of await pages()) {
    for (let index = 0; index < lines.length; index++) {
      const where = `${page}:${index + 1}`
      let line = lines[index] ?? ''
      if (!/^ {4}\S/.test(line)) {
        for (const [, text = ''] of line.matchAll(/`([^`]+)`/g)) {
          const isWhole =
            COMMAND.test(`${text} `) && /^npm (?:run \S|start|test)|^npx |^[A-Z]|^synod \S+ /.test(text)
          if (isWhole) found.push({ where, page, text })
        }
        continue
      }
      while (line.endsWith('\\')) line = line.slice(0, -1) + (lines[++index] ?? '').trim()
      const text = line.replace(/ {2,}#.*$/, '').trim()
      if (COMMAND.test(`${text} `)) found.push({ where, page, text: text.replace(/ +/g, ' ') })
    }
  }
  return found
}

/** All blocks of TypeScript, and indented lines of it. */
export async function typescriptOfDocs(): Promise<Snippet[]> {
  const found: Snippet[] = []
  for (const [page, lines] of await pages()) {
    let block: string[] | undefined
    let where = ''
    for (const [index, line] of lines.entries()) {
      if (line.startsWith('```ts')) {
        block = []
        where = `${page}:${index + 2}`
      } else if (line.startsWith('```') && block !== undefined) {
        found.push({ where, page, text: block.join('\n') })
        block = undefined
      } else if (block !== undefined) block.push(line)
      else if (/^ {4}(?:await |Replica\.)/.test(line))
        found.push({ where: `${page}:${index + 1}`, page, text: line.trim() })
    }
  }
  return found
}
