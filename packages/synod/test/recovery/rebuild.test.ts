// What a rebuild refuses. That a replica comes back after it: test/replica/divergence.test.ts.
import { expect, test } from 'vitest'
import { rebuildReplica } from '../../src/recovery/rebuild.js'
import { RecordingMachine } from '../../../testing/src/operations/recording-machine.js'
import { MemoryDisk } from '../../../testing/src/simulator/hardware/disk.js'
import { DATA_DIR, World, peerAddressOf } from '../../../testing/src/simulator/world.js'

const snapshots = { everySlots: 2, keepSlots: 0 }

async function workingCluster() {
  const world = new World({ servers: 1, machine: () => new RecordingMachine() })
  await world.openAll({ snapshots })
  await world.ready()
  for (let n = 0; n < 6; n++) await world.settled(world.replica(1).execute(`w${n}`))
  await world.run(() => world.status(1).watermarks.snapshotted > 0)
  return world
}

test('a rebuild of the only member of a cluster is refused, as it has the only copy of the state', async () => {
  const world = await workingCluster()
  const { disk } = world.server(1)
  world.kill(1)
  const files = async () => (await disk.list(DATA_DIR)).filter((name) => !name.startsWith('lock'))
  const before = await files()
  expect(before.some((name) => name.endsWith('.snapshot'))).toBe(true)
  const refused = await world.failure(rebuildReplica(DATA_DIR, disk))
  expect(refused).toMatchObject({ code: 'invalid-options' })
  expect(refused.message).toContain('s1 is the only member of its cluster, and /data has the only copy')
  expect(await files()).toEqual(before)
})

test('a member of a cluster with other members is rebuilt', async () => {
  const world = await workingCluster()
  await world.settled(world.replica(1).changeMembership({ add: 2, address: peerAddressOf(2) }))
  for (let n = 0; n < 6; n++) await world.settled(world.replica(1).execute(`after ${n}`))
  const { disk } = world.server(1)
  const slot = world.status(1).watermarks.executed
  await world.run(() => world.status(1).watermarks.snapshotted >= slot - 2)
  world.kill(1)
  expect(await rebuildReplica(DATA_DIR, disk)).toBe(false)
  expect((await disk.list(DATA_DIR)).some((name) => name.endsWith('.snapshot'))).toBe(false)
})

test('a directory in use and a directory without a server are not changed', async () => {
  const world = await workingCluster()
  const refused = await world.failure(rebuildReplica(DATA_DIR, world.server(1).disk))
  expect(refused).toMatchObject({ code: 'directory-in-use' })
  const disk = new MemoryDisk()
  await disk.makeDirectory('/other')
  disk.put('/other/0000000000000007.snapshot', Buffer.from('mine'))
  await expect(rebuildReplica('/other', disk)).rejects.toMatchObject({ code: 'invalid-options' })
  expect(await disk.list('/other')).toEqual(['0000000000000007.snapshot'])
})
