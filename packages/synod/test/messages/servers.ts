// Messages of servers: at their start, at their end, and of what operators do with their data.
import type { SynodError } from '../../src/errors.js'
import { recoverCluster } from '../../src/recovery/recover-cluster.js'
import { readSnapshotInfo } from '../../src/recovery/snapshot-info.js'
import { Inbox } from '../../src/replica/inbox.js'
import { Loop } from '../../src/replica/loop.js'
import { divergedError } from '../../src/snapshots/quarantine.js'
import { MemoryDisk } from '../../../testing/src/simulator/hardware/disk.js'
import { DATA_DIR } from '../../../testing/src/simulator/world.js'
import { Notes } from '../replica/notes.js'
import { World } from '../replica/world.js'
import { COMMAND, type Situation } from './situation.js'

/** Starts s1 of a cluster that has formed again, with other options. */
async function restarted(options: Parameters<World['begin']>[1], before?: (world: World) => void) {
  const world = await World.formed({ servers: 1 })
  world.crash(1)
  before?.(world)
  return world.failure(world.begin(1, options))
}

export const SERVERS: readonly Situation[] = [
  {
    name: 'a directory of another cluster',
    code: 'wrong-cluster',
    message:
      /^\/\S+ belongs to cluster 'synod', not to 'other': start this server on the directory of its own cluster, or on an empty one$/,
    failure: () => restarted({ cluster: { name: 'other', servers: { 1: 's1:2380' } } }),
  },
  {
    name: 'a directory of a cluster with a lease',
    code: 'wrong-cluster',
    message:
      /^\/\S+ belongs to a cluster with no lease, and this server was started with a lease of 200 ms: that is chosen once for a cluster, so ask for no lease$/,
    failure: () => restarted({ cluster: { name: 'synod', servers: { 1: 's1:2380' }, leaseMs: 200 } }),
  },
  {
    name: 'a directory of the other mode',
    code: 'wrong-mode',
    message:
      /^\/\S+ belongs to a cluster with leader mode, and this server was started with leaderless mode: that is chosen once for a cluster, so ask for leader mode$/,
    failure: () => restarted({ mode: 'leaderless' }),
  },
  {
    name: 'a directory of another server',
    code: 'wrong-acceptor',
    message:
      /^\/\S+ belongs to server s1, not to s2: start each server on its own directory, as one that votes with the memory of another breaks the cluster$/,
    failure: () => restarted({ id: 2, cluster: { name: 'synod', servers: { 2: 's1:2380' } } }),
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
    failure: () => restarted({}, (world) => void world.server(1).disk.remove(`${DATA_DIR}/identity`)),
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
    name: 'a state machine older than the agreed version',
    code: 'wrong-version',
    message:
      'the members have agreed on version 2 of the state machine, and this server has version 1: start it with a newer state machine',
    async failure() {
      const world = new World({ servers: 1, options: { snapshots: { everySlots: 1 } } })
      await world.open(1, { machine: Object.assign(new Notes(), { version: 2 }) })
      await world.run(() => world.status(1).versions.agreed.machine === 2)
      // One is due after a slot, or after two.
      for (const text of ['a', 'b']) await world.settled(world.replica(1).execute(text))
      await world.run(() => world.status(1).snapshot.slot > 2)
      world.kill(1)
      return world.failure(world.begin(1, { machine: new Notes() }))
    },
  },
  {
    name: 'a snapshot that the state machine cannot restore',
    code: 'restore-failed',
    message: /^the snapshot in \/\S+ could not be restored: made by an older version$/,
    async failure() {
      class FailingRestore extends Notes {
        override async restore(): Promise<void> {
          throw new Error('made by an older version')
        }
      }
      const world = await World.formed({ servers: 1, options: { snapshots: { everySlots: 1 } } })
      await world.settled(world.replica(1).execute('a'))
      await world.run(() => world.status(1).snapshot.slot > 0)
      world.kill(1)
      return world.failure(world.begin(1, { machine: new FailingRestore() }))
    },
  },
  {
    name: 'a state that has diverged from those of the other servers',
    code: 'diverged',
    message:
      'this replica came to another state than more than half of the servers, between slots 3 and 5: it has stopped, and does ' +
      'not start on this state again; find out why, then `synod rebuild /data` throws the state away and keeps promises and votes',
    failure: async () => divergedError('/data', { agreed: 3, slot: 5 }),
  },
  {
    name: 'a removed server',
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
    name: 'a recovery while an old member answers',
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
    name: 'a file that is no snapshot',
    code: 'snapshot-failed',
    message: '/file cannot be used: this is no snapshot',
    async failure() {
      const disk = new MemoryDisk()
      disk.put('/file', Buffer.from('something else'))
      return new World().failure(readSnapshotInfo('/file', { disk }))
    },
  },
  {
    name: 'a violated invariant',
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
        shutdown: { fail: (error: SynodError) => (fatal = error) },
      }
      new Loop(parts as unknown as ConstructorParameters<typeof Loop>[0]).begin()
      await world.run(() => fatal !== undefined)
      return fatal
    },
  },
]
