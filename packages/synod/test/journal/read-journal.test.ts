import { expect, test } from 'vitest'
import { readJournal } from '../../src/journal/read-journal.js'
import { MemoryDisk } from '../../../testing/src/simulator/hardware/disk.js'
import { DIRECTORY, plain, promise, vote, written } from './harness.js'
import type { JournalRecord } from '../../src/paxos/records.js'

const FIRST = `${DIRECTORY}/00000001.journal`
const GROUPS = [[vote(1, 'a')], [vote(2, 'b'), promise(2)], [vote(3, 'c')]]

async function journal(): Promise<MemoryDisk> {
  const disk = new MemoryDisk()
  await written(disk, GROUPS)
  return disk
}

/** Where the last byte of a value is. */
async function offsetOf(disk: MemoryDisk, text: string): Promise<number> {
  return (await disk.read(FIRST)).lastIndexOf(text)
}

test('an intact journal is read as a start reads it', async () => {
  const found = await readJournal(await journal(), DIRECTORY)
  expect(found).toMatchObject({ finding: { case: 'clean' }, lostGroups: 0 })
  expect(plain(found.records as JournalRecord[])).toEqual(plain(GROUPS.flat()))
})

test('in a damaged journal all intact groups are read, and the lost groups are counted', async () => {
  const disk = await journal()
  disk.flip(FIRST, await offsetOf(disk, 'b'), 0)
  const before = disk.snapshot(DIRECTORY)
  const { finding, lostGroups, records } = await readJournal(disk, DIRECTORY)
  expect({ case: finding.case, lostGroups }).toEqual({ case: 'damaged-group', lostGroups: 1 })
  expect(records.map(({ type }) => type)).toEqual(['vote', 'gap', 'vote'])
  expect(disk.snapshot(DIRECTORY)).toEqual(before)
})

test('the groups behind a damaged header are read', async () => {
  const disk = await journal()
  disk.flip(FIRST, 9, 0)
  const { finding, lostGroups, records } = await readJournal(disk, DIRECTORY)
  expect({ case: finding.case, lostGroups }).toEqual({ case: 'damaged-header', lostGroups: 0 })
  expect(records).toHaveLength(GROUPS.flat().length)
})

test('PITFALL 27: a group with an earlier sequence is a leftover, and is not read', async () => {
  const disk = await journal()
  const bytes = await disk.read(FIRST)
  const tail = bytes.subarray(bytes.lastIndexOf('b') - 40)
  disk.put(FIRST, Buffer.concat([bytes, Buffer.alloc(3), bytes.subarray(bytes.length - tail.length)]))
  const { records } = await readJournal(disk, DIRECTORY)
  expect(records).toHaveLength(GROUPS.flat().length)
})

test('a journal without an identity is not read', async () => {
  const disk = await journal()
  await disk.remove(`${DIRECTORY}/identity`)
  expect(await readJournal(disk, DIRECTORY)).toMatchObject({ identity: undefined, records: [] })
})
