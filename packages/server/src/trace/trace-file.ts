import { type FileHandle, open } from 'node:fs/promises'
import { isatty } from 'node:tty'
import { CliError } from '../terminal/cli-error.js'
import { requireTraceTarget } from './trace-target.js'
import type { Appendable } from './trace-writer.js'

const LINE_FEED = 10

/**
 * Opens a file to append lines to it, after a line that an earlier process left unfinished too.
 * Rejects with `not-a-trace`, and with `usage` for a pipe or a terminal: a reader that stops
 * reading would hold a thread that writes the journal, and keep the process from ending.
 */
export async function openTraceFile(path: string): Promise<Appendable> {
  await requireTraceTarget(path)
  const file = await open(path, 'a+')
  try {
    await requireNoReader(file, path)
    if (await endsWithinLine(file)) await file.appendFile('\n')
  } catch (error) {
    await file.close()
    throw error
  }
  return { append: (text) => file.appendFile(text), close: () => file.close() }
}

async function requireNoReader(file: FileHandle, path: string): Promise<void> {
  const stats = await file.stat()
  if (stats.isFIFO() || stats.isSocket() || isatty(file.fd)) {
    throw new CliError('usage', `${path} is a pipe or a terminal; a trace is written to a file`, { path })
  }
}

async function endsWithinLine(file: FileHandle): Promise<boolean> {
  const { size } = await file.stat()
  if (size === 0) return false
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1)
  return buffer[0] !== LINE_FEED
}
