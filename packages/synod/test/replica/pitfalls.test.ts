import { FORMATS, type Support } from '../../src/cluster/versions.js'
import { describe, expect, test } from 'vitest'
import { clusterIdOf } from '../../src/cluster/cluster-id.js'
import { recover } from '../../src/journal/recovery.js'
import { decodeRequest } from '../../src/machine/request.js'
import { listenForPeers } from '../../src/net/peer/listener.js'
import { openPeerLink } from '../../src/net/peer/link.js'
import { FakeReplica } from '../client/fake-replica.js'
import { DATA_DIR } from '../../../testing/src/simulator/world.js'
import { World } from './world.js'

const SUPPORT: Support = { formats: FORMATS, machine: 1 }

// Where published implementations went wrong, as far as it shows in whole replicas. Those of the
// core alone are in ../paxos/pitfalls.test.ts.

const MODES = ['leader', 'leaderless'] as const

/**
 * A cluster whose leader gives up only after ten minutes without the others; they elect another one
 * much sooner.
 */
async function withPersistentLeader(): Promise<{ world: World; old: number }> {
  const world = await World.formed({ options: { electionTimeoutMs: 600_000 } })
  const old = world.leader!
  for (const id of world.followers) {
    world.crash(id)
    await world.restart(id, { electionTimeoutMs: 500 })
    await world.ready()
  }
  if (world.leader !== old) throw new Error('another leads now')
  return { world, old }
}

describe.each(MODES)('PITFALL 7: a result is that of the executed command (%s mode)', (mode) => {
  test('PITFALL 7: while all servers compete for the same slots', async () => {
    const world = await World.formed({ mode, syncMs: 15 })
    const texts = world.ids.flatMap((id) => Array.from({ length: 15 }, (_, index) => `${id}/${index}`))
    const calls = texts.map((text) => world.replica(Number(text[0])).execute(text))
    const results = await world.settled(Promise.all(calls))
    await world.converged()
    for (const [index, result] of results.entries()) expect(world.texts(1)[result - 1]).toBe(texts[index])
  })

  test('PITFALL 7: if another server finishes a value that this one proposed', async () => {
    const world = await World.formed({ mode })
    const proposer = world.leader ?? 1
    await world.settled(world.replica(proposer).execute('a'))
    const call = world.replica(proposer).execute('mine')
    await world.wait(1.5)
    world.isolate(proposer)
    const [other] = world.ids.filter((id) => id !== proposer)
    const theirs = await world.settled(world.replica(other!).execute('theirs'))
    world.heal()
    const mine = await world.settled(call)
    await world.converged()
    expect(world.texts(other!)[mine - 1]).toBe('mine')
    expect(world.texts(other!)[theirs - 1]).toBe('theirs')
  })
})

describe('PITFALL 9: a restarted leader does not continue to lead', () => {
  test('PITFALL 9: it restarts as a follower, reports that, and follows a leader at a higher ballot', async () => {
    const world = await World.formed()
    const leader = world.leader!
    await world.settled(world.replica(leader).execute('a'))
    const { ballot } = world.status(leader)
    for (const id of world.followers) world.partition(leader, id)
    world.crash(leader)
    await world.restart(leader)
    await world.wait(100)
    expect(world.status(leader)).toMatchObject({ role: 'follower', leader: null, formed: true })
    world.heal()
    await world.ready()
    expect(world.status(leader).ballot.seq).toBeGreaterThan(ballot.seq)
    expect(await world.settled(world.replica(leader).execute('b'))).toBe(2)
    await world.converged()
  })

  test('PITFALL 9: if all restart at once, each proposal of the old leader has one outcome', async () => {
    const world = await World.formed()
    const leader = world.leader!
    await world.settled(world.replica(leader).execute('a'))
    const { ballot } = world.status(leader)
    world.isolate(leader)
    world
      .replica(leader)
      .execute('voted for by the old leader alone')
      .catch(() => undefined)
    await world.wait(20)
    for (const id of world.ids) world.crash(id)
    world.heal()
    await world.openAll()
    await world.ready()
    expect(world.status(1).ballot.seq).toBeGreaterThan(ballot.seq)
    await world.settled(world.replica(1).execute('b'))
    await world.converged()
    expect(world.texts(2)[0]).toBe('a')
    expect(world.texts(2).at(-1)).toBe('b')
  })
})

