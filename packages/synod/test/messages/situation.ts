import type { SynodError } from '../../src/errors.js'
import { FakeReplica } from '../client/fake-replica.js'
import { World } from '../replica/world.js'

/** A situation that makes an error, and the message that callers read. */
export interface Situation {
  readonly name: string
  readonly code: SynodError['code']
  readonly message: RegExp | string
  readonly failure: () => Promise<SynodError | Error | undefined>
}

/** How a message ends if the command may have been executed. */
export const COMMAND = 'the command may still be executed: read the state before you send it again'

export const TIME = { timeoutMs: 500 }

/** A cluster of which only s1 is left, and a client of it. */
export async function minorityLeft(mode: 'leader' | 'leaderless' = 'leader') {
  const world = await World.formed({ mode })
  const client = await world.connect()
  await world.settled(client.execute('a'))
  await world.settled(world.replica(1).execute('b'))
  world.crash(2)
  world.crash(3)
  await world.wait(2000)
  return { world, client, replica: world.replica(1) }
}

/** A client whose leader never answers. */
export async function silentLeader() {
  const world = new World()
  const fake = await FakeReplica.listen(world, 1)
  const client = await world.connect()
  fake.hint(1, 1)
  await world.wait(10)
  return { world, client, fake }
}
