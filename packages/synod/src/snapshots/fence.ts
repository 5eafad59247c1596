import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { SynodError } from '../errors.js'
import type { Disk } from '../storage/disk.js'
import { replaceFile } from '../storage/replace-file.js'
import type { Slot } from '../paxos/ballot.js'
import { snapshotName, snapshotSlots } from './snapshot-store.js'

const FILE = 'diverged'

/** Why a replica may not go on with its state. */
export interface Fence {
  /**
   * The first slot at which it was seen to differ from the others, and the last at which it did
   * not.
   */
  readonly slot: Slot
  readonly agreed: Slot
}

/** Keeps a replica from going on with this state, also after a restart, until `rebuild`. */
export async function saveFence(disk: Disk, directory: string, { agreed, slot }: Fence): Promise<void> {
  const content = { slot, agreed }
  const text = JSON.stringify({ ...content, crc32: crc32(JSON.stringify(content)) }) + '\n'
  await replaceFile(disk, directory, FILE, Buffer.from(text))
}

/** Rejects with `diverged` where a fence stands. A file that cannot be read is a fence too. */
export async function checkFence(disk: Disk, directory: string): Promise<void> {
  if (!(await disk.list(directory)).includes(FILE)) return
  const at = parseFence((await disk.read(join(directory, FILE))).toString())
  throw divergedError(directory, at)
}

export function divergedError(directory: string, at: Fence | undefined): SynodError {
  const where =
    at === undefined ? 'at a slot that cannot be read' : `between slots ${at.agreed} and ${at.slot}`
  return new SynodError(
    'diverged',
    `this replica came to another state than more than half of the servers, ${where}: it has stopped, and does not start on ` +
      `this state again; find out why, then \`synod rebuild ${directory}\` throws the state away and keeps promises and votes`,
  )
}

/**
 * Takes the fence away, and the state with it: the snapshots in the directory, of which the caller
 * holds the lock. What was promised and voted stays. The replica then executes its log again, or
 * gets a snapshot from a peer. Answers whether there was a fence.
 */
export async function rebuild(disk: Disk, directory: string): Promise<boolean> {
  const names = await disk.list(directory)
  for (const slot of snapshotSlots(names)) await disk.remove(join(directory, snapshotName(slot)))
  // The state goes first: a fence that is gone must not leave it behind.
  await disk.syncDirectory(directory)
  if (!names.includes(FILE)) return false
  await disk.remove(join(directory, FILE))
  await disk.syncDirectory(directory)
  return true
}

function parseFence(text: string): Fence | undefined {
  try {
    const { agreed, crc32: expected, slot } = JSON.parse(text) as Record<string, unknown>
    if (typeof slot !== 'number' || typeof agreed !== 'number') return undefined
    return expected === crc32(JSON.stringify({ slot, agreed })) ? { slot, agreed } : undefined
  } catch {
    return undefined
  }
}