describe('PITFALL 11: the leader hint with the highest ballot wins', () => {
  async function clientOfThree() {
    const world = new World()
    const replicas = [
      await FakeReplica.listen(world, 1),
      await FakeReplica.listen(world, 2),
      await FakeReplica.listen(world, 3),
    ] as const
    const client = await world.connect()
    await world.wait(10)
    return { world, client, replicas }
  }

  test('PITFALL 11: a hint of a deposed leader is ignored, even if it comes last', async () => {
    const { client, replicas, world } = await clientOfThree()
    const [s1, s2, s3] = replicas
    s2.hint(7, 2)
    s3.hint(7, 2)
    await world.wait(10)
    s1.hint(3, 1)
    await world.wait(10)
    const read = client.read(0)
    await world.wait(10)
    expect(replicas.map((replica) => replica.of('read').length)).toEqual([0, 1, 0])
    s2.reply(s2.of('read')[0]!.request, ['from s2'])
    expect(await world.settled(read)).toEqual(['from s2'])
  })

  test('PITFALL 11: two servers that name each other send the client to one of them, once', async () => {
    const { client, replicas, world } = await clientOfThree()
    const [s1, s2] = replicas
    const read = client.read(0, { timeoutMs: 5000 })
    for (let count = 0; count < 20; count++) {
      s1.hint(4, 2)
      s2.hint(5, 1)
      await world.wait(20)
    }
    expect(replicas.map((replica) => replica.of('read').length)).toEqual([1, 1, 0])
    s1.reply(s1.of('read')[0]!.request, ['from s1'])
    expect(await world.settled(read)).toEqual(['from s1'])
  })

  test('PITFALL 11: with a deposed leader in a running cluster, the client finds the new leader', async () => {
    const { old, world } = await withPersistentLeader()
    const client = await world.connect()
    expect(await world.settled(client.execute('a'))).toBe(1)
    world.isolate(old)
    expect(await world.settled(client.execute('b'))).toBe(2)
    expect(world.status(old).role).toBe('leader')
    const begunMs = world.clock.now()
    expect(await world.settled(client.execute('c'))).toBe(3)
    expect(await world.settled(client.read(0))).toEqual(['a', 'b', 'c'])
    expect(world.clock.now() - begunMs).toBeLessThan(50)
  })
})

describe('PITFALL 12: in leaderless mode, a request that every server proposes', () => {
  /** By slot, the session and sequence of each command in the journal of a server. */
  async function commands(world: World, id: number): Promise<Map<number, string>> {
    const { records } = await recover(world.server(id).disk, DATA_DIR)
    const bySlot = new Map<number, string>()
    for (const record of records) {
      if (record.type !== 'vote' && record.type !== 'decided') continue
      for (const [offset, value] of record.values.entries()) {
        if (value.length === 0) continue
        const { kind, sequence, session } = decodeRequest(value)
        if (kind === 'command') bySlot.set(record.first + offset, `${session}/${sequence}`)
      }
    }
    return bySlot
  }

  test('PITFALL 12: is chosen in several slots, and executed once', async () => {
    const world = await World.formed({ mode: 'leaderless', seed: 4 })
    const client = await world.connect()
    const texts = []
    const results = []
    for (const slow of world.ids) {
      // One that begins and takes long to go on: the others begin elsewhere.
      world.server(slow).syncMs = () => 100
      const more = Array.from({ length: 10 }, (_, index) => `${slow}/${index}`)
      results.push(...(await world.settled(Promise.all(more.map((text) => client.execute(text))))))
      texts.push(...more)
      world.server(slow).syncMs = () => 1
    }
    await world.converged()
    await world.wait(1000)
    const chosen = [...(await commands(world, 1))].filter(
      ([slot]) => slot <= world.status(1).watermarks.executed,
    )
    expect(chosen.length, 'slots with a command').toBeGreaterThan(texts.length)
    expect(new Set(chosen.map(([, key]) => key)).size).toBe(texts.length)
    for (const id of world.ids) expect([...world.texts(id)].sort()).toEqual([...texts].sort())
    expect(new Set(results).size).toBe(texts.length)
  })

  test('PITFALL 12: is finished by its lone server after a crash, if that had voted for it', async () => {
    const world = await World.formed({ servers: 1, mode: 'leaderless' })
    await world.settled(world.replica(1).execute('a'))
    world.crash(1)
    await world.restart(1)
    expect(await world.settled(world.replica(1).read(0))).toEqual(['a'])
  })

  test('PITFALL 12: does not delay the others if it is left in a hole by a crashed server', async () => {
    const world = await World.formed({ mode: 'leaderless' })
    await world.settled(world.replica(1).execute('a'))
    for (let delayMs = 1; delayMs <= 8; delayMs++) {
      world
        .replica(2)
        .execute(`by s2, ${delayMs}`)
        .catch(() => undefined)
      await world.wait(delayMs)
      world.crash(2)
      const begunMs = world.clock.now()
      await world.settled(world.replica(1).execute(`by s1, ${delayMs}`))
      await world.settled(world.replica(3).read(0))
      expect(world.clock.now() - begunMs).toBeLessThan(1500)
      await world.restart(2)
      await world.settled(world.replica(2).read(0))
    }
    await world.converged()
  })
})

