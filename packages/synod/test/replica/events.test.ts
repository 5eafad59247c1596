import { describe, expect, test } from 'vitest'
import { comparePositions } from '../../src/machine/position.js'
import { Refusal } from '../../src/machine/refusal.js'
import { type AppliedBatch, MAX_APPLIED_COMMANDS } from '../../src/replica/applied.js'
import { MAX_SEQ } from '../../src/paxos/ballot.js'
import { fenceOf } from '../../src/replica/fence.js'
import type { CurrentLeadership } from '../../src/replica/leadership.js'
import type { Leading } from '../../src/replica/while-leader.js'
import type { Notes } from './notes.js'
import { World } from './world.js'

const ELECTION_TIMEOUT_MS = 500

/** Collects what an iterator gives, and how it ends: `done`, or the code of its error. */
function collect<T>(iterator: AsyncIterable<T>) {
  const seen = { items: [] as T[], end: undefined as string | undefined }
  const read = async () => {
    for await (const item of iterator) seen.items.push(item)
  }
  read().then(
    () => (seen.end = 'done'),
    (error: unknown) => (seen.end = (error as { code: string }).code),
  )
  return seen
}

const textsOf = (batches: readonly AppliedBatch<Notes>[]) => batches.flatMap(({ commands }) => commands)

test('fences have the order of ballots, and are safe integers', () => {
  const ballots = [
    { seq: 1, server: 1 },
    { seq: 1, server: 65_535 },
    { seq: 2, server: 1 },
    { seq: MAX_SEQ, server: 65_535 },
  ]
  const fences = ballots.map(fenceOf)
  expect(fences).toEqual([...fences].sort((a, b) => a - b))
  expect(new Set(fences).size).toBe(4)
  expect(fences.every(Number.isSafeInteger)).toBe(true)
})

describe('leadership()', () => {
  test('yields the present leader, then each next one, and ends after close', async () => {
    const world = await World.formed()
    const old = world.leader!
    const [follower] = world.followers
    const seen = collect(world.replica(follower!).leadership())
    await world.run(() => seen.items.length > 0)
    const { ballot } = world.status(old)
    expect(seen.items).toEqual([{ leader: old, ballot, fence: fenceOf(ballot), isSelf: false }])
    await world.settled(world.replica(follower!).transferLeadership({ to: follower! }))
    await world.run(() => seen.items.at(-1)?.isSelf === true)
    const last = seen.items.at(-1)!
    expect(last).toMatchObject({ leader: follower, ballot: world.status(follower!).ballot })
    expect(last.fence).toBeGreaterThan(fenceOf(ballot))
    await world.settled(world.replica(follower!).close())
    await world.run(() => seen.end !== undefined)
    expect(seen.end).toBe('done')
  })

  test('yields only the newest leader to a slow reader', async () => {
    const world = await World.formed()
    const [a, b] = world.followers
    const iterator = world.replica(a!).leadership()
    const first: CurrentLeadership = (await world.settled(iterator.next())).value!
    for (const to of [a!, b!, a!]) {
      await world.settled(world.replica(to).transferLeadership({ to }))
      await world.ready()
    }
    const next: CurrentLeadership = (await world.settled(iterator.next())).value!
    expect(next).toMatchObject({ leader: a, isSelf: true })
    expect(next.ballot.seq - first.ballot.seq).toBeGreaterThanOrEqual(3)
  })

  test('rejects when its signal is aborted, when the replica fails, and in leaderless mode', async () => {
    const world = await World.formed()
    const controller = new AbortController()
    const stopped = collect(world.replica(1).leadership({ signal: controller.signal }))
    const failed = collect(world.replica(1).leadership())
    await world.wait(10)
    controller.abort()
    await world.run(() => stopped.end !== undefined)
    expect(stopped.end).toBe('aborted')
    const late = world.replica(1).leadership({ signal: controller.signal })
    expect(await world.failure(late.next())).toMatchObject({ code: 'aborted' })
    expect(await world.settled(late.next())).toEqual({ done: true, value: undefined })
    world.server(1).disk.failNext('sync')
    world
      .replica(1)
      .execute('a')
      .catch(() => undefined)
    await world.run(() => failed.end !== undefined)
    expect(failed.end).toBe('journal-failed')
    const after = collect(world.replica(1).leadership())
    await world.run(() => after.end !== undefined)
    expect(after.end).toBe('journal-failed')
    const leaderless = await World.formed({ mode: 'leaderless' })
    expect(await leaderless.failure(leaderless.replica(1).leadership().next())).toMatchObject({
      code: 'wrong-mode',
    })
    expect(() => world.replica(1).leadership({ signal: 1 as never })).toThrow('signal must be an AbortSignal')
  })
})

