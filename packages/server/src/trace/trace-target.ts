import { open, stat } from 'node:fs/promises'
import { CliError } from '../terminal/cli-error.js'

/** The beginning of every line of a trace. */
const LINE = '{"atMs":'

/**
 * Throws `not-a-trace` for a file that holds something else, which a trace would replace or damage.
 * An older trace may be replaced: the same command makes it again.
 */
export async function requireTraceTarget(path: string): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    if ((error as { code?: unknown }).code === 'ENOENT') return undefined
    throw error
  })
  if (found?.isFile() !== true || found.size === 0) return
  const file = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(LINE.length), 0, LINE.length, 0)
    // A process that was killed may have written less than this beginning.
    if (LINE.startsWith(buffer.toString('latin1', 0, bytesRead))) return
  } finally {
    await file.close()
  }
  throw new CliError('not-a-trace', `${path} is there and holds no trace: give another name for the trace`)
}
