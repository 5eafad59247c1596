// Messages of calls that are refused or fail: of a client, and of a replica in the process.
import { Calls, MAX_CALL_BYTES } from '../../src/call.js'
import type { SynodError } from '../../src/errors.js'
import { outcomeError } from '../../src/machine/outcome.js'
import { Notes } from '../replica/notes.js'
import { World } from '../replica/world.js'
import { type Situation, TIME, minorityLeft, silentLeader } from './situation.js'

export const REFUSED_CALLS: readonly Situation[] = [
  {
    name: 'a command that is too large',
    code: 'too-large',
    message: /^a command or query of \d+ bytes was not sent: the most is 1048576$/,
    async failure() {
      const { client, world } = await minorityLeft()
      return world.failure(client.execute('x'.repeat(1 << 20)))
    },
  },
  {
    name: 'a stale read of a slot that is not executed in time',
    code: 'too-stale',
    message: 'slot 99 was not executed in time on the replica that was asked',
    async failure() {
      const { client, world } = await minorityLeft()
      return world.failure(client.readStale(0, { ...TIME, atLeast: 99 }))
    },
  },
  {
    name: 'a read of applied commands that are no longer kept',
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
      const { replica, world } = await minorityLeft()
      return world.failure(replica.transferLeadership())
    },
  },
  {
    name: 'a transfer to a server that is down',
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
      const { replica, world } = await minorityLeft('leaderless')
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
    name: 'a call above the limit of a client',
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
    name: 'a query that the replicas cannot decode',
    code: 'wrong-protocol',
    message: 'because of wrong-protocol',
    async failure() {
      const { client, fake, world } = await silentLeader()
      const reading = client.read(0)
      await world.wait(10)
      fake.fail(fake.of('read')[0]!.request, 'wrong-protocol')
      return world.failure(reading)
    },
  },
  {
    name: 'a command while all disks are full',
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
    name: 'a command that some members do not know',
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
    name: 'a query that returns a promise',
    code: 'invalid-machine',
    message: 'query returned a promise: it must be done when it returns, on every replica alike',
    async failure() {
      class AsyncQuery extends Notes {
        override query(): never {
          return Promise.resolve() as never
        }
      }
      const world = new World()
      await world.settled(Promise.all(world.ids.map((id) => world.begin(id, { machine: new AsyncQuery() }))))
      await world.ready()
      return world.failure(world.replica(1).readStale(0))
    },
  },
  {
    name: 'an invalid option',
    code: 'invalid-options',
    message: "an address must be text such as 127.0.0.1:2380 or [::1]:2380, not 'nonsense'",
    failure() {
      const world = new World()
      return world.failure(world.beginConnect('client', { endpoints: ['nonsense'] }))
    },
  },
]
