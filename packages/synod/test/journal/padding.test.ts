import { expect, test } from 'vitest'
import { segmentName } from '../../src/journal/segment.js'
import { LOSE_ALL, MemoryDisk } from '../../../testing/src/simulator/hardware/disk.js'
import { DIRECTORY, appendGroup, openUsable, plain, trim, vote } from './harness.js'

const PADDING = { fromBytes: 200, mostBytes: 300 }

async function begun(disk = new MemoryDisk(), more = {}) {
  return { disk, ...(await openUsable(disk, { padding: PADDING, ...more })) }
}

const fileOf = (disk: MemoryDisk, number = 1) =>
  disk.durable(DIRECTORY).snapshot(DIRECTORY).get(segmentName(number))!

/** Where the groups end, as the rest is zeros. */
const endOf = (bytes: Buffer) => bytes.findLastIndex((byte) => byte !== 0) + 1

const settled = () => new Promise((done) => setImmediate(done))

test('a segment of some size has durable zeros ahead of its groups', async () => {
  const { disk, journal, listener } = await begun()
  await appendGroup(journal, listener, [vote(1, 'x')])
  await settled()
  expect(endOf(fileOf(disk))).toBe(fileOf(disk).length)
  for (let slot = 2; slot < 30; slot++) {
    await appendGroup(journal, listener, [vote(slot, 'x'.repeat(50))])
    await settled()
    const bytes = fileOf(disk)
    const zeros = bytes.length - endOf(bytes)
    if (endOf(bytes) > 600) expect(zeros).toBeGreaterThanOrEqual(PADDING.mostBytes)
    expect(zeros).toBeLessThanOrEqual(2 * PADDING.mostBytes)
  }
})

test('zeros that are written late do not cover a group', async () => {
  for (let lag = 0; lag < 40; lag++) {
    const { disk, journal, listener } = await begun()
    const records = Array.from({ length: 20 }, (_, at) => vote(at + 1, 'x'.repeat(200)))
    // Every second write, the one of zeros among them, takes longer.
    let writes = 0
    disk.lag = () => (writes++ % 2 === 0 ? lag : 0)
    for (const record of records) await appendGroup(journal, listener, [record])
    disk.crash(LOSE_ALL)
    expect(plain((await begun(disk)).records)).toEqual(plain(records))
  }
})

test('zeros stay when the server starts again', async () => {
  const { disk, journal, listener } = await begun()
  for (let slot = 1; slot < 10; slot++) await appendGroup(journal, listener, [vote(slot, 'x'.repeat(50))])
  await settled()
  const { length } = fileOf(disk)
  disk.crash(LOSE_ALL)
  const again = await begun(disk)
  expect([again.recovery.case, fileOf(disk).length]).toEqual(['clean', length])
  await appendGroup(again.journal, again.listener, [vote(10, 'x'.repeat(50))])
  expect(fileOf(disk).length).toBe(length)
})

test('a segment that is followed by another ends with its last group', async () => {
  const { disk, journal, listener } = await begun()
  for (let slot = 1; slot < 10; slot++) await appendGroup(journal, listener, [vote(slot, 'x'.repeat(50))])
  await appendGroup(journal, listener, [trim(2, 1)])
  await appendGroup(journal, listener, [vote(10, 'x')])
  const bytes = disk.snapshot(DIRECTORY).get(segmentName(1))!
  expect(endOf(bytes)).toBe(bytes.length)
})

test('a segment has no more zeros than it may have bytes, and none for large groups', async () => {
  const { disk, journal, listener } = await begun(undefined, { segmentSizeBytes: 700 })
  for (let slot = 1; slot < 6; slot++) await appendGroup(journal, listener, [vote(slot, 'x'.repeat(50))])
  await settled()
  expect(fileOf(disk).length).toBe(700)
  const large = await begun()
  await appendGroup(large.journal, large.listener, [vote(1, 'x'.repeat(40_000))])
  await settled()
  expect(endOf(fileOf(large.disk))).toBe(fileOf(large.disk).length)
})

test('on a full disk the groups go on without zeros', async () => {
  const { disk, journal, listener } = await begun()
  const records = Array.from({ length: 6 }, (_, at) => vote(at + 1, 'x'.repeat(50)))
  for (const record of records.slice(0, 2)) await appendGroup(journal, listener, [record])
  await settled()
  disk.fill(150)
  for (const record of records.slice(2)) await appendGroup(journal, listener, [record])
  expect(listener.failures).toEqual([])
  disk.crash(LOSE_ALL)
  expect(plain((await begun(disk)).records)).toEqual(plain(records))
})

test.each(['write', 'sync'] as const)(
  'a disk that fails at the %s of zeros fails the journal, and the group that was under way',
  async (fault) => {
    const { disk, journal, listener } = await begun()
    await appendGroup(journal, listener, [vote(1, 'x'.repeat(10))])
    const synced = disk.counts.syncs
    // The zeros come after the second group, and are being synced while the third is written.
    disk.onSynced = () => {
      if (disk.counts.syncs !== synced + 1) return
      disk.lag = () => 10
      disk.failNext(fault)
    }
    await appendGroup(journal, listener, [vote(2, 'x'.repeat(200))])
    await appendGroup(journal, listener, [vote(3, 'x')])
    expect(listener.failures).toMatchObject([{ code: 'journal-failed' }])
    const durable = listener.durable.at(-1) ?? 0
    disk.crash(LOSE_ALL)
    expect((await begun(disk)).records.length).toBeGreaterThanOrEqual(durable)
  },
)

test('a disk that fails at the zeros of a segment fails the journal, also where the next segment begins', async () => {
  const { disk, journal, listener } = await begun()
  await appendGroup(journal, listener, [vote(1, 'x'.repeat(10))])
  const { syncs } = disk.counts
  disk.onSynced = () => {
    if (disk.counts.syncs === syncs + 1) disk.failNext('sync')
  }
  journal.append([vote(2, 'x'.repeat(200)), trim(1, 1)])
  journal.flush()
  await listener.until(journal.appended)
  await settled()
  await appendGroup(journal, listener, [vote(3, 'x')])
  expect(listener.failures).toMatchObject([{ code: 'journal-failed' }])
})
