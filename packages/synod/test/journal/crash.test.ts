import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { PaddingOptions } from '../../src/journal/padding.js'
import type { JournalRecord } from '../../src/paxos/records.js'
import { CLUSTER_ID, anyRecord, appendGroup, Listener, open, openUsable, plain } from './harness.js'
import { MemoryDisk } from '../../../testing/src/simulator/hardware/disk.js'
import type { DiskOperation } from '../../../testing/src/simulator/hardware/disk.js'

/** One life of a process: what it appends, when it dies, and whether the power fails with it. */
interface Life {
  readonly groups: readonly (readonly JournalRecord[])[]
  readonly dieAfter: number
  readonly power: boolean
  /** Something that fails once, after the journal was opened. */
  readonly fault: DiskOperation | null
  readonly form: boolean
}

const anyLife: fc.Arbitrary<Life> = fc.record({
  groups: fc.array(fc.array(anyRecord, { minLength: 1, maxLength: 3 }), { maxLength: 6 }),
  dieAfter: fc.nat(40),
  power: fc.boolean(),
  fault: fc.option(fc.constantFrom('write' as const, 'sync' as const, 'syncDirectory' as const)),
  form: fc.boolean(),
})

test('PITFALL 14: records reported as durable survive any crash, and no crash looks like damage', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyLife, { maxLength: 8 }),
      fc.integer({ min: 1, max: 1500 }),
      fc.record({ fromBytes: fc.nat(500), mostBytes: fc.nat(1000) }),
      fc.nat(),
      async (lives, segmentSizeBytes, padding, seed) => {
        const disk = new MemoryDisk()
        const random = randomFrom(seed)
        disk.lag = () => (random() < 0.7 ? 0 : Math.floor(6 * random()))
        let sure: unknown[] = []
        let formed = false
        for (const life of lives) {
          const listener = new Listener()
          disk.dieAfter(life.dieAfter)
          const lived = await live(disk, life, { listener, segmentSizeBytes, padding, sure, formed })
          if (lived !== null) {
            sure = lived.history.slice(0, lived.recovered + (listener.durable.at(-1) ?? 0))
            formed ||= lived.formed
          }
          if (life.power) disk.crash(random)
          else disk.restart()
        }
        const { records } = await openUsable(disk, { segmentSizeBytes })
        expect(plain(records).slice(0, sure.length)).toEqual(sure)
      },
    ),
    { numRuns: 500 },
  )
})

test('after two crashes at any point of its first start and a power failure, a server starts again', async () => {
  const changes = [...Array(12).keys()]
  for (const first of changes) {
    for (const second of changes) {
      for (let seed = 0; seed < 16; seed++) {
        const disk = new MemoryDisk()
        for (const dieAfter of [first, second]) {
          disk.dieAfter(dieAfter)
          await open(disk).catch(() => undefined)
          disk.restart()
        }
        disk.crash(randomFrom(seed))
        expect((await open(disk)).damage, `died after ${first} and ${second}, seed ${seed}`).toBe(undefined)
      }
    }
  }
})

interface Before {
  readonly listener: Listener
  readonly segmentSizeBytes: number
  readonly padding: PaddingOptions
  readonly sure: readonly unknown[]
  readonly formed: boolean
}

/** Null if the process died before it had the journal open. */
async function live(disk: MemoryDisk, life: Life, before: Before) {
  const { listener, padding, segmentSizeBytes } = before
  const { onDurable, onFailure } = listener
  let opened
  try {
    opened = await openUsable(disk, { segmentSizeBytes, padding, onDurable, onFailure })
  } catch (error) {
    expect(error).toMatchObject({ code: 'journal-failed' })
    return null
  }
  const { journal, identity, records } = opened
  const history = plain(records)
  const recovered = records.length
  expect(history.slice(0, before.sure.length)).toEqual(before.sure)
  if (before.formed) expect(identity.peers).not.toBe(null)

  if (life.fault !== null) disk.failNext(life.fault)
  let formed = false
  for (const group of life.groups) {
    if (listener.failures.length > 0) break
    history.push(...plain(group))
    await appendGroup(journal, listener, group)
    if (!life.form || listener.failures.length > 0) continue
    formed = await journal.savePeers(CLUSTER_ID, { 1: identity.acceptor }).then(
      () => true,
      () => formed,
    )
  }
  return { history, recovered, formed }
}

/** Mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
