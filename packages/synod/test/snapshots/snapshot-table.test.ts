import { expect, test } from 'vitest'
import { SNAPSHOT_TABLE, type SnapshotCase, judgeSnapshot } from '../../src/snapshots/snapshot-table.js'

const damaged = [{ name: '0000000000000009.snapshot', reason: 'it ends too early' }]

test.each<[SnapshotCase, snapshot: number, trimmed: number, chosen: number, isDamaged?: true]>([
  ['none', 0, 0, 0],
  ['none', 0, 0, 12],
  ['sound', 5, 0, 5],
  ['sound', 5, 3, 12],
  ['sound', 5, 5, 5],
  ['ahead', 5, 3, 4],
  ['ahead', 5, 0, 0],
  ['gap', 5, 6, 9],
  ['missing', 0, 3, 3],
  ['damaged-needless', 0, 0, 9, true],
  ['damaged-needless', 5, 5, 9, true],
  ['damaged', 0, 5, 9, true],
  ['damaged', 4, 5, 9, true],
])(
  '%s: a snapshot of slot %i, a journal from slot %i on, chosen up to slot %i',
  (name, snapshot, trimmed, chosen, bad) => {
    const finding = judgeSnapshot({ snapshot, trimmed, chosen, damaged: bad ? damaged : [] })
    expect(finding.case).toBe(name)
    if (SNAPSHOT_TABLE[name].outcome === 'fetch')
      expect(finding.message).toContain('a peer has to send a snapshot')
    if (bad) expect(finding.message).toContain('0000000000000009.snapshot cannot be used: it ends too early')
  },
)
