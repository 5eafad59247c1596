import { beforeAll, describe, expect, it } from 'vitest'
import { CONFIGURATIONS, ModelWorld as Model, replay, staged, traceLines } from 'synod-testing'
import { World } from '../../../synod/test/replica/world.js'
import { chosenValues } from '../../src/picture/chosen-values.js'
import { logsOf } from '../../src/picture/logs.js'
import type { Picture } from '../../src/picture/picture.js'
import { openTrace } from '../../src/traces/open-trace.js'

interface Line {
  readonly atMs: number
  readonly event: string
  readonly server?: number
  readonly first?: number
  readonly last?: number
  readonly again?: boolean
}

const fileOf = (name: string, lines: readonly object[]) => ({
  name,
  text: lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
})
const picture = (...files: Line[][]) =>
  openTrace(files.map((lines, index) => fileOf(`${index}.ndjson`, lines))).picture
const heartbeat = { type: 'heartbeat', ballot: { seq: 0, server: 0 }, round: 0, chosen: 0, voted: 0 }
const send = (atMs: number, message: object = heartbeat) => ({
  atMs,
  event: 'send',
  from: 's1',
  to: 's2',
  message,
})
const arrival = (atMs: number, message: object = heartbeat) => ({
  ...send(atMs, message),
  event: 'message',
})
const start = (atMs: number, server: number) => ({
  ...{ atMs, event: 'start', server, cluster: 'main', mode: 'leaderless', servers: [1, 2, 3] },
  quorums: { phase1: 3, phase2: 1 },
})
/** When each message was sent, and how and when that ended, and in which order. */
const ways = ({ events, messages }: Picture) =>
  messages.map(({ id }) =>
    events.flatMap((event) =>
      'message' in event && event.message === id ? [`${event.kind} ${event.atMs}`] : [],
    ),
  )

describe.each(['leader', 'leaderless'] as const)('the traces of replicas in %s mode', (mode) => {
  const traces = new Map<number, Line[]>()
  let merged: Picture

  beforeAll(async () => {
    const world = new World({ mode })
    await world.settled(
      Promise.all(
        world.ids.map((id) => {
          const trace: Line[] = []
          traces.set(id, trace)
          return world.begin(id, { trace: (event) => trace.push(event) })
        }),
      ),
    )
    await world.ready()
    for (const id of world.ids) await world.settled(world.replica(id).execute(`from ${id}`))
    await world.converged()
    for (const id of world.ids) await world.close(id)
    merged = picture(...traces.values())
  })

  const count = (kind: string) => [...traces.values()].flat().filter(({ event }) => event === kind).length

  it('merge into one picture, in which each arrival follows its sending', () => {
    expect(merged.mode).toBe(mode)
    expect(merged.actors).toEqual(['s1', 's2', 's3'])
    expect(merged.messages).toHaveLength(count('send'))
    expect(merged.events.filter(({ kind }) => kind === 'receive')).toHaveLength(count('message'))
    const sent = new Set<number>()
    for (const event of merged.events) {
      if (event.kind === 'send') sent.add(event.message)
      if (event.kind === 'receive') expect(sent).toContain(event.message)
    }
    expect(merged.events[0]).toMatchObject({ atMs: 0 })
  })

  it('make the same picture in one file or many, in any order', () => {
    expect(picture([...traces.values()].reverse().flat())).toEqual(picture(...[...traces.values()].reverse()))
  })

  it('show what each replica knows to be chosen, with the values', () => {
    const choices = new Map(chosenValues(merged).map(({ slot, value }) => [slot, value]))
    const logs = logsOf(merged)
    expect(choices.size).toBeGreaterThanOrEqual(3)
    for (const server of logs.servers)
      for (const [slot, value] of choices)
        expect(logs.at(server, slot, merged.events.length)).toMatchObject({ chosen: value })
  })
})

describe('in a live trace, replicas', () => {
  it('have their mode, quorums and voters from the start event', () => {
    const { configurations, mode } = picture([start(1e12, 2)])
    expect({ mode, configurations }).toEqual({
      mode: 'leaderless',
      configurations: [{ first: 1, voters: [1, 2, 3], quorums: { phase1: 3, phase2: 1 } }],
    })
  })

  it('lose a message if one sent after it arrived and it did not', () => {
    const sent = [send(0), send(50), send(100), send(150)]
    expect(ways(picture(sent, [arrival(1), arrival(101)]))).toEqual([
      ['send 0', 'receive 1'],
      ['send 50', 'lose 101'],
      ['send 100', 'receive 101'],
      ['send 150'],
    ])
  })

  it('may receive many messages at once after a pause, in the order of sending', () => {
    const sent = [send(0), send(50), send(100)]
    expect(ways(picture(sent, [arrival(200), arrival(201), arrival(202)]))).toEqual([
      ['send 0', 'receive 200'],
      ['send 50', 'receive 201'],
      ['send 100', 'receive 202'],
    ])
  })

  it('with different clocks receive no message before it was sent, and keep their order', () => {
    const { events, messages } = picture(
      [send(1000)],
      [start(900, 2), arrival(990), { ...start(995, 2), event: 'stop' }],
    )
    expect(messages).toHaveLength(1)
    expect(events.map(({ atMs, kind }) => [kind, atMs])).toEqual([
      ['note', 0],
      ['send', 100],
      ['receive', 100],
      ['crash', 100],
    ])
  })

  it('are drawn from a single trace too', () => {
    expect(ways(picture([send(0)]))).toEqual([['send 0']])
    expect(ways(picture([arrival(7)]))).toEqual([['send 0', 'receive 0']])
  })

  it('know the values of chosen slots from accepts, even before these are durable', () => {
    const accept = { type: 'accept', ballot: { seq: 1, server: 1 }, first: 4, values: ['#1', '#2'] }
    const { events } = picture([
      arrival(1, accept),
      { atMs: 2, event: 'chosen', server: 2, first: 4, last: 5 },
    ])
    expect(events.at(-1)).toMatchObject({ kind: 'chosen', first: 4, values: ['#1', '#2'] })
  })

  it('show ? for values chosen before the trace began, and only the end of a long range', () => {
    const { events } = picture([{ atMs: 1, event: 'chosen', server: 1, first: 1, last: 2_000_000_000 }])
    expect(events).toMatchObject([
      { kind: 'note', text: 'knows slots 1 to 1999999000 to be chosen' },
      { kind: 'chosen', first: 1_999_999_001, values: Array.from({ length: 1000 }, () => '?') },
    ])
  })
})

describe('a trace of the model checker', () => {
  it('is drawn step by step', () => {
    const config = CONFIGURATIONS['leader-small']
    const search = staged(new Model(config), ['leader', 'chosen'])
    let found = search.next()
    while (found.done !== true) found = search.next()
    const trace = replay(config, found.value.actions)
    const opened = openTrace([{ name: 'way.ndjson', text: traceLines(config, trace).join('\n') }])
    expect(opened).toMatchObject({ broken: 0, passedOver: 0 })
    expect(chosenValues(opened.picture).map(({ slot, value }) => [slot, value])).toEqual([[1, 'v1.1']])
  })

  it('shows a message that arrives twice', () => {
    const drawn = picture([start(0, 1), start(0, 2), send(1), arrival(2), { ...arrival(5), again: true }])
    expect(ways(drawn)).toEqual([['send 1', 'receive 2', 'receive 5']])
    expect(drawn.events.filter((event) => event.kind === 'receive').map(({ again }) => again)).toEqual([
      false,
      true,
    ])
  })
})
