// What callers read: each message with a situation that makes it.
import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { Calls, MAX_CALL_BYTES } from '../src/call.js'
import type { SynodError } from '../src/errors.js'
import { Inbox } from '../src/replica/inbox.js'
import { Loop } from '../src/replica/loop.js'
import { divergedError } from '../src/snapshots/quarantine.js'
import { outcomeError } from '../src/machine/outcome.js'
import { recoverCluster } from '../src/recovery/recover-cluster.js'
import { readSnapshotInfo } from '../src/recovery/snapshot-info.js'
import { MemoryDisk } from '../../testing/src/simulator/hardware/disk.js'
import { FakeReplica } from './client/fake-replica.js'
import { DATA_DIR } from '../../testing/src/simulator/world.js'
import { Notes } from './replica/notes.js'
import { World } from './replica/world.js'

const COMMAND = 'the command may still be executed: read the state before you send it again'
const CHANGE = 'the change may still be made: to ask for it again does no harm'
const TIME = { timeoutMs: 500 }

interface Situation {
  readonly name: string
  readonly code: SynodError['code']
  readonly message: RegExp | string
  readonly failure: () => Promise<SynodError | Error | undefined>
}

/** A cluster of which only s1 is left, and a client of it. */
async function alone(mode: 'leader' | 'leaderless' = 'leader') {
  const world = await World.formed({ mode })
  const client = await world.connect()
  await world.settled(client.execute('a'))
  await world.settled(world.replica(1).execute('b'))
  world.crash(2)
  world.crash(3)
  await world.wait(2000)
  return { world, client, replica: world.replica(1) }
}

/** Only s1 was ever started. */
async function unformed() {
  const world = new World()
  await world.open(1)
  return { world, client: await world.connect(), replica: world.replica(1) }
}

/** A client whose leader never answers. */
async function unanswered() {
  const world = new World()
  const fake = await FakeReplica.listen(world, 1)
  const client = await world.connect()
  fake.hint(1, 1)
  await world.wait(10)
  return { world, client, fake }
}

/** Starts s1 of a cluster that has formed again, with other options. */
async function reopened(options: Parameters<World['begin']>[1], before?: (world: World) => void) {
  const world = await World.formed({ servers: 1 })
  world.crash(1)
  before?.(world)
  return world.failure(world.begin(1, options))
}

