import { access, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { readSnapshotInfo } from 'synod'
import { CliError } from './cli-error.js'

/** It holds all keys: nobody else may read it. */
const MODE = 0o600

/**
 * Writes a snapshot to a file: under another name first, checked and durable before it gets its own. So the file is there as a whole, or
 * not at all. Throws `file-exists` for one that is there, unless it is to be replaced.
 */
export async function saveFile(
  file: string,
  replaces: boolean,
  bytes: () => AsyncIterable<Uint8Array>,
): Promise<void> {
  if (!replaces) await requireAbsent(file)
  const partial = `${file}.partial`
  try {
    await writeFile(partial, bytes())
    await readSnapshotInfo(partial)
    if (!replaces) await requireAbsent(file)
    await rename(partial, file)
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
  await syncDirectory(dirname(file))
}

async function writeFile(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'w', MODE)
  try {
    for await (const each of bytes) await file.writeFile(each)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

async function requireAbsent(file: string): Promise<void> {
  const isThere = await access(file).then(
    () => true,
    () => false,
  )
  if (isThere)
    throw new CliError('file-exists', `${file} is there already: give another name, or --force to replace it`)
}
