import { join } from 'node:path'
import { SynodError } from '../errors.js'
import type { JournalRecord } from '../paxos/records.js'
import type { Disk } from '../storage/disk.js'
import { checkIdentity, newIdentity, saveIdentity, withAddresses } from './identity.js'
import type { Identity, IdentityOptions } from './identity.js'
import { Journal, journalFailed } from './journal.js'
import type { RecoveryFinding } from './recovery-table.js'
import { recover } from './recovery.js'
import type { Recovery } from './recovery.js'
import { segmentName, segmentNumbers } from './segment.js'
import { GroupCounts } from './group-counts.js'
import { FAIL_WHEN_FULL, type SpaceWaiter, isNoSpace } from '../storage/no-space.js'
import { PADDING } from './padding.js'
import { NO_RESERVE, SegmentWriter } from './segment-writer.js'
import type { SegmentWriterOptions } from './segment-writer.js'

const DEFAULT_SEGMENT_SIZE_BYTES = 64 << 20
const MAX_SEGMENT_SIZE_BYTES = 512 << 20

const CONSEQUENCE =
  'this server does not vote any more, and its peers continue while a quorum of them is up; ' +
  'the directory is left as it is'
const LET_IN_AS_NEW =
  'keep it for analysis, and let the server back into the cluster as a new one, on an empty directory'
const USE_THE_RIGHT_VERSION =
  'nothing in it was changed: start the server with the version of Synod that wrote it, or found a new cluster on empty directories'

export interface JournalOptions {
  readonly disk: Disk
  readonly directory: string
  /** Whose directory it should be, or will be if it is new. */
  readonly identity: IdentityOptions
  readonly randomBytes: (size: number) => Uint8Array
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number
  /**
   * A segment that has reached this size is followed by a new one. 64 MiB unless given, 512 MiB at
   * most.
   */
  readonly segmentSizeBytes?: number
  /**
   * How much is allocated beforehand, in bytes, for groups and to trim with on a full disk. Nothing
   * unless given.
   */
  readonly reserve?: SegmentWriterOptions['reserve']
  /** The zeros that are written ahead of the groups. 256 KiB of them at most unless given. */
  readonly padding?: SegmentWriterOptions['padding']
  /**
   * How to wait for space on a full disk. Unless given, a write that is refused is a write that
   * fails.
   */
  readonly space?: SpaceWaiter
  /** This many records are durable. */
  readonly onDurable: (upTo: number) => void
  /** Called once, when a write or an fsync has failed: the journal is of no more use. */
  readonly onFailure: (error: SynodError) => void
}

/** A journal to go on with. */
export interface UsableJournal {
  readonly journal: Journal
  readonly identity: Identity
  /** Everything recorded before, in order. */
  readonly records: readonly JournalRecord[]
  readonly recovery: RecoveryFinding
  readonly damage?: undefined
}

/**
 * Something acknowledged is gone: there is no journal, and nothing in the directory was changed.
 */
export interface DamagedJournal {
  readonly journal?: undefined
  /** Null when it is what is missing or damaged. */
  readonly identity: Identity | null
  readonly records: readonly []
  readonly recovery: RecoveryFinding
  /** The message says what to do. The server may learn from its peers; it must not vote. */
  readonly damage: RecoveryFinding
  /** Gives up the directory. */
  close(): Promise<void>
}

export type OpenedJournal = UsableJournal | DamagedJournal

/**
 * Locks a data directory and recovers or creates the journal in it, as the table in
 * recovery-table.ts says. `damage` is set when the server must not vote.
 *
 * @throws SynodError `directory-in-use`, `wrong-cluster`, `wrong-acceptor`, `wrong-mode` or
 * `invalid-options` when the directory is not for this server, `journal-damaged` when another
 * version of Synod wrote it, `journal-failed` when the disk fails
 */
