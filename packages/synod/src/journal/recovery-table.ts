/**
 * The decision table of recovery. `start`: the journal is used as it is. `cut`: what was never
 * acknowledged is removed first. `refuse`: acknowledged promises or votes are gone or in doubt, and
 * the server does not vote. docs/internals/journal.md says why a successor proves durability.
 */
export const RECOVERY_TABLE = {
  new: { outcome: 'start', when: 'There is neither an identity nor a segment.' },
  unused: { outcome: 'start', when: 'There is an identity, no segment, and the cluster has not formed.' },
  clean: {
    outcome: 'start',
    when: 'Every byte is accounted for: the last segment may end in zeros, which are space allocated beforehand.',
  },
  'torn-tail': {
    outcome: 'cut',
    when: 'The last segment ends in bytes that are no whole group, and no later group is among them.',
  },
  'torn-segment': {
    outcome: 'cut',
    when: 'The last segment holds part of a header and nothing else, and the segment was never needed.',
  },
  'damaged-group': {
    outcome: 'refuse',
    when: 'Bytes that are no whole group are followed by a later group, or by a segment that begins with a later one.',
  },
  'missing-group': { outcome: 'refuse', when: 'The sequence of a group or segment skips numbers.' },
  'missing-segment': { outcome: 'refuse', when: 'The numbers of the segments skip one.' },
  'damaged-header': { outcome: 'refuse', when: 'The header of a segment that was in use is not whole.' },
  'malformed-record': {
    outcome: 'refuse',
    when: 'The checksum of a group is right and its content is not understood.',
  },
  'foreign-segment': {
    outcome: 'refuse',
    when: 'The header of a segment names another cluster, acceptor or number.',
  },
  'unsupported-version': {
    outcome: 'refuse',
    when: 'The identity or a segment is of a format that this version does not read.',
  },
  'missing-identity': { outcome: 'refuse', when: 'There are segments, and no identity.' },
  'damaged-identity': { outcome: 'refuse', when: 'There is an identity, and it is not whole.' },
  outdated: {
    outcome: 'refuse',
    when: 'Another server has heard of a later group than the last one: the directory is an old copy.',
  },
  'missing-journal': { outcome: 'refuse', when: 'The cluster has formed, and there is no segment.' },
} as const satisfies Readonly<Record<string, RecoveryRule>>

export type RecoveryOutcome = 'start' | 'cut' | 'refuse'

export interface RecoveryRule {
  readonly outcome: RecoveryOutcome
  readonly when: string
}

export type RecoveryCase = keyof typeof RECOVERY_TABLE

/** What was found, as the decision table names it. */
export interface RecoveryFinding {
  readonly case: RecoveryCase
  readonly outcome: RecoveryOutcome
  /** The file that it was found in, by name; null for the directory as a whole. */
  readonly file: string | null
  /** Where in the file, in bytes. */
  readonly offset: number
  /** In plain words: what is there, and what it means. */
  readonly message: string
}
