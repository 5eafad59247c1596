// Messages of calls without an answer: of a client, and of a replica in the process.
import { World } from '../replica/world.js'
import { COMMAND, type Situation, TIME, minorityLeft, silentLeader } from './situation.js'

const CHANGE = 'the change may still be made: to ask for it again does no harm'

/** Only s1 was ever started. */
async function notFormed() {
  const world = new World()
  await world.open(1)
  return { world, client: await world.connect(), replica: world.replica(1) }
}

export const UNANSWERED_CALLS: readonly Situation[] = [
  {
    name: 'a command without a quorum',
    code: 'no-quorum',
    message: RegExp(
      `^no quorum of servers within 500 ms: s1 misses a quorum: s2 unreachable for \\S+ s \\(refused\\), s3 unreachable for \\S+ s \\(refused\\); ${COMMAND}$`,
    ),
    async failure() {
      const { client, world } = await minorityLeft()
      return world.failure(client.execute('x', TIME))
    },
  },
  {
    name: 'a read without a quorum',
    code: 'no-quorum',
    message:
      /^no quorum of servers within 500 ms: s1 misses a quorum: s2 unreachable for \S+ s \(refused\), s3 unreachable for \S+ s \(refused\)$/,
    async failure() {
      const { client, world } = await minorityLeft()
      return world.failure(client.read(0, TIME))
    },
  },
  {
    name: 'a read in leaderless mode without a quorum',
    code: 'no-quorum',
    message:
      /^no quorum of servers within 500 ms: s1 misses a quorum: s2 unreachable for \S+ s \(refused\), s3 unreachable for \S+ s \(refused\)$/,
    async failure() {
      const { client, world } = await minorityLeft('leaderless')
      return world.failure(client.read(0, TIME))
    },
  },
  {
    name: 'a change of the members without a quorum',
    code: 'no-quorum',
    message: RegExp(`^no quorum of servers within 500 ms: s1 misses a quorum: s2 .*, s3 .*; ${CHANGE}$`),
    async failure() {
      const { client, world } = await minorityLeft()
      return world.failure(client.changeMembership({ remove: 2 }, TIME))
    },
  },
  {
    name: 'a proposal of a replica without a quorum',
    code: 'no-quorum',
    message: RegExp(`^no quorum of servers within 500 ms: s1 misses a quorum: s2 .*, s3 .*; ${COMMAND}$`),
    async failure() {
      const { replica, world } = await minorityLeft()
      return world.failure(replica.execute('x', TIME))
    },
  },
  {
    name: 'a read of a replica without a quorum',
    code: 'no-quorum',
    message:
      /^no quorum of servers within 500 ms: s1 misses a quorum: s2 unreachable for \S+ s \(refused\), s3 unreachable for \S+ s \(refused\)$/,
    async failure() {
      const { replica, world } = await minorityLeft()
      return world.failure(replica.read(0, TIME))
    },
  },
  {
    name: 'a read before the cluster has formed',
    code: 'no-quorum',
    message: 'no quorum of servers within 500 ms: s1 has not formed a cluster: waits for s2, s3',
    async failure() {
      const { client, world } = await notFormed()
      return world.failure(client.read(0, TIME))
    },
  },
  {
    name: 'a command before the cluster has formed',
    code: 'no-quorum',
    message:
      'no quorum of servers within 500 ms: s1 has not formed a cluster: waits for s2, s3; the command was not sent',
    async failure() {
      const { client, world } = await notFormed()
      return world.failure(client.execute('a', TIME))
    },
  },
  {
    name: 'a read of a replica before the cluster has formed',
    code: 'no-quorum',
    message: 'no quorum of servers within 500 ms: s1 has not formed a cluster: waits for s2, s3',
    async failure() {
      const { replica, world } = await notFormed()
      return world.failure(replica.read(0, TIME))
    },
  },
  {
    name: 'a read that a leader does not answer',
    code: 'outcome-unknown',
    message:
      'no answer within 500 ms, though a quorum is up: a server may be slow or overloaded, as its status shows',
    async failure() {
      const { client, world } = await silentLeader()
      return world.failure(client.read(0, TIME))
    },
  },
  {
    name: 'a command that a leader does not answer',
    code: 'outcome-unknown',
    message: `no answer within 500 ms, though a quorum is up: a server may be slow or overloaded, as its status shows; ${COMMAND}`,
    async failure() {
      const { client, fake, world } = await silentLeader()
      const executing = client.execute('a', TIME)
      await world.wait(10)
      fake.open(fake.of('execute')[0]!.request, 1)
      return world.failure(executing)
    },
  },
  {
    name: 'a command without a reachable endpoint',
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
    name: 'a command whose endpoints stopped while it was under way',
    code: 'unreachable',
    message: RegExp(`^no answer from .* within 500 ms: .*; ${COMMAND}$`),
    async failure() {
      const { client, fake, world } = await silentLeader()
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
    name: 'a connection to endpoints where no server listens',
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
    name: 'a command that its caller aborts',
    code: 'aborted',
    message: `the caller gave up; ${COMMAND}`,
    async failure() {
      const { replica, world } = await minorityLeft()
      const abort = new AbortController()
      const proposing = replica.execute('x', { signal: abort.signal })
      await world.wait(10)
      abort.abort()
      return world.failure(proposing)
    },
  },
  {
    name: 'a command with a signal that was aborted before',
    code: 'aborted',
    message: 'the caller gave up; the command was not sent',
    async failure() {
      const { client, world } = await minorityLeft()
      return world.failure(client.execute('x', { signal: AbortSignal.abort() }))
    },
  },
  {
    name: 'a read that its caller aborts',
    code: 'aborted',
    message: 'the caller gave up',
    async failure() {
      const { client, world } = await minorityLeft()
      return world.failure(client.read(0, { signal: AbortSignal.abort() }))
    },
  },
  {
    name: 'a command under way when its client is closed',
    code: 'closed',
    message: `the client is closed; ${COMMAND}`,
    async failure() {
      const { client, world } = await minorityLeft()
      const executing = client.execute('x')
      executing.catch(() => undefined)
      await world.wait(10)
      await client.close()
      return world.failure(executing)
    },
  },
  {
    name: 'a command of a closed client',
    code: 'closed',
    message: 'the client is closed; the command was not sent',
    async failure() {
      const { client, world } = await minorityLeft()
      await client.close()
      return world.failure(client.execute('x'))
    },
  },
  {
    name: 'a read of a closed replica',
    code: 'closed',
    message: 'the replica is closed',
    async failure() {
      const { replica, world } = await minorityLeft()
      await world.close(1)
      return world.failure(replica.read(0))
    },
  },
]
