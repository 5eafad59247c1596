import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { SynodError } from '../errors.js'
import type { Disk } from '../storage/disk.js'
import { replaceFile } from '../storage/replace-file.js'
import type { Slot } from '../paxos/ballot.js'
import { snapshotName, snapshotSlots } from './snapshot-store.js'

const FILE = 'diverged'

/** Why a replica may not go on with its state. */
export interface Quarantine {
  /**
   * The first slot at which it was seen to differ from the others, and the last at which it did
   * not.
   */
  readonly slot: Slot
  readonly agreed: Slot
}

/** Keeps a replica from going on with this state, also after a restart, until `rebuild`. */
export async function saveQuarantine(
  disk: Disk,
  directory: string,
  { agreed, slot }: Quarantine,
): Promise<void> {
  const content = { slot, agreed }
  const text = JSON.stringify({ ...content, crc32: crc32(JSON.stringify(content)) }) + '\n'
  await replaceFile(disk, directory, FILE, Buffer.from(text))
}

/** Rejects with `diverged` where the state is quarantined. An unreadable file counts too. */
export async function checkQuarantine(disk: Disk, directory: string): Promise<void> {
  if (!(await disk.list(directory)).includes(FILE)) return
  const at = parseQuarantine((await disk.read(join(directory, FILE))).toString())
  throw divergedError(directory, at)
}

export function divergedError(directory: string, at: Quarantine | undefined): SynodError {
  const where =
    at === undefined ? 'at a slot that cannot be read' : `between slots ${at.agreed} and ${at.slot}`
  return new SynodError(
    'diverged',
    `this replica came to another state than more than half of the servers, ${where}: it has stopped, and does not start on ` +
      `this state again; find out why, then \`synod rebuild ${directory}\` throws the state away and keeps promises and votes`,
  )
}

/**
 * Ends the quarantine, and drops the state: the snapshots in the directory, of which the caller
 * holds the lock. What was promised and voted stays. The replica then executes its log again, or
 * gets a snapshot from a peer. Returns whether the state was quarantined.
 */
export async function rebuild(disk: Disk, directory: string): Promise<boolean> {
  const names = await disk.list(directory)
  for (const slot of snapshotSlots(names)) await disk.remove(join(directory, snapshotName(slot)))
  // The state goes first: a quarantine that is over must not leave it behind.
  await disk.syncDirectory(directory)
  if (!names.includes(FILE)) return false
  await disk.remove(join(directory, FILE))
  await disk.syncDirectory(directory)
  return true
}

function parseQuarantine(text: string): Quarantine | undefined {
  try {
    const { agreed, crc32: expected, slot } = JSON.parse(text) as Record<string, unknown>
    if (typeof slot !== 'number' || typeof agreed !== 'number') return undefined
    return expected === crc32(JSON.stringify({ slot, agreed })) ? { slot, agreed } : undefined
  } catch {
    return undefined
  }
}
