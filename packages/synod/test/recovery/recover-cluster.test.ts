// What a recovery refuses, and what it says. That it finds the right values is explored:
// test/testing/explore.
import { expect, test } from 'vitest'
import { recoverCluster, type RecoverOptions } from '../../src/recovery/recover-cluster.js'
import { RecordingMachine } from '../../../testing/src/operations/recording-machine.js'
import { MemoryDisk } from '../../../testing/src/simulator/hardware/disk.js'
import { DATA_DIR, World, peerAddressOf } from '../../../testing/src/simulator/world.js'

type Options = RecoverOptions<RecordingMachine>

async function workingCluster(servers = 3) {
  const world = new World({ servers, machine: () => new RecordingMachine() })
  await world.openAll()
  await world.ready()
  await world.settled(world.replica(1).execute('first'))
  return world
}

type WorkingCluster = Awaited<ReturnType<typeof workingCluster>>

/**
 * Recovers from the directory of one server, which is on the disk that the new one is written to.
 */
function recovering(world: WorkingCluster, id: number, more: Partial<Options> = {}) {
  const { disk } = world.server(id)
  const options: Options = {
    from: [DATA_DIR],
    dataDir: '/new',
    id: 1,
    address: peerAddressOf(1),
    machine: new RecordingMachine(),
    host: { disk, clock: world.clock, network: world.network.host('operator') },
    ...more,
  }
  return recoverCluster(options)
}

test('the plan shows the given directories and possible losses before anything is written', async () => {
  const world = await workingCluster()
  for (const id of world.ids) world.kill(id)
  const { disk } = world.server(2)
  const names: string[][] = []
  const recovered = await world.settled(
    recovering(world, 2, {
      confirm: async (plan) => {
        names.push(await disk.list('/new').catch(() => []))
        expect(plan).toMatchObject({ cluster: 'synod', mayLack: true, lost: 0, snapshot: 0 })
        expect(plan.members.map(({ given, server }) => [server, given])).toEqual([
          [1, false],
          [2, true],
          [3, false],
        ])
        return true
      },
    }),
  )
  expect(names).toEqual([[]])
  expect(recovered.slot).toBe(recovered.last + 2 ** 30)
  expect((await disk.list('/new')).sort()).toEqual(
    ['00000001.journal', `${String(recovered.slot).padStart(16, '0')}.snapshot`, 'identity'].sort(),
  )
})

test('nothing is written if the plan is not confirmed', async () => {
  const world = await workingCluster()
  for (const id of world.ids) world.kill(id)
  const refused = recovering(world, 2, { confirm: () => false })
  expect(await world.failure(refused)).toMatchObject({ code: 'aborted' })
  await expect(world.server(2).disk.list('/new')).rejects.toMatchObject({ code: 'ENOENT' })
})

test('a source directory in use is refused', async () => {
  const world = await workingCluster()
  expect(await world.failure(recovering(world, 2))).toMatchObject({ code: 'directory-in-use' })
})

test('a recovery is refused while an old member answers, unless it is forced', async () => {
  const world = await workingCluster()
  await world.settled(world.replica(1).changeMembership({ add: 4, address: peerAddressOf(4) }))
  world.add(4)
  await world.open(4)
  await world.wait(2000)
  for (const id of [1, 2, 3]) world.kill(id)
  const refused = await world.failure(recovering(world, 2))
  expect(refused).toMatchObject({ code: 'cluster-running' })
  expect(refused.message).toContain('s4:2380, where s4 of the old cluster listened')
  const forced = await world.settled(recovering(world, 2, { force: true }))
  expect(forced.members.find(({ server }) => server === 4)).toMatchObject({ answersAt: ['s4:2380'] })
})

test('an old founder that answers is found, at its first and at its new address', async () => {
  const world = await workingCluster()
  for (const id of [2, 3]) world.kill(id)
  const founder = { addresses: ['s1:2380'], answersAt: ['s1:2380'] }
  const refused = await world.failure(recovering(world, 2))
  expect(refused).toMatchObject({ code: 'cluster-running' })
  expect(refused.message).toContain('s1:2380, where s1 of the old cluster listened')
  const forced = await world.settled(recovering(world, 2, { force: true }))
  expect(forced.members.find(({ server }) => server === 1)).toMatchObject(founder)

  // Moved by the options of its peers alone.
  const servers = { 1: 's9:2380', 2: peerAddressOf(2), 3: peerAddressOf(3) }
  await world.open(2, { cluster: { servers } })
  world.kill(2)
  const moved = await world.settled(recovering(world, 2, { dataDir: '/other' }))
  expect(moved.members[0]).toMatchObject({ addresses: ['s9:2380'], answersAt: [] })
})

test('a target that is not empty and a source without data are refused', async () => {
  const world = await workingCluster(1)
  world.kill(1)
  const { disk } = world.server(1)
  expect(await world.failure(recovering(world, 1, { dataDir: DATA_DIR }))).toMatchObject({
    code: 'invalid-options',
    message: '/data is not empty: give a directory that is empty or absent',
  })
  await disk.makeDirectory('/other')
  expect(await world.failure(recovering(world, 1, { from: ['/other'] }))).toMatchObject({
    code: 'invalid-options',
  })
  expect(await world.failure(recovering(world, 1, { from: ['/absent'] }))).toMatchObject({
    code: 'journal-failed',
  })
})

test('directories of two clusters are refused together', async () => {
  const [world, other] = [
    await workingCluster(1),
    new World({ servers: 1, seed: 2, machine: () => new RecordingMachine() }),
  ]
  await other.openAll({ cluster: { name: 'other', servers: { 1: peerAddressOf(1) } } })
  await other.ready()
  for (const each of [world, other]) each.kill(1)
  const { disk } = world.server(1)
  await disk.makeDirectory('/other')
  for (const [name, content] of other.server(1).disk.snapshot(DATA_DIR)) disk.put(`/other/${name}`, content)
  expect(await world.failure(recovering(world, 1, { from: [DATA_DIR, '/other'] }))).toMatchObject({
    code: 'wrong-cluster',
  })
})

test('invalid options are refused', async () => {
  const options = { from: [], dataDir: '/new', id: 1, address: 'h:1', machine: new RecordingMachine() }
  await expect(recoverCluster(options)).rejects.toMatchObject({
    code: 'invalid-options',
    message: 'from must be 1 to 31 directories, not an array',
  })
  await expect(recoverCluster({ ...options, from: ['/x', '/x/'] })).rejects.toMatchObject({
    message: 'a directory is given twice with from: give each once',
  })
  const machine = { apply: () => 0, query: () => [] }
  await expect(
    recoverCluster({ ...options, from: ['/x'], machine, host: { disk: new MemoryDisk() } }),
  ).rejects.toMatchObject({ code: 'invalid-options' })
})
