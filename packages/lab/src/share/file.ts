/** What can be saved as a file. */
export type Saved = 'script' | 'picture' | 'trace'

const EXTENSIONS: Readonly<Record<Saved, string>> = { script: 'txt', picture: 'svg', trace: 'ndjson' }

const MAX_NAME_LENGTH = 60

/**
 * A name for a file that holds `what`, made of what people call it: `Two leaders!` as a script is
 * `two-leaders.txt`.
 */
export function fileName(what: Saved, title: string): string {
  const words = title
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
  const name = words.join('-').slice(0, MAX_NAME_LENGTH).replace(/-$/, '')
  return `${name === '' ? `synod-${what}` : name}.${EXTENSIONS[what]}`
}
