import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MAX_RECORD_BYTES } from '../../src/journal/journal.js'
import { segmentName, segmentNumbers } from '../../src/journal/segment.js'
import type { JournalRecord } from '../../src/paxos/records.js'
import {
  anyGroups,
  CLUSTER_ID,
  appendGroup,
  DIRECTORY,
  open,
  openUsable,
  plain,
  promise,
  vote,
  written,
} from './harness.js'
import { LOSE_ALL, MemoryDisk } from '../../../testing/src/simulator/hardware/disk.js'

test('all groups are recovered in order, over any number of segments and restarts', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyGroups,
      anyGroups,
      fc.integer({ min: 1, max: 5000 }),
      async (before, after, segmentSizeBytes) => {
        const disk = new MemoryDisk()
        await written(disk, before, { segmentSizeBytes })
        await written(disk, after, { segmentSizeBytes })
        const { records, recovery } = await openUsable(disk)
        expect(recovery.case).toBe('clean')
        expect(plain(records)).toEqual(plain([...before, ...after].flat()))
      },
    ),
  )
})

test('positions count from the start of the process', async () => {
  const disk = new MemoryDisk()
  await written(disk, [[promise(1), promise(2)]])
  const { journal, listener } = await openUsable(disk)
  expect([journal.appended, journal.durable]).toEqual([0, 0])
  expect(journal.append([promise(3), promise(4)])).toBe(2)
  expect(journal.append([])).toBe(2)
  expect(journal.append([promise(5)])).toBe(3)
  expect([journal.appended, journal.durable]).toEqual([3, 0])
  journal.flush()
  await listener.until(3)
  expect([journal.appended, journal.durable]).toEqual([3, 3])
  expect(listener.durable).toEqual([3])
})

test('nothing is written before flush', async () => {
  const disk = new MemoryDisk()
  const { journal } = await openUsable(disk)
  const { writes } = disk.counts
  journal.append([promise(1)])
  await Promise.resolve()
  expect(disk.counts.writes).toBe(writes)
})

test('group commit: records appended during one fsync share the next one', async () => {
  const disk = new MemoryDisk()
  const { journal, listener } = await openUsable(disk)
  const before = { ...disk.counts }
  const hold = disk.holdSyncs()
  journal.append([promise(1)])
  journal.flush()
  await hold.reached
  for (let seq = 2; seq <= 1000; seq++) {
    journal.append([promise(seq)])
    journal.flush()
  }
  expect(listener.durable).toEqual([])
  hold.release()
  await listener.until(1000)
  expect(listener.durable).toEqual([1, 1000])
  expect(disk.counts).toMatchObject({ writes: before.writes + 2, syncs: before.syncs + 2 })
  expect(journal.stats).toMatchObject({ groups: 2, fsyncs: 3, lastFsyncMs: 1 })
})

test('records that were appended but not flushed do not form a group', async () => {
  const disk = new MemoryDisk()
  const { journal, listener } = await openUsable(disk)
  const hold = disk.holdSyncs()
  journal.append([promise(1)])
  journal.flush()
  await hold.reached
  journal.append([promise(2)])
  hold.release()
  await listener.until(1)
  expect(journal.stats.groups).toBe(1)
  await journal.close()
  expect(listener.durable).toEqual([1, 2])
})

test('a segment ends at the configured size, and is durable before its groups are', async () => {
  const disk = new MemoryDisk()
  for (let seq = 1; seq <= 10; seq++) {
    const { journal, listener, recovery, records } = await openUsable(disk, { segmentSizeBytes: 120 })
    expect([recovery.case, records.length]).toEqual([seq === 1 ? 'new' : 'clean', seq - 1])
    await appendGroup(journal, listener, [promise(seq)])
    disk.crash(LOSE_ALL)
  }
  const files = disk.snapshot(DIRECTORY)
  const numbers = segmentNumbers([...files.keys()])
  expect(numbers.length).toBeGreaterThan(2)
  expect(numbers).toEqual(numbers.map((_, index) => index + 1))
  for (const number of numbers.slice(0, -1)) {
    expect(files.get(segmentName(number))!.length).toBeGreaterThanOrEqual(120)
  }
})

test.each(['write', 'sync', 'syncDirectory'] as const)(
  'PITFALL 13: a %s that fails ends the journal, even if the next would succeed',
  async (fault) => {
    const disk = new MemoryDisk()
    // A segment size of 1 makes every group begin a segment, and so sync the directory.
    const { journal, listener } = await openUsable(disk, {
      segmentSizeBytes: fault === 'syncDirectory' ? 1 : 1000,
    })
    await appendGroup(journal, listener, [promise(1)])
    disk.failNext(fault)
    journal.append([promise(2)])
    journal.flush()
    const position = journal.append([promise(3)])
    journal.flush()
    await listener.until(position)
    const counts = { ...disk.counts }

    expect(listener.failures).toMatchObject([{ code: 'journal-failed' }])
    expect(() => journal.append([promise(4)])).toThrow(expect.objectContaining({ code: 'journal-failed' }))
    journal.flush()
    await expect(journal.savePeers(CLUSTER_ID, { 1: journal.identity.acceptor })).rejects.toMatchObject({
      code: 'journal-failed',
    })
    await journal.close()
    expect(listener.durable).toEqual([1])
    expect(listener.failures.length).toBe(1)
    expect(disk.counts).toEqual(counts)
  },
)

