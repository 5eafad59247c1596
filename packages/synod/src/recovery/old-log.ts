import type { AnyMachine } from '../machine/machine.js'
import { SynodError } from '../errors.js'
import type { Disk } from '../storage/disk.js'
import type { Identity } from '../journal/identity.js'
import { readJournal } from '../journal/read-journal.js'
import type { RecoveryFinding } from '../journal/recovery-table.js'
import type { Executor } from '../machine/executor.js'
import type { ServerId, Slot } from '../paxos/ballot.js'
import { type Configuration, isPhase2Quorum } from '../paxos/configuration.js'
import { InvariantError } from '../paxos/invariants.js'
import type { Member } from '../paxos/membership.js'
import { RecoveredLog } from '../paxos/recovered-log.js'
import type { Source } from './sources.js'

/** What was found in the journal of one directory. */
export interface JournalFinding {
  readonly source: Source
  readonly finding: RecoveryFinding
  /** Groups of records that are damaged or missing. */
  readonly lostGroups: number
}

/** What the log of the old cluster came to. */
export interface OldLog {
  readonly log: RecoveredLog
  readonly journals: readonly JournalFinding[]
  /**
   * Slots after the snapshot: known to be chosen; taken from the vote with the highest ballot;
   * without any value.
   */
  readonly chosen: number
  readonly voted: number
  readonly holes: number
  /** All that governed a slot after the snapshot, or will govern one. */
  readonly configurations: readonly Configuration[]
}

/**
 * Reads the journals, one after the other. Rejects with `invariant-violated` and `journal-damaged`.
 */
export async function readJournals(
  disk: Disk,
  sources: readonly Source[],
  after: Slot,
  onRead: (directory: string) => void,
): Promise<Pick<OldLog, 'log' | 'journals'>> {
  const log = new RecoveredLog(after)
  const journals: JournalFinding[] = []
  for (const source of sources) {
    const { finding, lostGroups, records } = await readJournal(disk, source.directory)
    onRead(source.directory)
    try {
      log.take(records)
    } catch (error) {
      if (!(error instanceof InvariantError)) throw error
      throw new SynodError(
        'invariant-violated',
        `${source.directory} contradicts the others: ${error.message}`,
      )
    }
    journals.push({ source, finding, lostGroups })
  }
  const dropped = log.firstDropped
  if (dropped === 0) return { log, journals }
  const have = after === 0 ? 'there is no snapshot' : `the newest snapshot is of slot ${after}`
  throw new SynodError(
    'journal-damaged',
    `${have}, and slot ${dropped} and those after it were dropped from the journals up to slot ${log.trimmed}: ` +
      `give a directory, or restore a backup, that has them`,
  )
}

/** Executes what the log is taken to hold. Throws `invalid-machine`. */
export function executeLog<M extends AnyMachine>(
  executor: Executor<M>,
  { log, journals }: Pick<OldLog, 'log' | 'journals'>,
  onExecuted: (slot: Slot) => void,
): OldLog {
  let [chosen, voted, holes] = [0, 0, 0]
  const configurations = new Set(executor.membership.configurations)
  const skip = (slot: Slot) => {
    if (slot <= executor.executed) return
    holes += slot - executor.executed
    executor.skip(slot)
  }
  for (const slot of log.slots) {
    const found = log.find(slot)
    if (found === undefined) continue
    skip(slot - 1)
    if (found.isChosen) chosen++
    else voted++
    executor.execute(slot, found.value)
    for (const configuration of executor.membership.configurations) configurations.add(configuration)
    onExecuted(slot)
  }
  skip(log.last)
  return { log, journals, chosen, voted, holes, configurations: [...configurations] }
}

/**
 * Whether a quorum can have chosen something of which none of the journals knows. A damaged journal
 * may have lost what it knew; one of another acceptor than the member's was begun anew.
 */
export function mayLack({ configurations, journals }: OldLog, members: readonly Member[]): boolean {
  const known = new Map(members.map(({ acceptor, server }) => [server, acceptor]))
  const counts = ({ finding, source: { identity } }: JournalFinding) => {
    const acceptor = known.get(identity.server) ?? ''
    return finding.outcome !== 'refuse' && (acceptor === '' || acceptor === identity.acceptor)
  }
  const given = new Set(journals.filter(counts).map(({ source }) => source.identity.server))
  return configurations.some((configuration) =>
    isPhase2Quorum(configuration, without(configuration.voters, given)),
  )
}

function without(voters: readonly ServerId[], given: ReadonlySet<ServerId>): ServerId[] {
  return voters.filter((server) => !given.has(server))
}

/** The acceptors that founded the cluster, where one of the sources knows them. */
export function founders(sources: readonly Source[]): Identity['peers'] {
  const founder = sources.find(({ identity }) => identity.founders.length > 0)
  return founder?.identity.peers ?? null
}
