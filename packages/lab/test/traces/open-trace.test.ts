import { describe, expect, it } from 'vitest'
import {
  MAX_TRACE_BYTES,
  MAX_TRACE_EVENTS,
  TraceError,
  checkTraceSize,
  openTrace,
} from '../../src/traces/open-trace.js'

const plan = { atMs: 0, event: 'plan', plan: { mode: 'leader', servers: 3, clients: 1, latencyMs: [1, 5] } }
const fileOf = (...lines: (string | object)[]) => ({
  name: 'a.ndjson',
  text: lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'),
})
const open = (...lines: (string | object)[]) => openTrace([fileOf(...lines)])
const shown = (...lines: (string | object)[]) =>
  open(...lines).picture.events.map(
    ({ actor, atMs, step: _, ...happening }) => [atMs, actor, happening] as const,
  )
const start = (atMs: number, server: number) => ({ atMs, event: 'start', server })
const stop = (atMs: number, server: number) => ({ atMs, event: 'stop', server })
const fault = (atMs: number, fault: object) => ({ atMs, event: 'fault', fault: { atMs, ...fault } })
const arrival = (atMs: number, from: string, to: string, message: object) => ({
  ...{ atMs, event: 'message', connection: 1, from, to },
  message,
})
const ballot = { seq: 1, server: 1 }

describe('a broken trace', () => {
  it('keeps all valid lines, and names the invalid ones', () => {
    const { broken, picture, problems } = open(
      plan,
      start(1, 1),
      '{"atMs":2,"event":"sta',
      '',
      '[1]',
      { event: 'stop', server: 1 },
      { atMs: 3, server: 1 },
      { atMs: 4, event: 'stop' },
      arrival(5, 's1', 'x', { type: 'accept' }),
      arrival(5, 's1', 's2', {}),
      { atMs: 6, event: 'durable', server: 1, records: [{ type: 'vote', ballot, values: [] }] },
      stop(7, 1),
    )
    expect(problems.map(({ file, line, text }) => `${file}:${line} ${text}`)).toEqual([
      'a.ndjson:3 it is not JSON',
      'a.ndjson:5 it is no JSON object',
      'a.ndjson:6 it has no time, atMs',
      'a.ndjson:7 it has no kind, event',
      'a.ndjson:8 stop: no server',
      'a.ndjson:9 message: no to',
      'a.ndjson:10 message: no type',
      'a.ndjson:11 durable: no first',
    ])
    expect(broken).toBe(8)
    expect(picture.messages).toEqual([])
    expect(picture.events.map(({ kind }) => kind)).toEqual(['note', 'crash'])
  })

  it('ignores unknown events, records and fields', () => {
    const { passedOver, picture, problems } = open(
      plan,
      { atMs: 1, event: 'toString', server: 1 },
      { atMs: 1, event: 'eclipse' },
      { ...start(2, 1), colour: 'red' },
      {
        atMs: 3,
        event: 'durable',
        server: 1,
        records: [{ type: 'poem' }, { type: 'trim', slot: 4, voted: ballot }],
      },
    )
    expect([passedOver, problems]).toEqual([2, []])
    expect(picture.events[1]).toMatchObject({ kind: 'durable', records: [{ type: 'trim', slot: 4 }] })
  })

  it('without one valid line, or with two simulations, is refused with the reason', () => {
    expect(() => open('hello')).toThrow(
      'There is nothing of a trace in this. a.ndjson, line 1: it is not JSON.',
    )
    expect(() => open('')).toThrow(TraceError)
    expect(() => openTrace([fileOf(plan), fileOf(plan)])).toThrow('several simulations')
    expect(() => openTrace([fileOf(plan), { ...fileOf(start(1, 1)), name: 'b' }])).toThrow('stands alone')
  })

  it('above the limit of size is refused, and the error names the limit', () => {
    expect(() => checkTraceSize(MAX_TRACE_BYTES)).not.toThrow()
    expect(() => checkTraceSize(MAX_TRACE_BYTES + 1)).toThrow(
      'A trace of 65 MiB is too large: at most 64 MiB are opened.',
    )
    const line = '{"atMs":1,"event":"x"}\n'
    const many = { name: 'a', text: line.repeat(MAX_TRACE_EVENTS + 1) }
    expect(() => openTrace([many])).toThrow('more than 500000 events')
  })
})