describe.each(['leader', 'leaderless'] as const)('applied, in %s mode', (mode) => {
  test('yields every command once, with its position, time and result, on every replica', async () => {
    const world = await World.formed({ mode })
    const seen = world.ids.map((id) => collect(world.replica(id).applied()))
    for (const text of ['a', '!b', 'c'])
      await world.settled(
        world
          .replica(1)
          .execute(text)
          .catch(() => 0),
      )
    await world.run(() => seen.every(({ items }) => items.length === 3))
    for (const { items } of seen) {
      expect(textsOf(items)).toEqual(['a', '!b', 'c'])
      expect(items.flatMap(({ results }) => results)).toEqual([1, new Refusal('refused: !b'), 2])
      expect(items.every(({ timeMs }) => timeMs > 0)).toBe(true)
      const [first, second] = items
      expect(comparePositions(first!.position, second!.position)).toBeLessThan(0)
      expect(items.map(({ position }) => position)).toEqual(seen[0]!.items.map(({ position }) => position))
    }
    const [first] = seen[0]!.items
    const { slot } = first!.position
    const again = collect(world.replica(1).applied({ from: first!.position }))
    const after = collect(world.replica(1).applied({ from: { slot, index: 1 } }))
    await world.run(() => again.items.length === 3 && after.items.length === 2)
    expect(textsOf(again.items)).toEqual(['a', '!b', 'c'])
    expect(textsOf(after.items)).toEqual(['!b', 'c'])
    // What one reader does to a command is nothing to another one.
    expect(first!.commands).not.toBe(again.items[0]!.commands)
  })
})

describe('applied()', () => {
  test('names the slots that are no longer kept', async () => {
    const world = await World.formed({ servers: 1 })
    const replica = world.replica(1)
    await world.settled(replica.execute('before'))
    const before = replica.seen
    const early = await world.failure(replica.applied({ from: { slot: 1, index: 0 } }).next())
    expect(early).toMatchObject({ code: 'applied-gap' })
    expect(early.message).toContain(`slots 1 to ${before} is not kept here`)
    const slow = replica.applied()
    const fast = collect(replica.applied())
    for (let count = 0; count <= MAX_APPLIED_COMMANDS; count += 512)
      await world.settled(
        Promise.all(Array.from({ length: 512 }, (_, at) => replica.execute(`${count + at}`))),
      )
    await world.run(() => fast.items.length >= MAX_APPLIED_COMMANDS)
    const failure = await world.failure(slow.next())
    expect(failure).toMatchObject({ code: 'applied-gap' })
    expect(failure.message).toContain(`slots ${before + 1} to `)
    expect(fast.end).toBeUndefined()
    expect(textsOf(fast.items)).toEqual(Array.from({ length: fast.items.length }, (_, at) => `${at}`))
  })

  test('reports a gap for slots that arrived in the snapshot of a peer', async () => {
    const options = { snapshots: { everySlots: 20, keepSlots: 5 } }
    const world = await World.formed({ options })
    const [lagging, other] = world.followers
    const seen = collect(world.replica(lagging!).applied())
    await world.settled(world.replica(other!).execute('a'))
    await world.run(() => seen.items.length === 1)
    world.isolate(lagging!)
    for (let count = 0; count < 100; count++) await world.settled(world.replica(other!).execute(`${count}`))
    world.heal()
    await world.run(() => seen.end !== undefined)
    expect(seen.end).toBe('applied-gap')
    expect(textsOf(seen.items)).not.toContain('99')
    await world.converged()
  })

  test('begins with the kept log after a restart', async () => {
    const world = await World.formed({ servers: 1 })
    for (const text of ['a', 'b']) await world.settled(world.replica(1).execute(text))
    const seen = collect(world.replica(1).applied())
    await world.settled(world.replica(1).execute('c'))
    await world.run(() => seen.items.length === 1)
    await world.close(1)
    await world.restart(1)
    const { slot } = seen.items[0]!.position
    const again = collect(world.replica(1).applied({ from: { slot: slot - 1, index: 0 } }))
    await world.run(() => again.items.length === 2)
    expect(textsOf(again.items)).toEqual(['b', 'c'])
  })
})

/** Work that lasts until its signal is aborted, on every server. */
function workEverywhere(world: World) {
  const works: (Leading & { id: number; beganMs: number; endedMs: number | undefined })[] = []
  const failures: unknown[] = []
  for (const id of world.ids) {
    const work = ({ fence, signal }: Leading) => {
      const entry = {
        id,
        fence,
        signal,
        beganMs: world.clock.now(),
        endedMs: undefined as number | undefined,
      }
      if (works.some((other) => other.id === id && other.endedMs === undefined))
        failures.push('two at a time')
      works.push(entry)
      return new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => {
          entry.endedMs = world.clock.now()
          resolve()
        })
      })
    }
    world
      .replica(id)
      .whileLeader(work)
      .catch((error: unknown) => failures.push(error))
  }
  return { works, failures }
}