describe.each(MODES)('PITFALL 13: a failed fsync is not retried (%s mode)', (mode) => {
  test('PITFALL 13: one server acknowledges nothing after it, and keeps what it acknowledged', async () => {
    const world = await World.formed({ servers: 1, mode })
    const acknowledged: string[] = []
    for (let count = 1; count <= 10; count++) {
      if (count === 6) world.server(1).disk.failNext('sync')
      await world.settled(
        world
          .replica(1)
          .execute(`${count}`)
          .then(
            () => acknowledged.push(`${count}`),
            () => undefined,
          ),
      )
    }
    expect(acknowledged).toEqual(['1', '2', '3', '4', '5'])
    expect(world.server(1).fatal).toMatchObject({ code: 'journal-failed' })
    const { syncs } = world.server(1).disk.counts
    await world.wait(5000)
    expect(world.server(1).disk.counts.syncs).toBe(syncs)
    world.crash(1)
    await world.restart(1)
    await world.settled(world.replica(1).execute('after'))
    const texts = await world.settled(world.replica(1).read(0))
    expect(texts.filter((text) => acknowledged.includes(text))).toEqual(acknowledged)
  })

  test('PITFALL 13: on a quorum of disks, acknowledged commands survive a power failure of all servers', async () => {
    const world = await World.formed({ mode })
    const client = await world.connect('client', { timeoutMs: 3000 })
    const acknowledged: string[] = []
    for (let count = 1; count <= 12; count++) {
      if (count === 5) world.server(1).disk.failNext('sync')
      if (count === 9) world.server(2).disk.failNext('sync')
      await world.settled(
        client.execute(`${count}`).then(
          () => acknowledged.push(`${count}`),
          () => undefined,
        ),
      )
    }
    expect(acknowledged.length).toBeGreaterThanOrEqual(7)
    for (const id of world.ids) world.crash(id)
    await world.openAll()
    const texts = await world.settled(world.replica(3).read(0))
    for (const text of acknowledged) expect(texts.filter((other) => other === text)).toEqual([text])
  })
})

