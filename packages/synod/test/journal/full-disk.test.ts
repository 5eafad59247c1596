import { expect, test } from 'vitest'
import { segmentName } from '../../src/journal/segment.js'
import type { JournalRecord } from '../../src/paxos/records.js'
import { LOSE_ALL, MemoryDisk } from '../../../testing/src/simulator/hardware/disk.js'
import { DIRECTORY, Listener, openUsable, optionsFor, plain } from './harness.js'
import { openJournal } from '../../src/journal/open-journal.js'

const RESERVE = { groupsBytes: 2000, trimBytes: 300 }

/** A journal that waits for space until it is told that there is some. */
async function opened(disk: MemoryDisk, reserve = RESERVE) {
  const told = { refused: 0, waits: 0 }
  let retry: () => void = () => undefined
  const space = {
    isShort: false,
    refused: () => {
      told.refused++
    },
    wait: () => {
      told.waits++
      return new Promise<void>((done) => (retry = done))
    },
  }
  const listener = new Listener()
  const found = await openJournal(optionsFor(disk, listener, { reserve, space }))
  if (found.journal === undefined) throw new Error(found.damage.message)
  const { journal } = found
  for (const one of journal.reserves) await one.refill()
  return { ...found, journal, listener, told, retryWrite: () => retry() }
}

const vote = (slot: number, bytes: number): JournalRecord => ({
  type: 'vote',
  ballot: { seq: slot, server: 1 },
  first: slot,
  values: [Buffer.alloc(bytes, slot)],
})
const trim = (slot: number): JournalRecord => {
  const ballot = { seq: slot, server: 1 }
  return { type: 'trim', slot, promised: ballot, voted: ballot }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((done) => setImmediate(done))
}

test('records under way when the disk gets full are written to the reserve', async () => {
  const disk = new MemoryDisk()
  const { journal, listener, told } = await opened(disk)
  disk.fill(30)
  const records = [vote(1, 200), vote(2, 200)]
  for (const record of records) {
    journal.append([record])
    journal.flush()
    await listener.until(journal.appended)
  }
  expect([listener.failures, told.waits, await disk.free(DIRECTORY)]).toEqual([[], 0, expect.any(Number)])
  disk.crash(LOSE_ALL)
  const again = await openUsable(disk)
  expect(plain(again.records)).toEqual(plain(records))
  expect(again.recovery.case).toBe('clean')
})

test('a group that finds no space waits, with all later groups, until there is space', async () => {
  const disk = new MemoryDisk()
  const { retryWrite, journal, listener, told } = await opened(disk, { groupsBytes: 0, trimBytes: 0 })
  disk.fill(30)
  journal.append([vote(1, 200)])
  journal.flush()
  await until(() => told.waits === 1)
  journal.append([vote(2, 10)])
  journal.flush()
  retryWrite()
  await until(() => told.waits === 2)
  expect([listener.durable, listener.failures]).toEqual([[], []])
  disk.clearFaults()
  retryWrite()
  await listener.until(2)
  disk.crash(LOSE_ALL)
  expect(plain((await openUsable(disk)).records)).toEqual(plain([vote(1, 200), vote(2, 10)]))
})

test.each([
  ['goes on in what the reserve for groups has left', 2000, [0, 2000]],
  ['has a reserve of its own where that is used up', 250, [300, 250]],
])('on a full disk a trim %s', async (_, groupsBytes, missing) => {
  const disk = new MemoryDisk()
  const { journal, listener } = await opened(disk, { ...RESERVE, groupsBytes })
  journal.append([vote(1, 3000)])
  journal.flush()
  await listener.until(1)
  disk.fill()
  for (const record of [vote(2, 100), trim(1), vote(3, 10)]) {
    journal.append([record])
    journal.flush()
    await listener.until(journal.appended)
  }
  await journal.close()
  expect(await disk.list(DIRECTORY)).not.toContain(segmentName(1))
  expect(await disk.free(DIRECTORY)).toBeGreaterThan(3000)
  expect(journal.reserves.map(({ missingBytes }) => missingBytes)).toEqual(missing)
  const again = await openUsable(disk)
  expect(plain(again.records)).toEqual(plain([vote(2, 100), trim(1), vote(3, 10)]))
})

test('a write that a full disk cut short is not damage, after any power failure', async () => {
  for (let seed = 0; seed < 200; seed++) {
    const disk = new MemoryDisk()
    const { journal, listener } = await opened(disk)
    disk.fill(seed)
    const records = [vote(1, 60), vote(2, 80)]
    for (const record of records) {
      journal.append([record])
      journal.flush()
      await listener.until(journal.appended)
    }
    let draw = seed
    disk.crash(() => (draw = (draw * 7 + 3) % 101) / 101)
    const again = await openUsable(disk)
    expect([seed, plain(again.records)]).toEqual([seed, plain(records)])
    await again.journal.close()
  }
})

test('what a reserve held before is not damage, at any change of the disk with which the power fails', async () => {
  for (let changes = 1; changes < 60; changes++) {
    const disk = new MemoryDisk()
    await (await opened(disk)).journal.close()
    // A loss of power while it was filled may leave anything in it.
    disk.put(`${DIRECTORY}/groups.reserve`, Buffer.alloc(2000, 7))
    const { journal, listener } = await opened(disk)
    disk.fill()
    disk.dieAfter(changes)
    for (const record of [vote(1, 100), trim(1), vote(2, 10), trim(2), vote(3, 10)]) {
      journal.append([record])
      journal.flush()
      await listener.until(journal.appended)
      disk.capacityBytes = Infinity
      if (listener.failures.length > 0) break
    }
    // What was not synced gets to the disk, but for the last part of each file.
    disk.crash(() => 0.4)
    expect([changes, (await openUsable(disk)).recovery.case]).toEqual([
      changes,
      expect.stringMatching(/clean|torn-tail|torn-segment|new|unused/),
    ])
  }
})