describe('whileLeader()', () => {
  test('runs the work once per leadership, with an increasing fence', async () => {
    const world = await World.formed()
    const { failures, works } = workEverywhere(world)
    await world.run(() => works.length === 1)
    expect(works[0]).toMatchObject({ id: world.leader, fence: fenceOf(world.status(world.leader!).ballot) })
    for (let count = 2; count <= 6; count++) {
      const [to] = world.followers
      await world.settled(world.replica(to!).transferLeadership({ to: to! }))
      await world.run(() => works.length === count)
      expect(works.at(-1)).toMatchObject({ id: to, endedMs: undefined })
      expect(works.slice(0, -1).every(({ endedMs }) => endedMs !== undefined)).toBe(true)
    }
    const fences = works.map(({ fence }) => fence)
    expect(fences).toEqual([...new Set(fences)].sort((a, b) => a - b))
    await world.wait(2000)
    expect(works.length).toBe(6)
    expect(failures).toEqual([])
  })

  test('aborts its signal one election timeout after the last contact with a quorum', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const world = await World.formed({ seed })
      const { works } = workEverywhere(world)
      await world.run(() => works.length === 1)
      await world.wait(world.chance.below(200))
      const cutMs = world.clock.now()
      world.isolate(world.leader!)
      await world.run(() => works[0]!.endedMs !== undefined)
      // What was under way when the links were cut is lost with them.
      expect(works[0]!.endedMs! - cutMs).toBeLessThanOrEqual(ELECTION_TIMEOUT_MS + 1)
      await world.run(() => works.length === 2)
      expect(works[1]!.id).not.toBe(works[0]!.id)
      expect(works[1]!.fence).toBeGreaterThan(works[0]!.fence)
      world.heal()
      await world.wait(3000)
      expect(works.length).toBe(2)
    }
  })

  test('begins the work when all acknowledged commands are executed', async () => {
    const world = await World.formed()
    const [a, b] = world.followers
    world.partition(a!, world.leader!)
    for (let count = 0; count < 50; count++) await world.settled(world.replica(b!).execute(`${count}`))
    const seen: string[][] = []
    for (const id of world.ids) void world.replica(id).whileLeader(() => seen.push([...world.texts(id)]))
    await world.run(() => seen.length === 1)
    world.crash(world.leader!)
    await world.run(() => seen.length === 2)
    expect(seen[1]).toEqual(Array.from({ length: 50 }, (_, count) => `${count}`))
  })

  test('rejects with an error of the work, unless the error follows from the signal', async () => {
    const world = await World.formed()
    const { leader } = world
    const failing = world.replica(leader!).whileLeader(() => {
      throw new Error('no work today')
    })
    expect(await world.failure(failing)).toMatchObject({ message: 'no work today' })
    const controller = new AbortController()
    const fences: number[] = []
    const aborting = world.replica(leader!).whileLeader(
      ({ fence, signal }) => {
        fences.push(fence)
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            reject(signal.reason as Error)
          })
        })
      },
      { signal: controller.signal },
    )
    await world.run(() => fences.length === 1)
    const [to] = world.followers
    await world.settled(world.replica(to!).transferLeadership({ to: to! }))
    await world.ready()
    await world.settled(world.replica(to!).transferLeadership({ to: leader! }))
    await world.run(() => fences.length === 2)
    controller.abort()
    expect(await world.failure(aborting)).toMatchObject({ code: 'aborted' })
  })

  test('resolves after close, which first asks the work to end', async () => {
    const world = await World.formed()
    const { leader } = world
    let reason: unknown
    const call = world.replica(leader!).whileLeader(async ({ signal }) => {
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve)
      })
      reason = signal.reason
      // What it asks of a closed replica fails with that.
      await world.replica(leader!).execute('too late')
    })
    await world.wait(100)
    await world.settled(world.replica(leader!).close())
    await world.settled(call)
    expect(reason).toMatchObject({ name: 'AbortError' })
  })

  test('rejects in leaderless mode, and for a value that is no function', async () => {
    const world = await World.formed({ mode: 'leaderless' })
    expect(await world.failure(world.replica(1).whileLeader(() => 1))).toMatchObject({ code: 'wrong-mode' })
    expect(await world.failure(world.replica(1).whileLeader(1 as never))).toMatchObject({
      code: 'invalid-options',
    })
  })
})
