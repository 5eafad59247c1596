import type { Slot } from '../paxos/ballot.js'
import type { DamagedSnapshot } from './snapshot-store.js'

/**
 * How the newest snapshot and the journal of a data directory can fit together at start-up.
 * `start`: the state comes from the snapshot and the slots after it. `fetch`: slots between the two
 * are gone, so a peer's snapshot brings the state; the server votes meanwhile.
 */
export const SNAPSHOT_TABLE = {
  none: { outcome: 'start', when: 'There is no snapshot, and the journal has never been trimmed.' },
  sound: { outcome: 'start', when: 'The journal goes on where the snapshot ends, or before.' },
  ahead: {
    outcome: 'start',
    when: 'The snapshot reaches beyond what the journal knows to be chosen: the server stopped before it wrote that down.',
  },
  'damaged-needless': {
    outcome: 'start',
    when: 'A snapshot is damaged, but the journal and what older snapshot there is hold all that was in it.',
  },
  gap: {
    outcome: 'fetch',
    when: 'The journal begins after the slot of the snapshot: slots between are missing.',
  },
  missing: { outcome: 'fetch', when: 'The journal has been trimmed, and there is no snapshot.' },
  damaged: {
    outcome: 'fetch',
    when: 'The journal has been trimmed, and the snapshot that held the rest is damaged.',
  },
} as const satisfies Readonly<Record<string, { readonly outcome: 'start' | 'fetch'; readonly when: string }>>

export type SnapshotCase = keyof typeof SNAPSHOT_TABLE

export interface SnapshotFinding {
  readonly case: SnapshotCase
  /** In plain words: what is there, and what it means. */
  readonly message: string
}

export interface FoundAtStart {
  /** The slot of the newest snapshot that is whole; 0 for none. */
  readonly snapshot: Slot
  readonly damaged: readonly DamagedSnapshot[]
  /** Up to which slot the journal was trimmed, and knows every slot to be chosen. */
  readonly trimmed: Slot
  readonly chosen: Slot
}

export function judgeSnapshot(found: FoundAtStart): SnapshotFinding {
  const { chosen, damaged, snapshot, trimmed } = found
  const [worst] = damaged
  const broken = worst === undefined ? '' : `${worst.name} cannot be used: ${worst.reason}; `
  const have = snapshot === 0 ? 'there is no snapshot' : `the snapshot is of slot ${snapshot}`
  const name = nameOf(found)
  switch (name) {
    case 'none':
      return { case: name, message: 'there is no snapshot yet, and the journal is whole' }
    case 'sound':
      return { case: name, message: `${have}, and the journal goes on from there to slot ${chosen}` }
    case 'ahead':
      return { case: name, message: `${have}; the journal knows slots up to ${chosen} to be chosen` }
    case 'damaged-needless':
      return { case: name, message: `${broken}the journal holds all that was in it` }
    case 'gap':
    case 'missing':
    case 'damaged':
      return {
        case: name,
        message: `${broken}${have}, and the journal begins after slot ${trimmed}: a peer has to send a snapshot`,
      }
  }
}

function nameOf({ chosen, damaged, snapshot, trimmed }: FoundAtStart): SnapshotCase {
  if (snapshot < trimmed) return damaged.length > 0 ? 'damaged' : snapshot === 0 ? 'missing' : 'gap'
  if (damaged.length > 0) return 'damaged-needless'
  if (snapshot === 0) return 'none'
  return snapshot > chosen ? 'ahead' : 'sound'
}