describe.each(MODES)('PITFALL 14: damage in the middle of a journal is not a torn tail (%s mode)', (mode) => {
  test('PITFALL 14: the journal is not cut, and the server stops voting', async () => {
    const world = await World.formed({ mode })
    for (let count = 1; count <= 10; count++) await world.settled(world.replica(1).execute(`${count}`))
    await world.converged()
    world.crash(3)
    const { disk } = world.server(3)
    const path = `${DATA_DIR}/00000001.journal`
    const bytes = disk.snapshot(DATA_DIR).get('00000001.journal')!
    bytes[bytes.length >> 2]! ^= 1
    disk.put(path, bytes)
    await world.restart(3)
    expect(world.status(3)).toMatchObject({ voting: false, role: 'learner' })
    await world.settled(world.replica(3).read(0))
    expect(await disk.read(path)).toEqual(bytes)
  })

  test('PITFALL 14: while the only other copy is away, acknowledged commands are waited for, not forgotten', async () => {
    const world = await World.formed({ mode })
    await world.settled(world.replica(1).execute('before'))
    await world.converged()
    const away = world.leader ?? 1
    const [damaged, behind] = world.ids.filter((id) => id !== away)
    world.isolate(behind!)
    await world.settled(world.replica(away).execute('acknowledged by two'))
    world.crash(away)
    world.crash(damaged!)
    const { disk } = world.server(damaged!)
    const bytes = disk.snapshot(DATA_DIR).get('00000001.journal')!
    bytes[bytes.length >> 1]! ^= 1
    disk.put(`${DATA_DIR}/00000001.journal`, bytes)
    world.heal()
    await world.restart(damaged!)
    const read = world.replica(behind!).read(0, { timeoutMs: 60_000 })
    await world.wait(5000)
    await world.restart(away)
    expect(await world.settled(read)).toEqual(['before', 'acknowledged by two'])
  })
})

describe.each(MODES)('PITFALL 15: a server with an empty disk is another acceptor (%s mode)', (mode) => {
  test('PITFALL 15: it does not return as the old acceptor, and acknowledged commands are not lost', async () => {
    const world = await World.formed({ mode })
    await world.settled(world.replica(1).execute('before'))
    await world.converged()
    const away = world.leader ?? 1
    const [emptied, behind] = world.ids.filter((id) => id !== away)
    world.isolate(behind!)
    await world.settled(world.replica(away).execute('acknowledged by two'))
    world.crash(emptied!)
    world.emptyDisk(emptied!)
    world.heal()
    world.partition(away, behind!)
    await world.restart(emptied!)
    const read = world.replica(behind!).read(0, { timeoutMs: 60_000 })
    await world.wait(5000)
    expect(world.server(emptied!).fatal).toMatchObject({ code: 'wrong-acceptor' })
    world.heal()
    expect(await world.settled(read)).toEqual(['before', 'acknowledged by two'])
    expect(await world.settled(world.replica(away).execute('on'))).toBe(3)
    expect(world.running).not.toContain(emptied)
  })

  test('PITFALL 15: a server that knew the old acceptor refuses it, with the reason', async () => {
    const world = await World.formed({ mode })
    world.crash(3)
    world.emptyDisk(3)
    await world.restart(3)
    await world.run(() => world.server(3).fatal !== undefined)
    await world.wait(3000)
    for (const id of [1, 2]) expect(world.server(id).log.join('\n')).toMatch(/refused a server.*was emptied/)
    expect(world.running).toEqual([1, 2])
  })

  test('PITFALL 15: servers that dial it do not take it for the old acceptor', async () => {
    const world = await World.formed({ mode })
    world.crash(3)
    const received: unknown[] = []
    await listenForPeers({
      network: world.network.host('s3'),
      clock: world.clock,
      address: { host: 's3', port: 2380 },
      judge: ({ clusterId }) => ({
        type: 'peer-welcome',
        heard: 0,
        server: 3,
        acceptor: 'cd'.repeat(16),
        clusterId,
        process: 1,
        support: SUPPORT,
        electorate: { slot: 0, configurations: [] },
      }),
      onMessages: (_from, batch) => received.push(...batch),
      onRefused: () => undefined,
    })
    await world.wait(3000)
    for (const id of [1, 2]) {
      expect(world.server(id).log.join('\n')).toMatch(/s3 and this server do not agree.*was emptied/)
      expect(world.status(id).peers.find(({ server }) => server === 3)?.up).toBe(false)
    }
    expect(received).toEqual([])
    expect(await world.settled(world.replica(1).execute('on'))).toBe(1)
  })
})

