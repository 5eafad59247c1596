import { describe, expect, test } from 'vitest'
import type { Options } from './world.js'
import { World } from './world.js'

const MODES = ['leader', 'leaderless'] as const

describe.each(MODES)('in %s mode', (mode) => {
  test('a cluster forms only when all its servers have connected', async () => {
    const world = new World({ mode })
    await world.open(1)
    await world.open(2)
    await world.wait(5000)
    expect(world.status(1)).toMatchObject({ formed: false, voting: true, leader: null, recovery: 'new' })
    const early = world.replica(1).execute('early')
    await world.open(3)
    expect(await world.settled(early)).toBe(1)
    await world.ready()
    await world.converged()
  })

  test('before the cluster has formed a proposal fails as no-quorum, and names the missing servers', async () => {
    const world = new World({ mode })
    await world.open(1)
    const error = await world.failure(world.replica(1).execute('a', { timeoutMs: 1000 }))
    expect(error.code).toBe('no-quorum')
    expect(error.message).toMatch(/s2, s3/)
    expect(world.clock.now()).toBeLessThan(1100)
  })

  test('no server votes before all servers have saved their peers, so no crash leaves one behind', async () => {
    const world = new World({ mode })
    await world.open(1)
    await world.open(2)
    await world.wait(100)
    world.server(1).disk.holdSyncs()
    await world.open(3)
    await world.wait(2000)
    expect(world.running.map((id) => world.status(id).formed)).toEqual([false, false, false])
    world.crash(1)
    await world.wait(2000)
    expect([2, 3].map((id) => world.status(id).formed)).toEqual([false, false])
    await world.restart(1)
    await world.ready()
    world.crash(3)
    expect(await world.settled(world.replica(1).execute('a'))).toBe(1)
  })

  test('a formed cluster needs only a majority, also after a restart', async () => {
    const world = await World.formed({ mode })
    for (const id of world.ids) world.crash(id)
    await world.open(2)
    await world.open(3)
    expect(await world.settled(world.replica(2).execute('a'))).toBe(1)
  })

  test('a single server forms a cluster alone', async () => {
    const world = await World.formed({ servers: 1, mode })
    expect(await world.settled(world.replica(1).execute('a'))).toBe(1)
    expect(await world.settled(world.replica(1).read(0))).toEqual(['a'])
    world.crash(1)
    await world.open(1)
    expect(await world.settled(world.replica(1).read(0))).toEqual(['a'])
  })

  test('five servers form a cluster, and go on without two of them', async () => {
    const world = await World.formed({ servers: 5, mode })
    world.crash(4)
    world.crash(5)
    expect(await world.settled(world.replica(1).execute('a'))).toBe(1)
  })
})

const THREE = { 1: 's1:2380', 2: 's2:2380', 3: 's3:2380' }

describe('servers with different options refuse each other, and fail', () => {
  test.each<[string, string, Options]>([
    ['on the mode', 'wrong-mode', { mode: 'leaderless' }],
    [
      'on the name of the cluster',
      'wrong-cluster',
      { cluster: { name: 'other', servers: { 1: 's1:2380', 2: 's2:2380', 3: 's3:2380' } } },
    ],
    [
      'on the members',
      'wrong-cluster',
      { cluster: { servers: { 1: 's1:2380', 2: 's2:2380', 3: 's3:2380', 4: 's4:2380' } } },
    ],
    ['on the quorums', 'wrong-cluster', { cluster: { servers: THREE, quorums: { phase1: 3, phase2: 1 } } }],
  ])('for %s: %s', async (_what, code, options) => {
    const world = new World()
    await world.open(1)
    await world.open(2)
    await world.open(3, options)
    await world.run(() => world.server(3).fatal !== undefined)
    expect(world.server(3).fatal).toMatchObject({ code })
    expect(world.server(3).log.join('\n')).toMatch(/s[12] and this server do not agree/)
    // The first ones may hear of it as well, if the third is there long enough to refuse them.
    await world.wait(3000)
    expect(world.server(1).fatal?.code ?? code).toBe(code)
    expect(world.server(1).log.join('\n')).toMatch(/refused a server/)
    expect(world.status(1).formed).toBe(false)
  })

  test('but in a formed cluster only the new server fails', async () => {
    const world = await World.formed()
    const id = world.followers[0]!
    world.crash(id)
    world.emptyDisk(id)
    await world.open(id, { mode: 'leaderless' })
    await world.run(() => world.server(id).fatal !== undefined)
    expect(world.server(id).fatal).toMatchObject({ code: 'wrong-mode' })
    expect(await world.settled(world.replica(world.leader!).execute('a'))).toBe(1)
  })

  test('for quorums other than those of the directory, as chosen values might not be found', async () => {
    const quorums = { phase1: 3, phase2: 1 }
    const world = new World()
    await world.openAll({ cluster: { servers: THREE, quorums } })
    await world.ready()
    expect(await world.settled(world.replica(1).execute('a'))).toBe(1)
    world.crash(1)
    expect(await world.failure(world.begin(1))).toMatchObject({
      code: 'wrong-cluster',
      message: expect.stringContaining(
        'quorums of 3 and 1 servers, and this server was started with majorities',
      ),
    })
    world.crash(1)
    await world.open(1, { cluster: { servers: THREE, quorums } })
    expect(await world.settled(world.replica(1).read(0))).toEqual(['a'])
  })

  test('unless the given quorums are majorities, as in the directory', async () => {
    const world = await World.formed()
    world.crash(1)
    await world.open(1, { cluster: { servers: THREE, quorums: { phase1: 2, phase2: 2 } } })
    await world.converged()
  })

  test('for a mode other than that of the directory, before they connect', async () => {
    const world = await World.formed()
    world.crash(1)
    expect(await world.failure(world.begin(1, { mode: 'leaderless' }))).toMatchObject({ code: 'wrong-mode' })
    expect(world.server(1).log).not.toContain('error')
  })
})

describe.each(MODES)('an emptied disk, in %s mode', (mode) => {
  test('does not matter before the cluster has formed', async () => {
    const world = new World({ mode })
    await world.open(1)
    await world.open(2)
    await world.wait(1000)
    world.crash(2)
    world.emptyDisk(2)
    await world.open(2)
    await world.wait(1000)
    await world.open(3)
    await world.ready()
    expect(await world.settled(world.replica(2).execute('a'))).toBe(1)
    await world.converged()
  })

  test('does not matter before the cluster has formed, even if its server comes back last', async () => {
    const world = new World({ mode })
    await world.open(1)
    await world.open(2)
    await world.wait(1000)
    world.crash(2)
    world.emptyDisk(2)
    await world.open(3)
    await world.wait(1000)
    await world.open(2)
    await world.ready()
    expect(world.running).toEqual([1, 2, 3])
    expect(await world.settled(world.replica(2).execute('a'))).toBe(1)
  })
})
