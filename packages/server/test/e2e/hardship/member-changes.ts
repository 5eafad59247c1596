import { rm } from 'node:fs/promises'
import type { MembershipChange } from 'synod'
import { expectRemoved, untilVoters } from '../membership.js'
import type { TestReplica } from '../processes.js'
import type { Hardship, Scene } from './hardships.js'

/** How many servers the cluster has at least, and at most. */
const FEWEST_SERVERS = 3
export const MOST_SERVERS = 5

/** A scene in which servers come and go. */
export interface MemberScene extends Scene {
  /** Resolves when the change has been made. */
  readonly change: (change: MembershipChange) => Promise<void>
}

/**
 * Changes of the membership that are possible now. Each takes the server that is to go out of the
 * cluster at once, so that no other hardship strikes it. The change itself waits for the end of
 * that server.
 */
export function memberChanges({ cluster }: MemberScene): Hardship<MemberScene>[] {
  const count = cluster.replicas.length
  return [
    ...(count < MOST_SERVERS ? [{ name: 'added', target: 'members', run: added } as const] : []),
    ...(count > FEWEST_SERVERS ? [{ name: 'removed', target: 'members', run: removed } as const] : []),
    { name: 'replaced', target: 'members', run: replaced },
    { name: 'lost and replaced', target: 'members', run: lostAndReplaced },
  ]
}

async function added(scene: MemberScene): Promise<string> {
  return `s${await add(scene, {})} added`
}

async function removed(scene: MemberScene): Promise<string> {
  const replica = takeOut(scene)
  const isKilled = scene.chance.happens(0.5)
  await scene.change({ remove: replica.id })
  if (isKilled) await replica.kill('SIGKILL')
  await endsAsRemoved(replica)
  await untilVoters(scene.cluster.replicas)
  return `s${replica.id} removed${isKilled ? ' and killed' : ''}`
}

async function replaced(scene: MemberScene): Promise<string> {
  const id = scene.cluster.newId()
  const replica = takeOut(scene)
  await add(scene, { id, replaces: replica.id })
  await endsAsRemoved(replica)
  return `s${replica.id} replaced by s${id}`
}

async function lostAndReplaced(scene: MemberScene): Promise<string> {
  const id = scene.cluster.newId()
  const replica = takeOut(scene)
  await replica.kill('SIGKILL')
  await rm(replica.dataDir, { recursive: true })
  await add(scene, { id, replaces: replica.id })
  return `s${replica.id} lost and replaced by s${id}`
}

function takeOut({ chance, cluster }: MemberScene): TestReplica {
  const replica = chance.pick(cluster.replicas)
  cluster.leave(replica)
  return replica
}

/** Has a server join, and waits until it votes; whom it replaces does not any more then. */
async function add(
  { change, cluster }: MemberScene,
  { id = cluster.newId(), ...more }: { readonly id?: number; readonly replaces?: number },
): Promise<number> {
  await change({ add: id, address: cluster.address(id), ...more })
  await cluster.join(id)
  await untilVoters(cluster.replicas)
  return id
}

/**
 * A server that was removed ends by itself; if it was killed before, the next time that it is
 * started.
 */
async function endsAsRemoved(replica: TestReplica): Promise<void> {
  const exit = await replica.exit()
  expectRemoved(exit.signal === null ? exit : await replica.startAndExit(), replica.id)
}
