import { join } from 'node:path'
import type { Disk } from './disk.js'

/** Replaces a small file as a whole: after a crash it is the old or the new one, never part of one. */
export async function replaceFile(
  disk: Disk,
  directory: string,
  name: string,
  content: Uint8Array,
): Promise<void> {
  const temporary = join(directory, `${name}.new`)
  const file = await disk.open(temporary, 'replace')
  try {
    await file.write(content, 0)
    await file.sync()
  } finally {
    await file.close()
  }
  await disk.rename(temporary, join(directory, name))
  await disk.syncDirectory(directory)
}
