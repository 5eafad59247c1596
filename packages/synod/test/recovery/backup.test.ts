import { describe, expect, test } from 'vitest'
import { ABANDONED_AFTER_MS } from '../../src/replica/snapshot-service.js'
import { restoreCluster } from '../../src/recovery/restore-cluster.js'
import { readSnapshotInfo } from '../../src/recovery/snapshot-info.js'
import { MARGIN_BALLOTS, MARGIN_SLOTS } from '../../src/recovery/new-cluster.js'
import { recoverCluster } from '../../src/recovery/recover-cluster.js'
import type { SavedSnapshot } from '../../src/net/client/saved-snapshot.js'
import { RecordingMachine } from '../../../testing/src/operations/recording-machine.js'
import { MemoryDisk } from '../../../testing/src/simulator/hardware/disk.js'
import { DATA_DIR, World, clientAddressOf, peerAddressOf } from '../../../testing/src/simulator/world.js'

const FILE = '/backup.snapshot'
const POLICY = { everySlots: 1e6, everyBytes: 2 ** 40, keepSlots: 0, chunkBytes: 100 }

async function workingCluster(servers = 3) {
  const world = new World({ servers, machine: () => new RecordingMachine(), options: { snapshots: POLICY } })
  await world.openAll()
  await world.ready()
  await world.raised()
  await world.settled(Promise.all(['a', 'b', 'c'].map((text) => world.replica(1).execute(text))))
  return world
}

async function bytesOf(saved: SavedSnapshot): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of saved) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** A disk with the backup of a cluster on it. */
async function backedUp(world: Awaited<ReturnType<typeof workingCluster>>): Promise<MemoryDisk> {
  const disk = new MemoryDisk()
  disk.put(FILE, await world.settled(world.replica(1).saveSnapshot().then(bytesOf)))
  return disk
}

function restoring(disk: MemoryDisk, machine = new RecordingMachine()) {
  return restoreCluster({
    file: FILE,
    dataDir: DATA_DIR,
    id: 1,
    address: peerAddressOf(1),
    machine,
    host: { disk },
  })
}

describe('a client saves a snapshot', () => {
  test('of the current state while commands are executed', async () => {
    const world = await workingCluster()
    const client = await world.connect()
    const saved = await world.settled(client.saveSnapshot())
    expect(saved.slot).toBe(world.status(1).watermarks.executed)
    const later = Array.from({ length: 20 }, (_, n) => world.replica(1).execute(`later${n}`))
    const bytes = await world.settled(bytesOf(saved))
    await world.settled(Promise.all(later))
    expect(bytes).toHaveLength(saved.sizeBytes)
    const disk = new MemoryDisk()
    disk.put(FILE, bytes)
    const machine = new RecordingMachine()
    expect(await readSnapshotInfo(FILE, { disk, machine })).toMatchObject({
      cluster: 'synod',
      clusterId: world.status(1).clusterId,
      mode: 'leader',
      slot: saved.slot,
      timeMs: machine.executed.at(-1)?.timeMs,
      sizeBytes: saved.sizeBytes,
      members: [1, 2, 3],
    })
    expect(machine.query()).toEqual(['a', 'b', 'c'])
    // Without the state machine it says the same of all but that.
    expect(await readSnapshotInfo(FILE, { disk })).toEqual(await readSnapshotInfo(FILE, { disk, machine }))
  })

  test('without a quorum', async () => {
    const world = await workingCluster()
    world.kill(2)
    world.kill(3)
    expect((await world.settled(world.replica(1).saveSnapshot())).slot).toBeGreaterThan(0)
  })

  test('one at a time, and waits only a limited time for a client that stopped reading', async () => {
    const world = await workingCluster(1)
    const [first, second] = [await world.connect('first'), await world.connect('second')]
    const saved = await world.settled(first.saveSnapshot())
    const refused = await world.failure(second.saveSnapshot())
    expect(refused).toMatchObject({ code: 'overloaded', retryAfterMs: 1000 })
    await world.wait(ABANDONED_AFTER_MS)
    expect((await world.settled(second.saveSnapshot())).slot).toBe(saved.slot)
    expect(await world.failure(bytesOf(saved))).toMatchObject({ code: 'overloaded' })
  })

  test('at a limited rate, as a snapshot costs the replica more than the client', async () => {
    const world = await workingCluster(1)
    world.server(1).syncMs = () => 200
    const saved = await world.settled(world.replica(1).saveSnapshot())
    await world.settled(bytesOf(saved))
    await world.settled(world.replica(1).execute('d'))
    const refused = await world.failure(world.replica(1).saveSnapshot())
    expect(refused.code).toBe('overloaded')
    await world.wait(refused.retryAfterMs ?? 0)
    expect((await world.settled(world.replica(1).saveSnapshot())).slot).toBe(saved.slot + 1)
  })

  test('of one slot: parts of a newer snapshot are refused', async () => {
    const world = await workingCluster(1)
    const saved = await world.settled(world.replica(1).saveSnapshot())
    await world.wait(ABANDONED_AFTER_MS)
    await world.settled(world.replica(1).execute('d'))
    const other = await world.settled(world.replica(1).saveSnapshot())
    await world.settled(bytesOf(other))
    expect(await world.failure(bytesOf(saved))).toMatchObject({
      code: 'snapshot-failed',
      message: `the snapshot of slot ${saved.slot} was replaced by a newer one: begin again`,
    })
  })
})

