import type { Slot } from 'synod/internal/paxos/ballot.js'
import type { SnapshotOwner, SnapshotFilePart } from 'synod/internal/snapshots/format.js'
import { SnapshotStore } from 'synod/internal/snapshots/snapshot-store.js'
import { Chance } from '../chance.js'
import { MemoryDisk } from '../simulator/hardware/disk.js'
import { Violation } from '../simulator/checks/violation.js'

const DIRECTORY = '/data'
const OWNER: SnapshotOwner = {
  cluster: 'explored',
  clusterId: 'ab'.repeat(16),
  parameters: { mode: 'leader', quorums: null, leaseMs: 0, window: 8192 },
}
const LIVES = 10

/**
 * Snapshots are written, arrive from a peer, or both at once, while the process dies at any change
 * of the disk and the power fails. Each time the newest one that had become durable, or a newer
 * one, must be there, and hold what it should. Throws a Violation.
 */
export async function exploreSnapshots(seed: number): Promise<void> {
  const chance = new Chance(seed ^ 0x736e6170)
  const disk = new MemoryDisk()
  await disk.makeDirectory(DIRECTORY)
  const peer = new MemoryDisk()
  await peer.makeDirectory(DIRECTORY)
  const sources = await SnapshotStore.open(peer, DIRECTORY, OWNER)
  let durable: Slot = 0
  let next: Slot = 1
  const written = new Set<Slot>()
  for (let life = 0; life < LIVES; life++) {
    if (chance.happens(0.7)) disk.dieAfter(chance.below(40))
    try {
      const store = await SnapshotStore.open(disk, DIRECTORY, OWNER)
      await check(store, durable, written)
      for (let round = chance.below(4); round > 0; round--) {
        const [own, arriving] = chance.happens(0.5) ? [next, next + 1] : [next + 1, next]
        next += 2
        const both: Promise<unknown>[] = []
        const settle = (slot: Slot) => () => {
          durable = Math.max(durable, slot)
        }
        for (const slot of [own, arriving]) written.add(slot)
        if (chance.happens(0.8)) both.push(store.write(own, partsOf(own)).then(settle(own)))
        if (chance.happens(0.5)) both.push(receive(store, sources, arriving, chance).then(settle(arriving)))
        const results = await Promise.allSettled(both)
        for (const result of results) if (result.status === 'rejected') throw result.reason
        if ((store.newest?.slot ?? 0) < durable)
          throw new Violation(
            'agreement',
            `the newest snapshot is of slot ${store.newest?.slot ?? 0}, not of slot ${durable}`,
          )
      }
    } catch (error) {
      // The process has died.
      if (error instanceof Violation) throw error
    }
    if (chance.happens(0.7)) disk.crash(() => chance.next())
    else disk.restart()
  }
  disk.clearFaults()
  await check(await SnapshotStore.open(disk, DIRECTORY, OWNER), durable, written)
}

async function check(store: SnapshotStore, durable: Slot, written: ReadonlySet<Slot>): Promise<void> {
  const slot = store.newest?.slot ?? 0
  if (slot < durable || store.damaged.length > 0) {
    const damaged = store.damaged.map(({ name, reason }) => `${name}: ${reason}`).join('; ')
    throw new Violation(
      'agreement',
      `the snapshot of slot ${durable} was durable, and that of slot ${slot} is there. ${damaged}`,
    )
  }
  if (slot === 0) return
  const found: string[] = []
  for await (const { bytes, kind } of store.parts())
    found.push(`${kind} ${Buffer.from(bytes).toString('latin1')}`)
  const wanted = partsOf(slot).map(({ bytes, kind }) => `${kind} ${Buffer.from(bytes).toString('latin1')}`)
  if (!written.has(slot) || String(found) !== String(wanted))
    throw new Violation('agreement', `the snapshot of slot ${slot} is not what was written`)
}

async function receive(
  store: SnapshotStore,
  sources: SnapshotStore,
  slot: Slot,
  chance: Chance,
): Promise<void> {
  const { sizeBytes } = await sources.write(slot, partsOf(slot))
  const arriving = await store.receive(slot, sizeBytes)
  while (!arriving.isComplete)
    await arriving.take(await sources.read(arriving.arrivedBytes, 1 + chance.below(sizeBytes)))
  await arriving.finish()
}

/** Sized as its slot says, so that none can pass for another. */
function partsOf(slot: Slot): SnapshotFilePart[] {
  const state = Array.from({ length: 1 + (slot % 7) }, (_, index) => ({
    kind: 'state' as const,
    bytes: Buffer.from(`${slot}.${index}`.padEnd(1 + ((slot * 37) % 900), '-')),
  }))
  return [{ kind: 'meta', bytes: Buffer.from(`of slot ${slot}`) }, ...state]
}
