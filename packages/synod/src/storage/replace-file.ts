import { join } from 'node:path'
import type { Disk, DiskFile } from './disk.js'
import { FAIL_WHEN_FULL, writeWhenSpace } from './no-space.js'

/**
 * Replaces a small file as a whole: after a crash it is the old or the new one, never part of one.
 */
export async function replaceFile(
  disk: Disk,
  directory: string,
  name: string,
  content: Uint8Array,
  space = FAIL_WHEN_FULL,
): Promise<void> {
  const temporary = join(directory, `${name}.new`)
  let file: DiskFile | undefined
  try {
    await writeWhenSpace(async () => {
      file ??= await disk.open(temporary, 'replace')
      await file.write(content, 0)
    }, space)
    await file?.sync()
  } finally {
    await file?.close()
  }
  await disk.rename(temporary, join(directory, name))
  await disk.syncDirectory(directory)
}
