import { type FileHandle, open } from 'node:fs/promises'
import type { Appendable } from './trace-writer.js'

const LINE_FEED = 10

/**
 * Opens a file to add lines to it: what an earlier process wrote stays. If that one was killed within a line, the next line begins on
 * one of its own all the same. Rejects with what the system says.
 */
export async function openTraceFile(path: string): Promise<Appendable> {
  const file = await open(path, 'a+')
  try {
    if (await endsWithinLine(file)) await file.appendFile('\n')
  } catch (error) {
    await file.close()
    throw error
  }
  return { append: (text) => file.appendFile(text), close: () => file.close() }
}

async function endsWithinLine(file: FileHandle): Promise<boolean> {
  const { size } = await file.stat()
  if (size === 0) return false
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1)
  return buffer[0] !== LINE_FEED
}