describe('in the trace of a simulation, servers', () => {
  it('start, stop and restart; a start without a stop shows a crash first', () => {
    expect(shown(plan, start(0, 1), stop(1, 1), start(2, 1), start(3, 1))).toMatchObject([
      [0, 's1', { kind: 'note', text: 'starts' }],
      [1, 's1', { kind: 'crash' }],
      [2, 's1', { kind: 'restart' }],
      [3, 's1', { kind: 'crash' }],
      [3, 's1', { kind: 'restart' }],
    ])
  })

  it('are paused until the fault ends or all faults end, but not after they stop', () => {
    const pause = (atMs: number, server: number) => fault(atMs, { kind: 'pause', forMs: 10, server })
    const kinds = shown(
      ...[plan, start(0, 1), start(0, 2), pause(1, 1), pause(2, 2), pause(3, 3), stop(4, 2)],
      ...[start(6, 2), pause(7, 2), pause(13, 1), { atMs: 14, event: 'heal', left: [] }],
    ).filter(([, , { kind }]) => kind === 'pause' || kind === 'resume')
    expect(kinds.map(([atMs, actor, { kind }]) => [atMs, actor, kind])).toEqual([
      [1, 's1', 'pause'],
      [2, 's2', 'pause'],
      [7, 's2', 'pause'],
      [11, 's1', 'resume'],
      [13, 's1', 'pause'],
      [14, 's2', 'resume'],
      [14, 's1', 'resume'],
    ])
  })

  it('and clients show the faults that struck them, all in one step', () => {
    const { events } = open(
      plan,
      fault(1, { kind: 'cut', from: 's1', to: 2, forMs: 12.5, oneWay: false }),
      fault(2, { kind: 'client-kill', client: 1, forMs: 0 }),
      fault(3, { kind: 'outage', forMs: 7 }),
    ).picture
    const texts = events.map((event) => [event.actor, 'text' in event ? event.text : ''])
    expect(events.map(({ step }) => step)).toEqual([0, 0, 1, 2, 2, 2])
    const cut = 'cut: from s1, to 2, oneWay false, for 12.5 ms'
    expect(texts).toEqual([
      ['s1', cut],
      ['s2', cut],
      ['c1', 'client-kill: client 1'],
      ...['s1', 's2', 's3'].map((server) => [server, 'outage, for 7 ms']),
    ])
  })
})

describe('a simulated message is drawn as sent', () => {
  const sendings = (...lines: object[]) =>
    shown(plan, start(0, 1), start(0, 2), ...lines).flatMap(([atMs, actor, { kind }]) =>
      kind === 'send' ? [[atMs, actor]] : [],
    )
  const prepare = { type: 'prepare', ballot, scope: 'log', slot: 1 }
  const promise = { type: 'promise', ballot, scope: 'log', slot: 1, votes: [], next: 0 }
  const heartbeat = { type: 'heartbeat', ballot, round: 1, chosen: 0, voted: 0 }
  const promised = (atMs: number, server: number) => ({
    ...{ atMs, event: 'durable', server },
    records: [{ type: 'promise', ballot, scope: 'log', slot: 0 }],
  })

  it('when the message that it answers had arrived and its own records were durable', () => {
    expect(
      sendings(
        promised(10, 1),
        arrival(12, 's1', 's2', prepare),
        promised(15, 2),
        arrival(99, 's2', 's1', promise),
      ),
    ).toEqual([
      [10, 's1'],
      [15, 's2'],
    ])
  })

  it('at the earliest by the longest latency before its arrival', () => {
    expect(sendings(promised(10, 1), arrival(16, 's1', 's2', prepare))).toEqual([[15, 's1']])
  })

  it('otherwise as late as possible, while its server was up', () => {
    expect(sendings(arrival(10, 's1', 's2', heartbeat))).toEqual([[9, 's1']])
    expect(sendings(stop(8, 1), arrival(10, 's1', 's2', heartbeat))).toEqual([[8, 's1']])
    const pause = fault(6, { kind: 'pause', forMs: 50, server: 1 })
    expect(sendings(pause, stop(8, 1), arrival(10, 's1', 's2', heartbeat))).toEqual([[6, 's1']])
    expect(
      shown(plan, start(0, 1), stop(8, 1), arrival(10, 's1', 's2', heartbeat)).map(([, , { kind }]) => kind),
    ).toEqual([...['note', 'send', 'role', 'crash', 'receive']])
  })

  it('when a paused server is resumed', () => {
    const pause = fault(6, { kind: 'pause', forMs: 14, server: 2 })
    expect(
      sendings(
        pause,
        promised(5, 1),
        arrival(8, 's1', 's2', prepare),
        promised(9, 2),
        arrival(30, 's2', 's1', promise),
      ),
    ).toContainEqual([20, 's2'])
  })
})

it('messages show their fields, and those of clients are requests and answers', () => {
  const { messages } = open(
    plan,
    arrival(1, 's1', 's2', { type: 'accept', ballot, first: 3, values: ['#1', 'no-op'] }),
    arrival(2, 's2', 's1', { type: 'accepted', ballot, first: 3, last: 4 }),
    arrival(3, 's1', 's2', {
      type: 'promise',
      ballot,
      scope: 'log',
      slot: 1,
      next: 0,
      votes: [{ slot: 5, ballot, value: '#2', chosen: false }],
    }),
    arrival(4, 'c1', 's2', { type: 'execute', request: 1, value: 'open' }),
    arrival(5, 's2', 'c1', { type: 'reply', request: 1, slot: 4, result: '01' }),
  ).picture
  expect(messages.map(({ ballot: at, slots, type, values }) => [type, at?.seq, slots, values])).toEqual([
    ['accept', 1, [3, 4], ['#1', 'no-op']],
    ['accepted', 1, [3, 4], []],
    ['promise', 1, [5, 5], ['#2']],
    ['request', undefined, undefined, ['open']],
    ['answer', undefined, undefined, []],
  ])
  expect(messages.map(({ text }) => text).slice(0, 2)).toEqual([
    'accept: ballot (1, s1), first 3, values #1, no-op',
    'accepted: ballot (1, s1), first 3, last 4',
  ])
})