describe('PITFALL 18: reads', () => {
  test.each(MODES)('PITFALL 18: wait for execution, not only for chosen slots (%s mode)', async (mode) => {
    const world = await World.formed({ mode })
    const lagging = world.leader === 3 ? 2 : 3
    for (let count = 1; count <= 30; count++) await world.settled(world.replica(1).execute(`${count}`))
    world.crash(lagging)
    await world.settled(world.replica(1).execute('31'))
    await world.restart(lagging)
    expect(world.status(lagging).watermarks.executed).toBeLessThan(31)
    expect(await world.settled(world.replica(lagging).read(30))).toEqual(['31'])
  })

  test('PITFALL 18: are not answered by a deposed leader that does not know that it is deposed', async () => {
    const { old, world } = await withPersistentLeader()
    const [other] = world.followers
    await world.settled(world.replica(old).execute('old'))
    world.isolate(old)
    await world.settled(world.replica(other!).execute('new'))
    expect(world.status(old)).toMatchObject({ role: 'leader', leader: old })
    const error = await world.failure(world.replica(old).read(0, { timeoutMs: 3000 }))
    expect(['no-quorum', 'outcome-unknown']).toContain(error.code)
    world.heal()
    expect(await world.settled(world.replica(old).read(0))).toEqual(['old', 'new'])
  })

  test.each(MODES)(
    'PITFALL 18: see commands that the previous leader acknowledged without telling another server (%s mode)',
    async (mode) => {
      const world = await World.formed({ mode })
      const before = world.leader ?? 1
      const others = world.ids.filter((id) => id !== before)
      for (let count = 1; count <= 5; count++) {
        await world.settled(world.replica(before).execute(`${count}`))
        // It is acknowledged, and the word that it is chosen has not left.
        for (const id of others) expect(world.texts(id)).not.toContain(`${count}`)
        world.crash(before)
        const answers = await world.settled(Promise.all(others.map((id) => world.replica(id).read(0))))
        for (const answer of answers) expect(answer.at(-1)).toBe(`${count}`)
        await world.restart(before)
        await world.ready()
        await world.settled(world.replica(before).read(0))
        if (mode === 'leader' && world.leader !== before) break
      }
    },
  )

  test('PITFALL 18: ignore answers to reads from before a restart', async () => {
    const world = new World({ servers: 2 })
    const rounds: number[] = []
    const acceptor = 'ab'.repeat(16)
    let clusterId: string | null = null
    await listenForPeers({
      network: world.network.host('s2'),
      clock: world.clock,
      address: { host: 's2', port: 2380 },
      judge: ({ acceptor: other }) => {
        clusterId = clusterIdOf({ 1: other, 2: acceptor })
        return {
          type: 'peer-welcome',
          heard: 0,
          server: 2,
          acceptor,
          clusterId,
          process: 1,
          support: SUPPORT,
          electorate: { slot: 0, configurations: [] },
        }
      },
      onMessages: (_from, batch) => {
        for (const message of batch) if (message.type === 'observe') rounds.push(message.round)
      },
      onRefused: () => undefined,
    })
    const link = openPeerLink({
      network: world.network.host('s2'),
      clock: world.clock,
      random: world.random,
      address: { host: 's1', port: 2380 },
      hello: () => ({
        type: 'peer-hello',
        purpose: 'messages',
        cluster: 'synod',
        clusterId,
        parameters: { mode: 'leader', quorums: null, leaseMs: 0, window: 8192 },
        electionTimeoutMs: 500,
        server: 2,
        acceptor,
        founders: [1, 2],
        address: 's.example:1',
        process: 1,
        support: SUPPORT,
        electorate: { slot: 0, configurations: [] },
      }),
      onUp: () => undefined,
      onDown: () => undefined,
      onRefused: () => undefined,
    })
    const answer = (round: number) => {
      link.send({ type: 'observed', round, voted: 0 })
      link.flush()
    }
    await world.open(1)
    await world.run(() => link.up && world.status(1).formed)
    const first = world.replica(1).read(0)
    await world.run(() => rounds.length > 0)
    const [old] = rounds
    answer(old!)
    expect(await world.settled(first)).toEqual([])

    world.crash(1)
    await world.restart(1)
    await world.run(() => link.up)
    rounds.length = 0
    let answered = false
    const second = world.replica(1).read(0)
    second.then(
      () => (answered = true),
      () => undefined,
    )
    await world.run(() => rounds.length > 0)
    const [now] = rounds
    answer(old!)
    answer(old! + 1)
    await world.wait(20)
    expect(answered).toBe(false)
    answer(now!)
    expect(await world.settled(second)).toEqual([])

    const third = world.replica(1).read(0)
    await world.run(() => rounds.at(-1) !== now)
    answer(now!)
    await world.wait(20)
    expect(world.status(1).waiting).toBe(1)
    answer(rounds.at(-1)!)
    await world.settled(third)
  })
})

