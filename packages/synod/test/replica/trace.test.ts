import { describe, expect, test } from 'vitest'
import { type Clock, systemClock } from '../../src/clock.js'
import { silentLogger } from '../../src/logger.js'
import { changeOf } from '../../src/machine/change-codec.js'
import { coreConfig } from '../../../testing/src/core-config.js'
import { ClusterHistory } from '../../src/paxos/invariants.js'
import type { JournalRecord } from '../../src/paxos/records.js'
import { ReplicaTrace } from '../../src/replica/replica-trace.js'
import { DurableWatch } from '../../../testing/src/simulator/checks/durable-watch.js'
import type { TraceEvent } from '../../src/trace/trace-event.js'
import { World, type WorldOptions } from './world.js'

type Kind = TraceEvent['event']
type EventOf<K extends Kind> = Extract<TraceEvent, { readonly event: K }>

/** A cluster that is traced from the start, server by server. */
class TracedWorld extends World {
  readonly traces = new Map<number, TraceEvent[]>(this.ids.map((id) => [id, []]))

  static async ready(options: WorldOptions = {}): Promise<TracedWorld> {
    const world = new TracedWorld(options)
    await world.settled(Promise.all(world.ids.map((id) => world.beginTraced(id))))
    await world.ready()
    return world
  }

  /** Something else to do at each event. */
  onEvent: (id: number, event: TraceEvent) => void = () => undefined

  beginTraced(id: number) {
    return this.begin(id, {
      trace: (event) => {
        this.trace(id).push(event)
        this.onEvent(id, event)
      },
    })
  }

  trace(id: number): TraceEvent[] {
    return this.traces.get(id)!
  }

  of<K extends Kind>(id: number, kind: K): EventOf<K>[] {
    return this.trace(id).filter((event): event is EventOf<K> => event.event === kind)
  }
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, offset) => first + offset)
}

describe.each(['leader', 'leaderless'] as const)('the trace of a replica in %s mode', (mode) => {
  test('begins with its start, and ends with its close', async () => {
    const world = await TracedWorld.ready({ mode })
    await world.settled(world.replica(2).execute('a'))
    await world.close(2)
    const [start, open] = world.trace(2)
    expect(start).toMatchObject({ event: 'start', server: 2, cluster: 'synod', mode, servers: [1, 2, 3] })
    expect(open).toMatchObject({ event: 'open', server: 2, recovery: 'new', damage: null })
    expect(world.trace(2).at(-1)).toMatchObject({ event: 'stop', server: 2 })
    await world.settled(world.beginTraced(2))
    expect(world.of(2, 'open').map(({ recovery }) => recovery)).toEqual(['new', 'clean'])
  })

  test('has each message where it was sent, and later where it arrived', async () => {
    const world = await TracedWorld.ready({ mode })
    await world.settled(Promise.all([1, 2, 3].map((id) => world.replica(id).execute(`${id}`))))
    await world.converged()
    let arrived = 0
    for (const to of world.ids) {
      for (const { atMs, from, message } of world.of(to, 'message')) {
        const sender = Number(from.slice(1))
        const sent = world
          .of(sender, 'send')
          .filter((send) => send.to === `s${to}` && JSON.stringify(send.message) === JSON.stringify(message))
        expect(sent.some((send) => send.atMs < atMs)).toBe(true)
        arrived++
      }
    }
    expect(arrived).toBeGreaterThan(10)
  })

  test('has exactly the records on the disk, and each vote before the message that reports it', async () => {
    const world = new TracedWorld({ mode })
    const platters = new Map<number, number>()
    const onRecords = (server: number, _payload: Uint8Array, records: readonly JournalRecord[]) =>
      platters.set(server, (platters.get(server) ?? 0) + records.length)
    const watch = new DurableWatch(
      new ClusterHistory({ ...coreConfig(1, world.ids, mode), changeOf }),
      onRecords,
      (error) => {
        throw error
      },
    )
    for (const id of world.ids) watch.watch(id, world.server(id).disk)
    let early = 0
    world.onEvent = (id, event) => {
      if (event.event !== 'durable') return
      const told = world.of(id, 'durable').flatMap(({ records }) => records)
      if (told.length > (platters.get(id) ?? 0)) early++
    }
    await world.settled(Promise.all(world.ids.map((id) => world.beginTraced(id))))
    await world.ready()
    for (let round = 0; round < 5; round++)
      await world.settled(Promise.all([1, 2, 3].map((id) => world.replica(id).execute(`${round}${id}`))))
    await world.converged()
    await world.wait(100)
    expect(early).toBe(0)
    for (const id of world.ids) {
      const told = world.of(id, 'durable').flatMap(({ records }) => records as JournalRecord[])
      expect(told.length).toBe(platters.get(id))
      const voted = new Set<string>()
      for (const event of world.trace(id)) {
        if (event.event === 'durable') {
          for (const record of event.records as JournalRecord[]) {
            if (record.type !== 'vote') continue
            for (const offset of record.values.keys())
              voted.add(JSON.stringify([record.ballot, record.first + offset]))
          }
        } else if (event.event === 'send') {
          const message = event.message as { type: string; ballot: object; first: number; last: number }
          if (message.type !== 'accepted') continue
          for (const slot of range(message.first, message.last))
            expect(voted).toContain(JSON.stringify([message.ballot, slot]))
        }
      }
    }
  })

  test('has each slot chosen once, and then each command executed, alike on all replicas', async () => {
    const world = await TracedWorld.ready({ mode })
    await world.settled(world.replica(1).execute('a'))
    await world.failure(world.replica(1).execute('!b'))
    await world.settled(world.replica(2).execute('c'))
    await world.converged()
    const executions = world.ids.map((id) => world.of(id, 'execute'))
    for (const id of world.ids) {
      const slots = world.of(id, 'chosen').flatMap(({ first, last }) => range(first, last))
      expect(slots).toEqual(range(1, world.status(id).watermarks.chosen))
      expect(executions[id - 1]!.map(({ command, result }) => [command, result])).toEqual([
        ['a', '1'],
        ['!b', 'refused: !b'],
        ['c', '2'],
      ])
      expect(new Set(executions[id - 1]!.map(({ by }) => by))).toEqual(new Set([id]))
    }
    const places = executions.map((each) => each.map(({ slot, tag }) => [slot, tag]))
    expect(places[1]).toEqual(places[0])
    expect(places[2]).toEqual(places[0])
    // What is executed is what the slot was voted for.
    const [first] = executions[0]!
    const votes = world.of(1, 'durable').flatMap(({ records }) => records as { values?: string[] }[])
    expect(votes.flatMap(({ values = [] }) => values)).toContain(`#${first!.tag}`)
  })
})

