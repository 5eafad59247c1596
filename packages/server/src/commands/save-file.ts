import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { access, link, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { readSnapshotInfo } from 'synod'
import { CliError } from '../terminal/cli-error.js'

/** Only its owner may read the file: it holds all keys. */
const MODE = 0o600

/** Signals that end the command. It removes its partial file first. */
const ENDS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Some file systems have no links. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']

/**
 * Writes a snapshot to a partial file, checks it, makes it durable, and renames it. So the file is
 * whole or absent, also when two commands write it. Throws `file-exists` unless an existing file is
 * to be replaced.
 */
export async function saveFile(
  file: string,
  replaces: boolean,
  bytes: () => AsyncIterable<Uint8Array>,
): Promise<void> {
  if (!replaces) await requireAbsent(file)
  const partial = `${file}.${randomBytes(4).toString('hex')}.partial`
  const end = (signal: NodeJS.Signals) => {
    rmSync(partial, { force: true })
    for (const each of ENDS) process.off(each, end)
    process.kill(process.pid, signal)
  }
  for (const each of ENDS) process.on(each, end)
  try {
    await writeFile(partial, bytes())
    await readSnapshotInfo(partial)
    await (replaces ? rename(partial, file) : give(partial, file))
    await syncDirectory(dirname(file))
  } finally {
    await rm(partial, { force: true })
    for (const each of ENDS) process.off(each, end)
  }
}

/** Links and does not rename: a rename would replace a file that another process has put there. */
async function give(partial: string, file: string): Promise<void> {
  try {
    await link(partial, file)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    if (code === 'EEXIST') throw existsError(file)
    if (!NO_LINKS.includes(code)) throw error
    await requireAbsent(file)
    await rename(partial, file)
  }
}

async function writeFile(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'wx', MODE)
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
  if (isThere) throw existsError(file)
}

function existsError(file: string): CliError {
  return new CliError('file-exists', `${file} is there already: give another name, or --force to replace it`)
}
