import { expect, test } from 'vitest'
import type { JournalInspection } from 'synod'
import { inspectionReport, summariseSegment } from '../../src/reports/inspect-report.js'

const acceptor = '0'.repeat(32)
const ballot = { seq: 4, server: 1 }

const inspection: JournalInspection = {
  directory: 's1',
  identity: {
    cluster: 'test',
    clusterId: 'cd'.repeat(16),
    parameters: { mode: 'leader', quorums: null, leaseMs: 0, window: 8192 },
    founders: [1],
    server: 1,
    acceptor,
    peers: { 1: acceptor },
    addresses: { 1: '10.0.0.1:2380', 2: '10.0.0.2:2380' },
  },
  finding: {
    case: 'torn-tail',
    outcome: 'cut',
    file: '00000001.journal',
    offset: 99,
    message: 'It is torn.',
  },
  segments: [
    {
      name: '00000001.journal',
      sizeBytes: 120,
      header: { number: 1, first: 1, firstSequence: 1, acceptor, cluster: 'test', sizeBytes: 53 },
      groups: [
        {
          sequence: 1,
          offset: 53,
          sizeBytes: 40,
          records: [
            { type: 'promise', scope: 'log', slot: 0, ballot },
            { type: 'promise', scope: 'slot', slot: 3, ballot },
            { type: 'vote', ballot, first: 1, last: 2, sizes: [256, 0] },
            { type: 'chosen', first: 1, last: 1 },
            { type: 'decided', first: 5, last: 5, sizes: [1] },
          ],
        },
        { sequence: 2, offset: 93, sizeBytes: 6, records: null },
      ],
    },
  ],
}

test('a report shows the identity, the findings and the records of a journal', () => {
  expect(`\n${inspectionReport(inspection, true)}`).toBe(`
directory  s1
identity   s1 of cluster 'test', in leader mode, acceptor ${acceptor}
cluster    id ${'cd'.repeat(16)}
formed     with s1 ${acceptor}
addresses  s1 10.0.0.1:2380, s2 10.0.0.2:2380
finding    torn-tail: It is torn. (00000001.journal, byte 99)
           the server can start on it, and first removes what was never acknowledged

segment    00000001.journal, 120 bytes
           2 groups, 1 to 2
           records: 2 promise, 1 vote, 1 chosen, 1 decided, 0 trim, 0 group-counts
  group 1 at byte 53, 40 bytes
    promise (4, s1) for every slot
    promise (4, s1) for slot 3
    vote at (4, s1) in slots 1 to 2: 256 bytes, no-op
    chosen slot 1
    decided slot 5: 1 byte
  group 2 at byte 93, 6 bytes: not understood`)
})

test('without the list of records, a report only counts them', () => {
  expect(inspectionReport(inspection, false)).not.toContain('group 1 at')
  expect(summariseSegment(inspection.segments[0]!)).toMatchObject({
    groups: { count: 2, first: 1, last: 2 },
    records: { promise: 2, vote: 1, chosen: 1, decided: 1 },
  })
})

test('the report of a directory without an identity says that it has none', () => {
  const finding = { case: 'new', outcome: 'start', file: null, offset: 0, message: 'It is new.' } as const
  const report = inspectionReport({ directory: 's1', identity: null, finding, segments: [] }, false)
  expect(report).toContain('identity   none that is whole\nfinding    new: It is new.\n')
})
