import { describe, expect, test } from 'vitest'
import type { Following } from '../../src/machine/following.js'
import { IDLE_MS, MAX_FOLLOWS } from '../../src/replica/follows.js'
import { Notes } from './notes.js'
import { World } from './world.js'

/** Notes that can be followed: the answer comes when there are notes from a number on. */
class FollowedNotes extends Notes {
  readonly followers = new Set<() => void>()
  /** How often it is to be asked again before it answers. */
  laterCount = 0

  override apply(...args: Parameters<Notes['apply']>): number {
    const count = super.apply(...args)
    for (const onReady of this.followers) onReady()
    return count
  }

  follow(from: number, onReady: () => void): Following<readonly string[]> {
    if (from < 0) throw new Error('there are no notes before the first')
    this.followers.add(onReady)
    onReady()
    return {
      take: () => {
        if (this.laterCount > 0) {
          this.laterCount--
          return 'later'
        }
        return this.notes.length > from ? { answer: this.texts.slice(from) } : undefined
      },
      idle: () => ['nothing'],
      end: () => {
        this.followers.delete(onReady)
      },
    }
  }
}

async function formed(mode: 'leader' | 'leaderless' = 'leader'): Promise<{
  world: World
  machines: Record<number, FollowedNotes>
}> {
  const world = new World({ mode })
  const machines: Record<number, FollowedNotes> = {}
  for (const id of world.ids) machines[id] = new FollowedNotes()
  await world.settled(Promise.all(world.ids.map((id) => world.begin(id, { machine: machines[id]! }))))
  await world.ready()
  return { world, machines }
}

describe.each(['leader', 'leaderless'] as const)('what is followed in %s mode', (mode) => {
  test('is answered when it comes, with the slot, and forgotten then', async () => {
    const { machines, world } = await formed(mode)
    const following = world.replica(3).follow(0)
    let isOver = false
    void following.then(() => (isOver = true))
    await world.wait(100)
    expect(isOver).toBe(false)
    await world.settled(world.replica(1).execute('first'))
    const { answer, slot } = await world.settled(following)
    expect(answer).toEqual(['first'])
    expect(slot).toBe(world.status(3).watermarks.executed)
    expect(machines[3]!.followers.size).toBe(0)
  })

  test('is answered at once if it is there', async () => {
    const { world } = await formed(mode)
    await world.settled(world.replica(1).execute('first'))
    const { answer } = await world.settled(
      world.replica(2).follow(0, { atLeast: world.status(1).watermarks.executed }),
    )
    expect(answer).toEqual(['first'])
  })

  test('by a client goes on at another replica when the first is gone', async () => {
    const { machines, world } = await formed(mode)
    const client = await world.connect()
    const following = client.follow(0)
    await world.wait(100)
    const followed = world.ids.find((id) => machines[id]!.followers.size > 0)!
    world.kill(followed)
    const [other] = world.ids.filter((id) => id !== followed)
    await world.settled(world.replica(other!).execute('first'))
    const { answer } = await world.settled(following)
    expect(answer).toEqual(['first'])
  })

  test('by a client goes on at another replica when the first is cut off from the others', async () => {
    const { machines, world } = await formed(mode)
    const client = await world.connect()
    const following = client.follow(0, { timeoutMs: 60_000 })
    await world.wait(100)
    const followed = world.ids.find((id) => machines[id]!.followers.size > 0)!
    world.isolate(followed)
    const [other] = world.ids.filter((id) => id !== followed)
    await world.settled(world.replica(other!).execute('first'))
    const { answer } = await world.settled(following)
    expect(answer).toEqual(['first'])
  })
})

test('is answered after a while if nothing comes', async () => {
  const { world } = await formed()
  const beganMs = world.clock.now()
  const { answer } = await world.settled(world.replica(1).follow(0))
  expect(answer).toEqual(['nothing'])
  expect(world.clock.now() - beganMs).toBeCloseTo(IDLE_MS, -2)
})

test('may be looked for over several turns', async () => {
  const { machines, world } = await formed()
  await world.settled(world.replica(1).execute('first'))
  machines[1]!.laterCount = 5
  expect((await world.settled(world.replica(1).follow(0))).answer).toEqual(['first'])
  expect(machines[1]!.laterCount).toBe(0)
})

test('ends when its caller gives up, or its client is gone', async () => {
  const { machines, world } = await formed()
  const controller = new AbortController()
  const following = world.replica(1).follow(0, { signal: controller.signal })
  const client = await world.connect()
  const byClient = client.follow(0)
  await world.wait(100)
  const followers = () => world.ids.reduce((sum, id) => sum + machines[id]!.followers.size, 0)
  expect(followers()).toBe(2)
  controller.abort()
  await expect(following).rejects.toMatchObject({ code: 'aborted' })
  await client.close()
  await expect(byClient).rejects.toMatchObject({ code: 'closed' })
  await world.wait(100)
  expect(followers()).toBe(0)
})

test('fails with what the state machine throws', async () => {
  const { world } = await formed()
  const client = await world.connect()
  for (const each of [world.replica(1), client])
    expect(await world.failure(each.follow(-1))).toMatchObject({ code: 'command-failed' })
})

test('is refused where the state machine cannot be followed', async () => {
  const world = await World.formed()
  const client = await world.connect()
  for (const each of [world.replica(1), client])
    expect(await world.failure(each.follow(0))).toMatchObject({
      code: 'invalid-options',
      message: 'the state machine has no `follow`',
    })
})

test('has a limit', async () => {
  const { world } = await formed()
  const replica = world.replica(1)
  const waiting = Array.from({ length: MAX_FOLLOWS }, () => replica.follow(0))
  for (const each of waiting) each.catch(() => undefined)
  await expect(replica.follow(0)).rejects.toMatchObject({ code: 'overloaded' })
  world.crash(1)
})
