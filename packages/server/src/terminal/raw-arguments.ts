import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { CliError } from './cli-error.js'

/** Node replaces bytes that are not UTF-8 by this character. */
const REPLACEMENT = '\ufffd'

/**
 * Throws `usage` for an argument whose bytes Node has replaced because they are not UTF-8. Without
 * the raw bytes, an argument that holds the replacement character is refused too.
 */
export function requireFaithful(
  args: readonly string[],
  readRaw: () => readonly Buffer[] | undefined = rawArguments,
): void {
  if (!args.some((arg) => arg.includes(REPLACEMENT))) return
  const raw = readRaw()?.slice(-args.length)
  for (const [index, arg] of args.entries()) {
    if (!arg.includes(REPLACEMENT)) continue
    const bytes = raw?.[index]
    if (bytes !== undefined && isUtf8(bytes) && bytes.toString() === arg) continue
    const what = bytes === undefined ? `holds ${REPLACEMENT}, or bytes that are not UTF-8` : 'is not UTF-8'
    throw new CliError(
      'usage',
      `argument ${index + 1} ${what}: give keys and values of any bytes with --encoding hex or base64, or from a file`,
    )
  }
}

/** The bytes of the command line; undefined where the system or npm hides them. */
function rawArguments(): readonly Buffer[] | undefined {
  // npm and npx run on Node, which has replaced the bytes before npm passes them on.
  if (process.env.npm_lifecycle_event !== undefined) return undefined
  let line: Buffer
  try {
    line = readFileSync('/proc/self/cmdline')
  } catch {
    return undefined
  }
  const args: Buffer[] = []
  for (let start = 0; start < line.length;) {
    const end = line.indexOf(0, start)
    args.push(line.subarray(start, end < 0 ? line.length : end))
    start = end < 0 ? line.length : end + 1
  }
  return args
}
