import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lastSlotOf } from '../../src/journal/record-codec.js'
import { decodeSegmentHeader, segmentName, segmentNumbers } from '../../src/journal/segment.js'
import type { JournalRecord } from '../../src/paxos/records.js'
import { LOSE_ALL, MemoryDisk } from '../../../testing/src/simulator/hardware/disk.js'
import { DIRECTORY, appendGroup, open, openUsable, plain, promise, trim, vote } from './harness.js'

const SMALL = { segmentSizeBytes: 100 }
const LONG = 'x'.repeat(100)

/** A vote that fills a segment. */
const full = (slot: number) => vote(slot, LONG)

async function journalOf(disk: MemoryDisk, ...groups: (readonly JournalRecord[])[]) {
  const opened = await openUsable(disk, SMALL)
  for (const group of groups) await appendGroup(opened.journal, opened.listener, group)
  return opened
}

async function segments(disk: MemoryDisk): Promise<number[]> {
  return segmentNumbers(await disk.list(DIRECTORY))
}

describe('a trim', () => {
  test('drops segments without later slots, once the next segment records the trim', async () => {
    const disk = new MemoryDisk()
    const { journal, listener } = await journalOf(disk, [full(1)], [full(2)], [full(3)], [trim(2)])
    expect(await segments(disk)).toEqual([1, 2, 3, 4])
    await appendGroup(journal, listener, [vote(4, 'd')])
    await journal.close()
    expect(await segments(disk)).toEqual([3, 4, 5])
    const header = decodeSegmentHeader(disk.snapshot(DIRECTORY).get(segmentName(5))!)
    expect(header).toMatchObject({ number: 5, first: 3, firstSequence: 5 })
  })

  test('keeps the records after the trim point, and its own record', async () => {
    const disk = new MemoryDisk()
    const { journal } = await journalOf(disk, [promise(1), full(1)], [full(2)], [trim(1, 1)], [vote(3, 'c')])
    await journal.close()
    const { records, recovery } = await openUsable(disk, SMALL)
    expect(recovery.case).toBe('clean')
    expect(plain(records)).toEqual(plain([full(2), trim(1, 1), vote(3, 'c')]))
  })

  test('keeps a segment with any record of a later slot', async () => {
    const disk = new MemoryDisk()
    const { journal } = await journalOf(disk, [full(9)], [full(2)], [trim(2)], [vote(10, 'd')])
    await journal.close()
    expect(await segments(disk)).toEqual([1, 2, 3, 4])
  })

  test('begins a new segment each time, so that a small journal is trimmed too', async () => {
    const disk = new MemoryDisk()
    const { journal, listener } = await openUsable(disk)
    for (let slot = 1; slot < 50; slot++) {
      await appendGroup(journal, listener, [vote(slot, 'a')])
      if (slot % 10 === 0) await appendGroup(journal, listener, [trim(slot - 1)])
    }
    await journal.close()
    expect((await segments(disk)).length).toBeLessThanOrEqual(3)
  })

  test('is completed after a crash before or during the removal of segments', async () => {
    const disk = new MemoryDisk()
    const before = await journalOf(disk, [full(1)], [full(2)], [full(3)], [trim(3)])
    const files = disk.snapshot(DIRECTORY)
    await appendGroup(before.journal, before.listener, [vote(4, 'd')])
    await before.journal.close()
    for (const name of [segmentName(1), segmentName(3)]) disk.put(`${DIRECTORY}/${name}`, files.get(name)!)
    const { journal, records, recovery } = await openUsable(disk, SMALL)
    expect(recovery.case).toBe('clean')
    expect(plain(records)).toEqual(plain([trim(3), vote(4, 'd')]))
    expect(await segments(disk)).toEqual([4, 5])
    await journal.close()
  })

  test('does not hide a missing segment after the trim point', async () => {
    const disk = new MemoryDisk()
    const { journal } = await journalOf(disk, [full(1)], [full(2)], [full(3)], [trim(1)], [vote(4, 'd')])
    await journal.close()
    expect(await segments(disk)).toEqual([2, 3, 4, 5])
    await disk.remove(`${DIRECTORY}/${segmentName(2)}`)
    expect((await open(disk, SMALL)).recovery.case).toBe('missing-segment')
  })

  test('works over several restarts', async () => {
    const disk = new MemoryDisk()
    for (let slot = 1; slot < 20; slot++) {
      const { journal } = await journalOf(disk, [full(slot)], [trim(slot)])
      await journal.close()
      disk.crash(LOSE_ALL)
    }
    const { records } = await openUsable(disk, SMALL)
    expect((await segments(disk)).length).toBeLessThanOrEqual(3)
    expect(plain(records)).toContainEqual(trim(19))
  })
})

const anyStep: fc.Arbitrary<JournalRecord> = fc.oneof(
  fc.nat(30).map((slot) => vote(slot + 1, LONG)),
  fc.nat(30).map((slot) => trim(slot + 1)),
  fc.nat(9).map((seq) => promise(seq + 1)),
)
const anyLife = fc.record({
  steps: fc.array(anyStep, { maxLength: 8 }),
  dieAfter: fc.nat(40),
  power: fc.boolean(),
})

test('PITFALL 17: no crash leaves a journal with a gap, or without records that its last trim needs', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyLife, { maxLength: 8 }), fc.nat(), async (lives, seed) => {
      const disk = new MemoryDisk()
      const random = randomFrom(seed)
      /** All that was recorded and survived, and how much of that was reported durable. */
      let history: JournalRecord[] = []
      let sure = 0
      for (const { dieAfter, power, steps } of lives) {
        disk.dieAfter(dieAfter)
        try {
          const { journal, listener, records } = await openUsable(disk, SMALL)
          history = survived(history, records, sure)
          const before = history.length
          for (const step of steps) {
            journal.append([step])
            journal.flush()
            history.push(step)
            await listener.until(journal.appended)
            if (listener.failures.length > 0) break
            sure = before + journal.durable
          }
          await journal.close()
        } catch (error) {
          if (!String(error).includes('the process is gone')) throw error
        }
        if (power) disk.crash(random)
        else disk.restart()
      }
      const { records } = await openUsable(disk, SMALL)
      survived(history, records, sure)
    }),
    { numRuns: 1000 },
  )
})

/**
 * The history up to what was found, which must be all of it but what a trim that was found makes
 * needless.
 */
function survived(
  history: readonly JournalRecord[],
  found: readonly JournalRecord[],
  sure: number,
): JournalRecord[] {
  const trimmed = found.reduce((slot, it) => (it.type === 'trim' ? Math.max(slot, it.slot) : slot), 0)
  for (let end = history.length; end >= Math.max(sure, found.length); end--) {
    const start = end - found.length
    const matches = found.every((it, index) => same(it, history[start + index]))
    const needless = history.slice(0, start).every((it) => it.type === 'promise' || lastSlotOf(it) <= trimmed)
    if (matches && needless) return history.slice(0, end)
  }
  throw new Error(`${JSON.stringify(plain(found))} is no end of ${JSON.stringify(plain(history))}`)
}

function same(a: JournalRecord, b: JournalRecord | undefined): boolean {
  return b !== undefined && JSON.stringify(plain([a])) === JSON.stringify(plain([b]))
}

function randomFrom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return (state >>> 0) / 2 ** 32
  }
}
