import { InvariantError } from 'synod/internal/paxos/invariants.js'
import { RecoveredLog } from 'synod/internal/paxos/recovered-log.js'
import { type Value, sameValue } from 'synod/internal/paxos/value.js'
import type { ServerId, Slot } from 'synod/internal/paxos/ballot.js'
import type { JournalRecord } from 'synod/internal/paxos/records.js'
import type { ServerSet } from 'synod/internal/paxos/server-set.js'

/** What a server leaves behind. */
export interface ServerJournal {
  readonly server: ServerId
  readonly records: readonly JournalRecord[]
}

/** What was chosen in fact, and who has voted for it. */
export interface ChosenValue {
  readonly slot: Slot
  readonly value: Value
  readonly voters: ServerSet
}

/**
 * A recovery out of any of the journals as they are now: what was chosen with the vote of one of
 * them is in the log of the new cluster. Of enough journals for phase 1, one has voted for anything
 * that was chosen. Throws InvariantError.
 */
export function checkRecoveries(cluster: readonly ServerJournal[], chosen: readonly ChosenValue[]): void {
  for (let some = 1; some < 2 ** cluster.length; some++)
    checkRecovery(
      cluster.filter((_, index) => (some & (1 << index)) !== 0),
      chosen,
    )
}

function checkRecovery(directories: readonly ServerJournal[], chosen: readonly ChosenValue[]): void {
  // A directory has a snapshot of all that its journal dropped.
  const after = Math.max(...directories.map(droppedUpTo))
  const log = new RecoveredLog(after)
  for (const { records } of directories) log.take(records)
  for (const { slot, value, voters } of chosen) {
    if (slot <= after || !directories.some(({ server }) => voters.includes(server))) continue
    const found = log.find(slot)
    if (found !== undefined && sameValue(found.value, value)) continue
    const names = directories.map(({ server }) => `s${server}`).join(' and ')
    throw new InvariantError(`a recovery out of ${names} loses what was chosen in slot ${slot}`)
  }
}

function droppedUpTo({ records }: ServerJournal): number {
  return records.reduce((slot, record) => (record.type === 'trim' ? Math.max(slot, record.slot) : slot), 0)
}