describe.each(MODES)('PITFALL 19: duplicates are filtered at execution (%s mode)', (mode) => {
  test('PITFALL 19: when another server gets the retry after the first server executed the command and died', async () => {
    const world = await World.formed({ mode })
    const client = await world.connect()
    await world.settled(client.execute('first'))
    for (let count = 2; count <= 6; count++) {
      const asked = world.leader ?? (count % 3) + 1
      for (const id of world.ids) if (mode === 'leaderless' && id !== asked) world.partition('client', id)
      const call = client.execute(`${count}`)
      await world.run(() => world.texts(asked).includes(`${count}`))
      world.crash(asked)
      world.heal()
      expect(await world.settled(call)).toBe(count)
      await world.restart(asked)
      await world.ready()
    }
    await world.converged()
    for (const id of world.ids) expect(world.texts(id)).toEqual(['first', '2', '3', '4', '5', '6'])
  })

  test('PITFALL 19: when the retry comes after all servers restarted', async () => {
    const world = await World.formed({ mode })
    const client = await world.connect('client', { timeoutMs: 60_000 })
    await world.settled(client.execute('first'))
    const call = client.execute('once')
    const asked = world.leader ?? 1
    await world.run(() => world.texts(asked).includes('once'))
    for (const id of world.ids) world.crash(id)
    await world.openAll()
    expect(await world.settled(call)).toBe(2)
    expect(await world.settled(client.execute('last'))).toBe(3)
    await world.converged()
    for (const id of world.ids) expect(world.texts(id)).toEqual(['first', 'once', 'last'])
  })

  test('PITFALL 19: and no jump of a clock ends a session', async () => {
    const world = await World.formed({ mode })
    const client = await world.connect()
    await world.settled(client.execute('a'))
    const yearMs = 365 * 24 * 3_600_000
    for (const [index, skewMs] of [yearMs, -yearMs, 2 * yearMs].entries()) {
      for (const id of world.ids) world.server(id).skewMs = id === 2 ? 0 : skewMs
      expect(await world.settled(client.execute(`${index}`))).toBe(index + 2)
    }
    await world.converged()
    const sessions = world.ids.map((id) => world.status(id).sessions)
    expect(new Set(sessions).size).toBe(1)
  })
})

describe.each(MODES)('PITFALL 24: no request waits for others (%s mode)', (mode) => {
  test('PITFALL 24: a single proposal or read on an idle cluster is done at once', async () => {
    const world = await World.formed({ mode })
    for (const id of world.ids) await world.settled(world.replica(id).execute('opens the session'))
    for (const id of world.ids) {
      await world.wait(1000)
      const begunMs = world.clock.now()
      await world.settled(world.replica(id).execute('alone'))
      const proposedMs = world.clock.now()
      await world.settled(world.replica(id).read(0))
      expect(proposedMs - begunMs).toBeLessThan(40)
      expect(world.clock.now() - proposedMs).toBeLessThan(10)
    }
  })

  test('PITFALL 24: a single command of a client, or the last one of many, is done at once', async () => {
    const world = await World.formed({ mode })
    const client = await world.connect()
    await world.settled(client.execute('opens the session'))
    for (const count of [1, 2, 127, 128, 129, 256, 257]) {
      await world.wait(1000)
      const begunMs = world.clock.now()
      await world.settled(Promise.all(Array.from({ length: count }, () => client.execute('x'))))
      expect(world.clock.now() - begunMs, `${count} at once`).toBeLessThan(mode === 'leader' ? 40 : 400)
    }
  })
})
