import { expect, test } from 'vitest'
import { inspectJournal } from '../../src/journal/inspect.js'
import { segmentName } from '../../src/journal/segment.js'
import { DIRECTORY, openUsable, promise, vote, written } from './harness.js'
import { MemoryDisk } from '../../../testing/src/simulator/hardware/disk.js'

const GROUPS = [
  [promise(1), vote(1, 'a', 'bc')],
  [{ type: 'decided', first: 3, values: [Buffer.from('d')] } as const],
  [vote(4, '')],
]

test('an inspection lists the journal by segment, group and record', async () => {
  const disk = new MemoryDisk()
  const identity = await written(disk, GROUPS, { segmentSizeBytes: 100 })
  const inspection = await inspectJournal(DIRECTORY, disk)
  expect(inspection).toMatchObject({
    directory: DIRECTORY,
    identity,
    finding: { case: 'clean', outcome: 'start' },
  })
  expect(inspection.segments).toMatchObject([
    {
      name: segmentName(1),
      header: { number: 1, first: 1, firstSequence: 1, acceptor: identity.acceptor, cluster: 'test' },
      groups: [
        {
          sequence: 1,
          records: [
            promise(1),
            { type: 'vote', ballot: { seq: 1, server: 1 }, first: 1, last: 2, sizes: [1, 2] },
          ],
        },
        { sequence: 2, records: [{ type: 'decided', first: 3, last: 3, sizes: [1] }] },
      ],
    },
    { name: segmentName(2), header: { number: 2, firstSequence: 3 }, groups: [{ sequence: 3 }] },
  ])
  for (const { header, groups, sizeBytes } of inspection.segments) {
    let offset = header!.sizeBytes
    for (const group of groups) {
      expect(group.offset).toBe(offset)
      offset += group.sizeBytes
    }
    expect(offset).toBe(sizeBytes)
  }
  expect(JSON.parse(JSON.stringify(inspection))).toEqual(inspection)
})

test('a journal in use can be inspected', async () => {
  const disk = new MemoryDisk()
  const { identity } = await openUsable(disk)
  expect(await inspectJournal(DIRECTORY, disk)).toMatchObject({ identity, finding: { case: 'clean' } })
})

test('an inspection lists groups after the damage too', async () => {
  const disk = new MemoryDisk()
  await written(disk, GROUPS)
  const [segment] = (await inspectJournal(DIRECTORY, disk)).segments
  const bytes = disk.snapshot(DIRECTORY).get(segmentName(1))!
  bytes[segment!.groups[1]!.offset + 3]! ^= 1
  disk.put(`${DIRECTORY}/${segmentName(1)}`, bytes)
  const { finding, segments } = await inspectJournal(DIRECTORY, disk)
  expect(finding).toMatchObject({ case: 'damaged-group', offset: segment!.groups[1]!.offset })
  expect(segments[0]!.groups).toEqual([segment!.groups[0], segment!.groups[2]])
})

test('an inspection lists the groups of a segment with a damaged header', async () => {
  const disk = new MemoryDisk()
  await written(disk, GROUPS)
  const bytes = disk.snapshot(DIRECTORY).get(segmentName(1))!
  bytes[0]! ^= 1
  disk.put(`${DIRECTORY}/${segmentName(1)}`, bytes)
  const { finding, segments } = await inspectJournal(DIRECTORY, disk)
  expect(finding.case).toBe('damaged-header')
  expect(segments[0]!.header).toBe(null)
  expect(segments[0]!.groups.map(({ sequence }) => sequence)).toEqual([1, 2, 3])
})