test('PITFALL 13: records left in memory by a failed fsync are written again by the next process', async () => {
  const disk = new MemoryDisk()
  const { journal, listener } = await openUsable(disk)
  await appendGroup(journal, listener, [promise(1)])
  disk.failNext('sync')
  await appendGroup(journal, listener, [promise(2)])
  expect(listener.failures.length).toBe(1)
  disk.restart()

  // The process reads back the second promise, and may now tell others of it ...
  const again = await openUsable(disk)
  expect(plain(again.records)).toEqual([promise(1), promise(2)])
  // ... so that it must survive the power.
  disk.crash(LOSE_ALL)
  expect(plain((await openUsable(disk)).records)).toEqual([promise(1), promise(2)])
})

test('the identity of a formed cluster survives a power failure', async () => {
  const disk = new MemoryDisk()
  const { journal, identity } = await openUsable(disk)
  const peers = { 1: identity.acceptor, 2: 'ab'.repeat(16) }
  expect(await journal.savePeers(CLUSTER_ID, peers)).toEqual({ ...identity, clusterId: CLUSTER_ID, peers })
  disk.crash(LOSE_ALL)
  expect((await openUsable(disk)).identity).toEqual({ ...identity, clusterId: CLUSTER_ID, peers })
})

test('peers with another acceptor for this server are refused', async () => {
  const { journal, identity } = await openUsable(new MemoryDisk())
  await expect(journal.savePeers(CLUSTER_ID, { 1: 'ab'.repeat(16) })).rejects.toThrow(RangeError)
  expect(journal.identity).toEqual(identity)
})

test('a failed write of the identity ends the journal', async () => {
  const disk = new MemoryDisk()
  const { journal, listener, identity } = await openUsable(disk)
  disk.failNext('sync')
  await expect(journal.savePeers(CLUSTER_ID, { 1: identity.acceptor })).rejects.toMatchObject({
    code: 'journal-failed',
  })
  expect(listener.failures.length).toBe(1)
})

test('PITFALL 13: a group under way when the identity fails is not reported as durable, and no later group is written', async () => {
  const disk = new MemoryDisk()
  const { journal, listener, identity } = await openUsable(disk)
  const hold = disk.holdSyncs()
  journal.append([promise(1)])
  journal.flush()
  await hold.reached
  journal.append([promise(2)])
  journal.flush()
  disk.failNext('write')
  await expect(journal.savePeers(CLUSTER_ID, { 1: identity.acceptor })).rejects.toMatchObject({
    code: 'journal-failed',
  })
  const { writes } = disk.counts
  hold.release()
  await journal.close()
  expect(listener.durable).toEqual([])
  expect(disk.counts.writes).toBe(writes)
})

test('close makes all records durable, releases the directory, and can be repeated', async () => {
  const disk = new MemoryDisk()
  const { journal } = await openUsable(disk)
  await expect(open(disk)).rejects.toMatchObject({ code: 'directory-in-use' })
  journal.append([promise(1)])
  const closed = journal.close()
  expect(() => journal.append([promise(2)])).toThrow(expect.objectContaining({ code: 'closed' }))
  await closed
  await journal.close()
  expect(journal.durable).toBe(1)
  disk.crash(LOSE_ALL)
  expect(plain((await openUsable(disk)).records)).toEqual([promise(1)])
})

test('a record that is too large or invalid is refused, with all records of its append', async () => {
  const { journal } = await openUsable(new MemoryDisk())
  const large: JournalRecord = { type: 'decided', first: 1, values: [Buffer.allocUnsafe(MAX_RECORD_BYTES)] }
  expect(() => journal.append([promise(1), large])).toThrow(expect.objectContaining({ code: 'too-large' }))
  expect(() => journal.append([promise(1), vote(0, 'a')])).toThrow(RangeError)
  expect(journal.appended).toBe(0)
  await journal.close()
})

test.each([0, -1, Number.NaN, 2 ** 40])('a segment size of %d bytes is refused', async (segmentSizeBytes) => {
  await expect(open(new MemoryDisk(), { segmentSizeBytes })).rejects.toMatchObject({
    code: 'invalid-options',
  })
})

test.each(['write', 'sync', 'syncDirectory'] as const)(
  'a failed %s during the start fails the start',
  async (fault) => {
    const disk = new MemoryDisk()
    await written(disk, [[promise(1)]])
    disk.failNext(fault)
    await expect(open(disk)).rejects.toMatchObject({ code: 'journal-failed' })
    expect((await open(disk)).recovery.case).toBe('clean')
  },
)