test('a command that was sent again is executed and traced once', async () => {
  const world = await TracedWorld.ready()
  const client = await world.connect()
  await world.settled(client.execute('a'))
  const calls = range(1, 20).map((count) => client.execute(`${count}`))
  world.isolate(world.leader!)
  await world.wait(3000)
  world.heal()
  await world.settled(Promise.all(calls))
  await world.converged()
  for (const id of world.ids) {
    const tags = world.of(id, 'execute').map(({ tag }) => tag)
    expect(tags).toHaveLength(21)
    expect(new Set(tags).size).toBe(21)
  }
})

test('the times of a trace are wall-clock times, and do not go back when the clock does', async () => {
  const world = await TracedWorld.ready()
  await world.wait(500)
  world.server(1).skewMs -= 60_000
  await world.wait(500)
  const times = world.trace(1).map(({ atMs }) => atMs)
  expect([...times].sort((a, b) => a - b)).toEqual(times)
  expect(times.at(-1)! - times[0]!).toBeGreaterThan(900)
  expect(times.at(-1)! - times[0]!).toBeLessThan(5000)
})

test('the times of a trace are exact to a millisecond, even if the process stops between readings of the clocks', () => {
  let timeMs = 1_700_000_000_000
  /** The time before a pause. */
  const beforePause = (pauseMs: number) => (timeMs += pauseMs) - pauseMs
  const clock: Clock = {
    ...systemClock,
    now: () => beforePause(7.3) - 1_600_000_000_000,
    wallTime: () => Math.floor(beforePause(5.1)),
  }
  const late: number[] = []
  const trace = new ReplicaTrace({
    server: 1,
    clock,
    logger: silentLogger,
    onEvent: ({ atMs }) => late.push(timeMs - atMs),
  })
  for (let slot = 1; slot <= 1000; slot++) trace.chosen(slot, slot)
  // When it has looked at both, the time that it tells is past by the second pause, and at most
  // both and what the system leaves out.
  expect(Math.min(...late)).toBeGreaterThanOrEqual(7.2)
  expect(Math.max(...late.slice(100))).toBeLessThanOrEqual(12.4 + 1)
})

test('a replica that fails traces the reason, and then nothing', async () => {
  const world = await TracedWorld.ready()
  world.server(2).disk.failNext('sync')
  world
    .replica(2)
    .execute('a')
    .catch(() => undefined)
  await world.run(() => world.server(2).fatal !== undefined)
  await world.wait(1000)
  const [failed, stop] = world.trace(2).slice(-2)
  expect(failed).toMatchObject({ event: 'failed', server: 2, code: 'journal-failed' })
  expect(stop).toMatchObject({ event: 'stop', server: 2 })
})

test('a listener that throws ends the trace with a warning, and the replica goes on', async () => {
  const world = new World()
  let told = 0
  const trace = () => {
    if (++told === 10) throw new Error('no room')
  }
  await world.settled(Promise.all(world.ids.map((id) => world.begin(id, id === 1 ? { trace } : {}))))
  await world.ready()
  expect(await world.settled(world.replica(1).execute('a'))).toBe(1)
  expect(told).toBe(10)
  const warnings = world.server(1).log.filter((line) => line.includes('trace'))
  expect(warnings).toEqual(['warn: the trace ends here, the replica continues: no room'])
})