describe('a saved snapshot', () => {
  test('becomes a new cluster of one server, above every slot and position of the old cluster', async () => {
    const old = await workingCluster()
    const disk = await backedUp(old)
    const restored = await restoring(disk)
    expect(restored).toMatchObject({
      cluster: 'synod',
      mode: 'leader',
      id: 1,
      slot: restored.last + MARGIN_SLOTS,
    })
    expect(restored.clusterId).not.toBe(old.status(1).clusterId)
    const world = new World({ servers: 1, machine: () => new RecordingMachine() })
    world.server(1).disk = disk
    await world.wait(old.clock.now())
    await world.openAll()
    await world.ready()
    await world.settled(world.replica(1).execute('d'))
    expect(await world.settled(world.replica(1).read(null))).toEqual(['a', 'b', 'c', 'd'])
    const { ballot, watermarks, members } = world.status(1)
    expect(ballot.seq).toBeGreaterThan(old.status(1).ballot.seq + MARGIN_BALLOTS)
    expect(watermarks.executed).toBeGreaterThan(restored.slot)
    expect(members).toMatchObject([{ server: 1, role: 'voter', address: peerAddressOf(1) }])
  })

  test('with damage anywhere is refused', async () => {
    const disk = await backedUp(await workingCluster())
    const bytes = await disk.read(FILE)
    for (let at = 0; at < bytes.length; at++) {
      const broken = Buffer.from(bytes)
      broken[at] = (broken[at] ?? 0) ^ 1
      disk.put(FILE, broken)
      await expect(readSnapshotInfo(FILE, { disk }), `byte ${at}`).rejects.toMatchObject({
        code: 'snapshot-failed',
      })
    }
    for (const length of [0, 10, bytes.length - 1]) {
      disk.put(FILE, bytes.subarray(0, length))
      await expect(restoring(disk), `${length} bytes`).rejects.toMatchObject({ code: 'snapshot-failed' })
    }
    await expect(disk.list(DATA_DIR)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('is not restored into a directory that is not empty', async () => {
    const disk = await backedUp(await workingCluster())
    await restoring(disk)
    await expect(restoring(disk)).rejects.toMatchObject({ code: 'invalid-options' })
  })

  test('leaves no startable directory if its restore is cut short', async () => {
    const old = await workingCluster()
    for (let changes = 0; ; changes++) {
      const disk = await backedUp(old)
      disk.dieAfter(changes)
      const isDone = await restoring(disk).then(
        () => true,
        () => false,
      )
      disk.crash(() => 0.5)
      if (isDone) break
      const names = await disk.list(DATA_DIR).catch(() => [])
      expect(names).not.toContain('identity')
      if (names.some((name) => name.endsWith('.snapshot'))) expect(names).toContain('00000001.journal')
    }
  })
})

test('PITFALL 29: a client of the old cluster is refused by the restored cluster, and its session is unknown there', async () => {
  const world = await workingCluster(1)
  const client = await world.connect()
  await world.settled(client.execute('d'))
  world.kill(1)
  const { disk } = world.server(1)
  const host = { disk, clock: world.clock, network: world.network.host('operator') }
  const target = { dataDir: '/new', id: 1, address: peerAddressOf(1), machine: new RecordingMachine() }
  await world.settled(recoverCluster({ from: [DATA_DIR], ...target, host }))
  await world.open(1, { dataDir: '/new' })
  expect(await world.failure(client.execute('e', { timeoutMs: 5000 }))).toMatchObject({
    code: 'wrong-cluster',
  })
  const other = await world.connect('new', { endpoints: [clientAddressOf(1)] })
  await world.settled(other.execute('f'))
  expect(await world.settled(other.read(null))).toEqual(['a', 'b', 'c', 'd', 'f'])
})