export async function openJournal(options: JournalOptions): Promise<OpenedJournal> {
  const { segmentSizeBytes = DEFAULT_SEGMENT_SIZE_BYTES } = options
  if (!(segmentSizeBytes > 0 && segmentSizeBytes <= MAX_SEGMENT_SIZE_BYTES)) {
    throw new SynodError(
      'invalid-options',
      `a segment has 1 to ${MAX_SEGMENT_SIZE_BYTES} bytes, not ${segmentSizeBytes}`,
    )
  }
  const { disk, directory } = options
  try {
    await disk.makeDirectory(directory)
    const release = await disk.lock(directory)
    try {
      return await openLocked(options, segmentSizeBytes, release)
    } catch (error) {
      await release()
      throw error
    }
  } catch (error) {
    if (error instanceof SynodError) throw error
    throw journalFailed(`the journal in ${directory} could not be opened`, error)
  }
}

/** Says of a journal that cannot be used why, what follows, and what to do. */
export function damageWords(directory: string, { message }: Pick<RecoveryFinding, 'message'>): string {
  return `the journal in ${directory} cannot be used: ${message}; ${CONSEQUENCE}: ${LET_IN_AS_NEW}`
}

async function openLocked(
  options: JournalOptions,
  segmentSizeBytes: number,
  release: () => Promise<void>,
): Promise<OpenedJournal> {
  const { disk, directory, now, onDurable, onFailure } = options
  const { padding = PADDING, reserve = NO_RESERVE, space = FAIL_WHEN_FULL } = options
  const found = await recover(disk, directory)
  if (found.identity !== null) checkIdentity(found.identity, options.identity, directory)
  const recovery = found.finding
  if (recovery.case === 'unsupported-version') {
    const message = `the data directory ${directory} is of another version of Synod: ${recovery.message}; ${USE_THE_RIGHT_VERSION}`
    throw new SynodError('journal-damaged', message)
  }
  if (recovery.outcome === 'refuse') {
    await keepEvidence(disk, directory)
    const message = damageWords(directory, recovery)
    return {
      identity: found.identity,
      records: [],
      recovery,
      damage: { ...recovery, message },
      close: release,
    }
  }

  const identity = await takeIdentity(options, found.identity)
  const segments = await continueJournal(
    { disk, directory, identity, segmentSizeBytes, padding, reserve, space, now },
    found,
  )
  const groupCounts = new GroupCounts(found.heard)
  const parts = { disk, directory, identity, segments, groupCounts, space, now }
  const journal = new Journal({ ...parts, onDurable, onFailure, release })
  return { journal, identity, records: found.records, recovery }
}

/**
 * Begins an identity, or writes down the addresses of this start. A full disk is no reason not to
 * start with other ones.
 */
async function takeIdentity(
  { disk, directory, identity: asked, randomBytes }: JournalOptions,
  found: Identity | null,
): Promise<Identity> {
  const identity = found === null ? newIdentity(asked, randomBytes) : withAddresses(found, asked.addresses)
  if (identity === found) return identity
  try {
    await saveIdentity(disk, directory, identity)
  } catch (error) {
    if (found === null || !isNoSpace(error)) throw error
  }
  return identity
}

/**
 * What shows that something acknowledged is gone may be in memory only, if the process before was
 * killed in the middle of a write. Were it lost with the next power failure, what is left could
 * pass for a torn tail.
 */
async function keepEvidence(disk: Disk, directory: string): Promise<void> {
  for (const number of segmentNumbers(await disk.list(directory))) {
    const file = await disk.open(join(directory, segmentName(number)), 'existing')
    await file.sync().finally(() => file.close())
  }
  await disk.syncDirectory(directory)
}

/**
 * Carries out what the table says, and begins or resumes the last segment. The names that were
 * found are made durable before anything is built on them: the process before may have ended with
 * that still to do.
 */
async function continueJournal(
  options: SegmentWriterOptions,
  { finding, end, records }: Recovery,
): Promise<SegmentWriter> {
  const { disk, directory } = options
  if (finding.case === 'torn-segment' && finding.file !== null) {
    await disk.remove(join(directory, finding.file))
  }
  await disk.syncDirectory(directory)
  if (end === null) return SegmentWriter.create(options)
  const segments = await SegmentWriter.resume(options, end)
  // Only now is the header durable for sure that says which segments are needless.
  const first = end.segments[0]?.number ?? 1
  for (const number of segmentNumbers(await disk.list(directory))) {
    if (number < first) await disk.remove(join(directory, segmentName(number)))
  }
  const trim = records.findLast((record) => record.type === 'trim')
  if (trim !== undefined) await segments.finishTrim(trim.slot)
  return segments
}
