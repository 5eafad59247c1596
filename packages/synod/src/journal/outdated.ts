import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Disk } from '../storage/disk.js'
import { replaceFile } from '../storage/replace-file.js'

export const OUTDATED_FILE = 'outdated'

/**
 * Shows that a directory is an old copy of itself: another server has heard of a later group than
 * its last.
 */
export interface Outdated {
  /** The last group in the directory when that was found out. */
  readonly groupCount: number
  /** The highest group of this acceptor that the other server has heard of. */
  readonly heard: number
}

/** Keeps a server from voting with this directory ever again. */
export async function saveOutdated(
  disk: Disk,
  directory: string,
  { heard, groupCount }: Outdated,
): Promise<void> {
  const content = { position: groupCount, heard }
  const text = JSON.stringify({ ...content, crc32: crc32(JSON.stringify(content)) }) + '\n'
  await replaceFile(disk, directory, OUTDATED_FILE, Buffer.from(text))
}

/**
 * Why the journal in a directory must not be used, in words; undefined where no mark says so. One
 * that is damaged counts too.
 */
export async function loadOutdated(
  disk: Disk,
  directory: string,
  names: readonly string[],
): Promise<string | undefined> {
  if (!names.includes(OUTDATED_FILE)) return undefined
  const outdated = parse((await disk.read(join(directory, OUTDATED_FILE))).toString())
  return outdated === undefined
    ? 'it has been marked as an old copy, and the mark is damaged'
    : outdatedWords(outdated)
}

/** In the words of a message to people. */
export function outdatedWords({ heard, groupCount }: Outdated): string {
  return (
    `it is an old copy: it ends with group ${groupCount}, and another server has heard of group ${heard} ` +
    `of this acceptor, so promises and votes are missing`
  )
}

function parse(text: string): Outdated | undefined {
  try {
    const { crc32: expected, heard, position } = JSON.parse(text) as Record<string, unknown>
    if (typeof heard !== 'number' || typeof position !== 'number') return undefined
    return expected === crc32(JSON.stringify({ position, heard }))
      ? { groupCount: position, heard }
      : undefined
  } catch {
    return undefined
  }
}