const situations: readonly Situation[] = [
  {
    name: 'a command, and no quorum',
    code: 'no-quorum',
    message: RegExp(
      `^no quorum of servers within 500 ms: s1 misses a quorum: s2 unreachable for \\S+ s \\(refused\\), s3 unreachable for \\S+ s \\(refused\\); ${COMMAND}$`,
    ),
    async failure() {
      const { client, world } = await alone()
      return world.failure(client.execute('x', TIME))
    },
  },
  {
    name: 'a read, and no quorum',
    code: 'no-quorum',
    message:
      /^no quorum of servers within 500 ms: s1 misses a quorum: s2 unreachable for \S+ s \(refused\), s3 unreachable for \S+ s \(refused\)$/,
    async failure() {
      const { client, world } = await alone()
      return world.failure(client.read(0, TIME))
    },
  },
  {
    name: 'a read in leaderless mode, and no quorum',
    code: 'no-quorum',
    message:
      /^no quorum of servers within 500 ms: s1 misses a quorum: s2 unreachable for \S+ s \(refused\), s3 unreachable for \S+ s \(refused\)$/,
    async failure() {
      const { client, world } = await alone('leaderless')
      return world.failure(client.read(0, TIME))
    },
  },
  {
    name: 'a change of the members, and no quorum',
    code: 'no-quorum',
    message: RegExp(`^no quorum of servers within 500 ms: s1 misses a quorum: s2 .*, s3 .*; ${CHANGE}$`),
    async failure() {
      const { client, world } = await alone()
      return world.failure(client.changeMembership({ remove: 2 }, TIME))
    },
  },
  {
    name: 'a proposal of a replica, and no quorum',
    code: 'no-quorum',
    message: RegExp(`^no quorum of servers within 500 ms: s1 misses a quorum: s2 .*, s3 .*; ${COMMAND}$`),
    async failure() {
      const { replica, world } = await alone()
      return world.failure(replica.execute('x', TIME))
    },
  },
  {
    name: 'a read of a replica, and no quorum',
    code: 'no-quorum',
    message:
      /^no quorum of servers within 500 ms: s1 misses a quorum: s2 unreachable for \S+ s \(refused\), s3 unreachable for \S+ s \(refused\)$/,
    async failure() {
      const { replica, world } = await alone()
      return world.failure(replica.read(0, TIME))
    },
  },
  {
    name: 'a read before the cluster has formed',
    code: 'no-quorum',
    message: 'no quorum of servers within 500 ms: s1 has not formed a cluster: waits for s2, s3',
    async failure() {
      const { client, world } = await unformed()
      return world.failure(client.read(0, TIME))
    },
  },
  {
    name: 'a command before the cluster has formed, which never left',
    code: 'no-quorum',
    message:
      'no quorum of servers within 500 ms: s1 has not formed a cluster: waits for s2, s3; the command was not sent',
    async failure() {
      const { client, world } = await unformed()
      return world.failure(client.execute('a', TIME))
    },
  },
  {
    name: 'a read of a replica before the cluster has formed',
    code: 'no-quorum',
    message: 'no quorum of servers within 500 ms: s1 has not formed a cluster: waits for s2, s3',
    async failure() {
      const { replica, world } = await unformed()
      return world.failure(replica.read(0, TIME))
    },
  },
  {
    name: 'a read that a leader does not answer',
    code: 'outcome-unknown',
    message:
      'no answer within 500 ms, though a quorum is up: a server may be slow or overloaded, as its status shows',
    async failure() {
      const { client, world } = await unanswered()
      return world.failure(client.read(0, TIME))
    },
  },
  {
    name: 'a command that a leader does not answer',
    code: 'outcome-unknown',
    message: `no answer within 500 ms, though a quorum is up: a server may be slow or overloaded, as its status shows; ${COMMAND}`,
    async failure() {
      const { client, fake, world } = await unanswered()
      const executing = client.execute('a', TIME)
      await world.wait(10)
      fake.open(fake.of('execute')[0]!.request, 1)
      return world.failure(executing)
    },
  },
  {
    name: 'a command that no endpoint took',
    code: 'unreachable',
    message:
      /^no answer from s1:2379 \(.*\), s2:2379 \(.*\), s3:2379 \(.*\) within 500 ms: check that the replicas run, and listen for clients there; the command was not sent$/,
    async failure() {
      const world = await World.formed()
      const client = await world.connect()
      for (const id of world.ids) world.crash(id)
      await world.wait(100)
      return world.failure(client.execute('a', TIME))
    },
  },
  {
    name: 'a command whose endpoints went away while it was under way',
    code: 'unreachable',
    message: RegExp(`^no answer from .* within 500 ms: .*; ${COMMAND}$`),
    async failure() {
      const { client, fake, world } = await unanswered()
      const executing = client.execute('a', TIME)
      executing.catch(() => undefined)
      await world.wait(10)
      fake.open(fake.of('execute')[0]!.request, 1)
      await world.wait(10)
      await world.settled(Promise.resolve(fake.close()))
      return world.failure(executing)
    },
  },
  {
    name: 'connecting where nobody listens',
    code: 'unreachable',
    message:
      'no answer from s1:2379 (refused), s2:2379 (refused), s3:2379 (refused) within 500 ms: ' +
      'check that the replicas run, and listen for clients there',
    failure() {
      const world = new World()
      return world.failure(world.beginConnect('client', TIME))
    },
  },
  {
    name: 'a command that its caller gave up on',
    code: 'aborted',
    message: `the caller gave up; ${COMMAND}`,
    async failure() {
      const { replica, world } = await alone()
      const abort = new AbortController()
      const proposing = replica.execute('x', { signal: abort.signal })
      await world.wait(10)
      abort.abort()
      return world.failure(proposing)
    },
  },
  {
    name: 'a command that its caller had given up on before',
    code: 'aborted',
    message: 'the caller gave up; the command was not sent',
    async failure() {
      const { client, world } = await alone()
      return world.failure(client.execute('x', { signal: AbortSignal.abort() }))
    },
  },
  {
    name: 'a read that its caller gave up on',
    code: 'aborted',
    message: 'the caller gave up',
    async failure() {
      const { client, world } = await alone()
      return world.failure(client.read(0, { signal: AbortSignal.abort() }))
    },
  },
  {
    name: 'a command under way at a client that is closed',
    code: 'closed',
    message: `the client is closed; ${COMMAND}`,
    async failure() {
      const { client, world } = await alone()
      const executing = client.execute('x')
      executing.catch(() => undefined)
      await world.wait(10)
      await client.close()
      return world.failure(executing)
    },
  },
  {
    name: 'a command of a client that is closed',
    code: 'closed',
    message: 'the client is closed; the command was not sent',
    async failure() {
      const { client, world } = await alone()
      await client.close()
      return world.failure(client.execute('x'))
    },
  },
  {
    name: 'a read of a replica that is closed',
    code: 'closed',
    message: 'the replica is closed',
    async failure() {
      const { replica, world } = await alone()
      await world.close(1)
      return world.failure(replica.read(0))
    },
  },
  {
    name: 'a command that is too large',
    code: 'too-large',
    message: /^a command or query of \d+ bytes was not sent: the most is 1048576$/,
    async failure() {
      const { client, world } = await alone()
      return world.failure(client.execute('x'.repeat(1 << 20)))
    },
  },
  {
    name: 'a stale read of a slot that is not executed in time',
    code: 'too-stale',
    message: 'slot 99 was not executed in time on the replica that was asked',
    async failure() {
      const { client, world } = await alone()
      return world.failure(client.readStale(0, { ...TIME, atLeast: 99 }))
    },
  },
  {
    name: 'a read of what was applied before it was kept',
    code: 'applied-gap',
    message: 'what was executed in slots 1 to 2 is not kept here: read the state, and go on from slot 3',
    async failure() {
      const world = await World.formed({ servers: 1 })
      await world.settled(world.replica(1).execute('a'))
      return world.failure(
        world
          .replica(1)
          .applied({ from: { slot: 1, index: 0 } })
          .next(),
      )
    },
  },
  {
    name: 'a transfer where no server leads',
    code: 'transfer-failed',
    message:
      'no server has led for 5000 ms: see in the status why; another server may still take over the leadership',
    async failure() {
      const { replica, world } = await alone()
      return world.failure(replica.transferLeadership())
    },
  },
  {
    name: 'a transfer to a server that is not there',
    code: 'transfer-failed',
    message:
      /^no server took over the leadership within \d+ ms: see in the status who is connected; another server may still take over the leadership$/,
    async failure() {
      const world = await World.formed()
      const [follower] = world.followers
      world.crash(follower!)
      return world.failure(world.replica(world.leader!).transferLeadership({ to: follower! }))
    },
  },
  {
    name: 'a transfer in leaderless mode',
    code: 'wrong-mode',
    message: 'in leaderless mode there is no leadership to transfer',
    async failure() {
      const { replica, world } = await alone('leaderless')
      return world.failure(replica.transferLeadership())
    },
  },
  {
    name: 'the removal of a server that is no member',
    code: 'change-refused',
    message: 's9 is not a member',
    async failure() {
      const world = await World.formed()
      return world.failure(world.replica(1).changeMembership({ remove: 9 }))
    },
  },
  {
    name: 'a command at which the state machine throws',
    code: 'command-failed',
    message: 'refused: !',
    async failure() {
      const world = await World.formed()
      return world.failure(world.replica(1).execute('!'))
    },
  },
  {
    name: 'more calls than a client may have under way',
    code: 'overloaded',
    message: /^0 calls with 0 bytes are under way already: try again in \d+ ms; the command was not sent$/,
    async failure() {
      const calls = new Calls(new World().clock, 1000, () => {
        throw new Error('no call is taken')
      })
      return calls.take('command', MAX_CALL_BYTES + 1, {}).promise.then(
        () => undefined,
        (error: unknown) => error as SynodError,
      )
    },
  },
  {
    name: 'a session that has ended',
    code: 'session-expired',
    message: 'the session of this client has ended, as too many others were used since',
    failure: async () => outcomeError({ status: 'expired', result: Buffer.alloc(0) }),
  },
  {
    name: 'endpoints of another cluster',
    code: 'wrong-cluster',
    message: /^s\d:2379 refuses this client: this is cluster 'synod', not 'other'$/,
    async failure() {
      const world = await World.formed()
      return world.failure(world.beginConnect('client', { cluster: 'other' }))
    },
  },
  {
    name: 'a directory of another cluster',
    code: 'wrong-cluster',
    message:
      /^\/\S+ belongs to cluster 'synod', not to 'other': start this server on the directory of its own cluster, or on an empty one$/,
    failure: () => reopened({ cluster: { name: 'other', servers: { 1: 's1:2380' } } }),
  },
  {
    name: 'a directory of a cluster with a lease',
    code: 'wrong-cluster',
    message:
      /^\/\S+ belongs to a cluster with no lease, and this server was started with a lease of 200 ms: that is chosen once for a cluster, so ask for no lease$/,
    failure: () => reopened({ cluster: { name: 'synod', servers: { 1: 's1:2380' }, leaseMs: 200 } }),
  },
  {
    name: 'a directory of the other mode',
    code: 'wrong-mode',
    message:
      /^\/\S+ belongs to a cluster with leader mode, and this server was started with leaderless mode: that is chosen once for a cluster, so ask for leader mode$/,
    failure: () => reopened({ mode: 'leaderless' }),
  },
  {
    name: 'a directory of another server',
    code: 'wrong-acceptor',
    message:
      /^\/\S+ belongs to server s1, not to s2: start each server on its own directory, as one that votes with the memory of another breaks the cluster$/,
    failure: () => reopened({ id: 2, cluster: { name: 'synod', servers: { 2: 's1:2380' } } }),
  },
  {
    name: 'a server whose directory was emptied',
    code: 'wrong-acceptor',
    message:
      /^s\d refuses this server: s\d knows s3 as acceptor \w+, not as \w+: its data directory was emptied or replaced, and it may have voted and forgotten that; start it on its old data directory, or if that is lost, replace the server by a new one$/,
    async failure() {
      const world = await World.formed()
      world.crash(3)
      world.emptyDisk(3)
      await world.restart(3)
      await world.run(() => world.server(3).fatal !== undefined)
      return world.server(3).fatal
    },
  },
  {
    name: 'replicas that run another state machine',
    code: 'wrong-protocol',
    message: 'because of wrong-protocol',
    async failure() {
      const { client, fake, world } = await unanswered()
      const reading = client.read(0)
      await world.wait(10)
      fake.fail(fake.of('read')[0]!.request, 'wrong-protocol')
      return world.failure(reading)
    },
  },
  {
    name: 'a directory that another process uses',
    code: 'directory-in-use',
    message: /^\/\S+ is in use$/,
    async failure() {
      const world = await World.formed({ servers: 1 })
      const { disk } = world.server(1)
      return disk.lock(DATA_DIR).then(
        () => undefined,
        (error: unknown) => error as SynodError,
      )
    },
  },
  {
    name: 'a directory without its identity',
    code: 'journal-damaged',
    message:
      /^the journal in \/\S+ cannot be used: there are 1 segments, but the identity that says whose they are is gone; this server does not vote any more, and its peers continue while a quorum of them is up; the directory is left as it is: keep it for analysis, and let the server back into the cluster as a new one, on an empty directory$/,
    failure: () => reopened({}, (world) => void world.server(1).disk.remove(`${DATA_DIR}/identity`)),
  },
  {
    name: 'a disk that fails',
    code: 'journal-failed',
    message: RegExp(`^the journal could not be written: EIO: .*; ${COMMAND}$`),
    async failure() {
      const world = await World.formed({ servers: 1 })
      await world.settled(world.replica(1).execute('a'))
      // Its reserve is there by then: the next sync is that of the journal.
      await world.wait(1000)
      world.server(1).disk.failNext('sync')
      return world.failure(world.replica(1).execute('b'))
    },
  },
  {
    name: 'a command, and all disks are full',
    code: 'disk-full',
    message:
      'too few servers have space on their disks for a write, full are s1: delete what is not needed, or make space on the disks',
    async failure() {
      const world = await World.formed({ servers: 1 })
      world.server(1).disk.fill()
      await world.run(() => world.status(1).space.state === 'full')
      return world.failure(world.replica(1).execute('a'))
    },
  },
  {
    name: 'a command that not all members know',
    code: 'not-known-by-all',
    message:
      'not all members of the cluster know this command yet: upgrade the state machine on all of them first',
    async failure() {
      const world = await World.formed()
      world.kill(1)
      await world.open(1, { machine: Object.assign(new Notes(), { version: 2, versionOf: () => 2 }) })
      await world.ready()
      return world.failure(world.replica(1).execute('a'))
    },
  },
  {
    name: 'a state machine that is older than what is agreed on',
    code: 'wrong-version',
    message:
      'the members have agreed on version 2 of the state machine, and this server has version 1: start it with a newer state machine',
    async failure() {
      const world = new World({ servers: 1, options: { snapshots: { everySlots: 1 } } })
      await world.open(1, { machine: Object.assign(new Notes(), { version: 2 }) })
      await world.run(() => world.status(1).versions.agreed.machine === 2)
      await world.settled(world.replica(1).execute('a'))
      await world.run(() => world.status(1).snapshot.slot > 2)
      world.kill(1)
      return world.failure(world.begin(1, { machine: new Notes() }))
    },
  },
  {
    name: 'a snapshot that the state machine cannot take in',
    code: 'restore-failed',
    message: /^the snapshot in \/\S+ could not be restored: made by an older version$/,
    async failure() {
      class Picky extends Notes {
        override async restore(): Promise<void> {
          throw new Error('made by an older version')
        }
      }
      const world = await World.formed({ servers: 1, options: { snapshots: { everySlots: 1 } } })
      await world.settled(world.replica(1).execute('a'))
      await world.run(() => world.status(1).snapshot.slot > 0)
      world.kill(1)
      return world.failure(world.begin(1, { machine: new Picky() }))
    },
  },
  {
    name: 'a state machine that answers with a promise',
    code: 'invalid-machine',
    message: 'query returned a promise: it must be done when it returns, on every replica alike',
    async failure() {
      class Later extends Notes {
        override query(): never {
          return Promise.resolve() as never
        }
      }
      const world = new World()
      await world.settled(Promise.all(world.ids.map((id) => world.begin(id, { machine: new Later() }))))
      await world.ready()
      return world.failure(world.replica(1).readStale(0))
    },
  },
  {
    name: 'a state that differs from the others',
    code: 'diverged',
    message:
      'this replica came to another state than more than half of the servers, between slots 3 and 5: it has stopped, and does ' +
      'not start on this state again; find out why, then `synod rebuild /data` throws the state away and keeps promises and votes',
    failure: async () => divergedError('/data', { agreed: 3, slot: 5 }),
  },
  {
    name: 'a server that was removed',
    code: 'removed',
    message: 's3 is not a member of the cluster any more: it was removed',
    async failure() {
      const world = await World.formed()
      await world.settled(world.replica(1).changeMembership({ remove: 3 }))
      await world.run(() => world.server(3).fatal !== undefined)
      return world.server(3).fatal
    },
  },
  {
    name: 'a recovery beside an old member',
    code: 'cluster-running',
    message:
      'something answers at s4:2380, where s4 of the old cluster listened: stop it, or give its directory; forced, the two ' +
      'clusters run side by side',
    async failure() {
      const world = await World.formed({ servers: 1 })
      await world.settled(world.replica(1).changeMembership({ add: 4, address: 's4:2380', learner: true }))
      world.kill(1)
      const { clock, network } = world.startProcess('s4')
      await network.listen({ host: 's4', port: 2380 }, (open) => {
        const socket = open({
          data: () => socket.destroy(),
          drained: () => undefined,
          closed: () => undefined,
        })
      })
      const host = { clock, disk: world.server(1).disk, network: world.network.host('operator') }
      const options = {
        from: [DATA_DIR],
        dataDir: '/new',
        id: 1,
        address: 's1:2380',
        machine: new Notes(),
        host,
      }
      return world.failure(recoverCluster(options))
    },
  },
  {
    name: 'a file that holds no snapshot',
    code: 'snapshot-failed',
    message: '/file cannot be used: this is no snapshot',
    async failure() {
      const disk = new MemoryDisk()
      disk.put('/file', Buffer.from('something else'))
      return new World().failure(readSnapshotInfo('/file', { disk }))
    },
  },
  {
    name: 'a bug',
    code: 'invariant-violated',
    message: /^the replica cannot go on: slot 3 has two values$/,
    async failure() {
      const step = () => {
        throw new Error('slot 3 has two values')
      }
      const world = new World()
      let fatal: SynodError | undefined
      const parts = {
        inbox: new Inbox(world.clock),
        formation: { isFormed: true },
        admission: { isAdmitted: true },
        state: { begin: () => undefined },
        driver: { step },
        ending: { fail: (error: SynodError) => (fatal = error) },
      }
      new Loop(parts as unknown as ConstructorParameters<typeof Loop>[0]).begin()
      await world.run(() => fatal !== undefined)
      return fatal
    },
  },
  {
    name: 'a wrong option',
    code: 'invalid-options',
    message: "an address must be text such as 127.0.0.1:2380 or [::1]:2380, not 'nonsense'",
    failure() {
      const world = new World()
      return world.failure(world.beginConnect('client', { endpoints: ['nonsense'] }))
    },
  },
]

describe('the message of', () => {
  test.each(situations)('$name ($code)', async ({ code, failure, message }) => {
    const error = await failure()
    expect(error).toMatchObject({ code })
    if (typeof message === 'string') expect(error?.message).toBe(message)
    else expect(error?.message).toMatch(message)
  })
})

test('every code has a situation', async () => {
  const source = await readFile(new URL('../src/errors.ts', import.meta.url), 'utf8')
  const union = /export type ErrorCode =((?:\s*\| '[a-z-]+')+)/.exec(source)
  const codes = [...union![1]!.matchAll(/'([a-z-]+)'/g)].map(([, code]) => code)
  expect([...new Set(situations.map(({ code }) => code))].sort()).toEqual(codes.sort())
})
