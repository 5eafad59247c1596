import { describe, expect, test } from 'vitest'
import type { SynodError } from '../../src/errors.js'
import { MAX_TRANSFERS, Transfers } from '../../src/replica/transfers.js'
import type { Paxos } from '../../src/paxos/paxos.js'
import { MAX_COMMAND_BYTES } from '../../src/replica/options.js'
import { ANSWERS_AT_ONCE, MAX_QUERY_BYTES, PendingReads } from '../../src/replica/pending-reads.js'
import { MAX_TURN_UNITS, Turns } from '../../src/net/transport/turns.js'
import { ManualClock } from '../net/manual-clock.js'
import { World } from './world.js'

const MODES = ['leader', 'leaderless'] as const
const MAX_WAITING = 20

describe.each(MODES)('in %s mode, replicas with a small queue', (mode) => {
  const options = { maxWaiting: MAX_WAITING }

  test('refuse excess requests with a delay, and execute accepted ones once', async () => {
    const world = await World.formed({ mode, options })
    const client = await world.connect('client', { retryOverloaded: false })
    await world.settled(client.execute('first'))
    const calls = Array.from({ length: 10 * MAX_WAITING }, (_, index) => client.execute(`${index}`))
    const outcomes = await world.settled(Promise.allSettled(calls))
    const refused = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [outcome.reason as SynodError] : [],
    )
    expect(refused.length).toBeGreaterThan(0)
    for (const { code, retryAfterMs } of refused) {
      expect(code).toBe('overloaded')
      expect(retryAfterMs).toBeGreaterThan(0)
    }
    await world.converged()
    const executed = 1 + outcomes.length - refused.length
    expect(world.texts(1)).toHaveLength(executed)
    expect(world.replica(world.leader ?? 1).metrics().requests_refused_total).toBeGreaterThan(0)
    expect(await world.settled(client.execute('after'))).toBe(executed + 1)
  })

  test('execute every request once for a client that tries again after the delay', async () => {
    const world = await World.formed({ mode, options })
    const client = await world.connect('client', { timeoutMs: 60_000 })
    const texts = Array.from({ length: 10 * MAX_WAITING }, (_, index) => `${index}`)
    const calls = texts.map((text) => client.execute(text))
    const reads = texts.map(() => client.read(0))
    await world.settled(Promise.all([...calls, ...reads]))
    await world.converged()
    expect([...world.texts(1)].sort()).toEqual([...texts].sort())
  })

  test('refuse excess calls of their own process in the same way', async () => {
    const world = await World.formed({ mode, options })
    await world.settled(world.replica(1).execute('first'))
    const calls = Array.from({ length: 2 * MAX_WAITING }, (_, index) => world.replica(1).execute(`${index}`))
    const outcomes = await world.settled(Promise.allSettled(calls))
    const refused = outcomes.filter(({ status }) => status === 'rejected')
    expect(refused).toHaveLength(MAX_WAITING)
    for (const outcome of refused)
      expect(outcome).toMatchObject({ reason: { code: 'overloaded', retryAfterMs: expect.any(Number) } })
  })

  test('before the cluster has formed, keep no abandoned request', async () => {
    const world = new World({ mode, options })
    await world.open(1)
    const replica = world.replica(1)
    for (let count = 0; count < 3 * MAX_WAITING; count++) {
      const abort = new AbortController()
      const calls = [
        replica.execute(`${count}`, { signal: abort.signal }),
        replica.read(0, { signal: abort.signal }),
      ]
      for (const call of calls) call.catch(() => undefined)
      await world.wait(1)
      abort.abort()
      for (const call of calls) expect(await world.failure(call)).toMatchObject({ code: 'aborted' })
    }
    for (const id of [2, 3]) await world.open(id)
    await world.ready()
    await world.settled(replica.execute('last'))
    expect(world.texts(1)).toEqual(['last'])
  })
})

describe('the reads of a replica', () => {
  function reads(limit = 1000) {
    const clock = new ManualClock()
    const withdrawn: number[] = []
    const state = { executed: 5 }
    const turns = new Turns(clock)
    const ended = { turns: 0 }
    const reads = new PendingReads({
      limit,
      now: () => clock.now(),
      turns,
      executed: () => state.executed,
      inbox: {
        wake: () => ended.turns++,
        step: (input) => withdrawn.push((input as { id: number }).id),
      },
      onAnswered: () => undefined,
    })
    return { clock, ended, reads, state, turns, withdrawn }
  }
  const asked = (bytes: Uint8Array) => ({ sizeBytes: bytes.length, answer: () => bytes })
  const ignored = { done: () => undefined }

  test('have a limit of bytes of queries, which answered and abandoned reads free again', () => {
    const { reads: waiting } = reads()
    const half = new Uint8Array(MAX_QUERY_BYTES / 2)
    const given = waiting.linearizable(asked(half), ignored)
    waiting.linearizable(asked(half), ignored)
    const refusal = expect.objectContaining({ code: 'overloaded', retryAfterMs: 1000 })
    const one = () => waiting.linearizable(asked(new Uint8Array(1)), ignored)
    expect(one).toThrow(refusal)
    expect(() => waiting.stale(asked(new Uint8Array(1)), 6, ignored)).toThrow(refusal)
    // What is answered at once does not wait.
    waiting.stale(asked(new Uint8Array(1)), 5, ignored)
    given.giveUp()
    waiting.linearizable(asked(half), ignored)
    expect(one).toThrow(refusal)
    waiting.confirm({ id: waiting.takeNew()!, slot: 5 })
    expect(waiting.size).toBe(0)
    one()
  })

  test('of one turn are one read of the core, and each gets its answer', () => {
    const { reads: waiting } = reads()
    const answers: string[] = []
    const read = (text: string) =>
      waiting.linearizable(asked(Buffer.from(text)), {
        done: (answer) => {
          answers.push(Buffer.from(answer as Uint8Array).toString())
        },
      })
    read('a')
    read('b')
    const first = waiting.takeNew()!
    const given = read('c')
    read('d')
    const second = waiting.takeNew()!
    waiting.confirm({ id: second, slot: 6 })
    given.giveUp()
    waiting.confirm({ id: first, slot: 4 })
    expect(answers).toEqual(['a', 'b'])
    expect(waiting.size).toBe(1)
    expect(waiting.takeNew()).toBe(undefined)
  })

  test('are answered over several turns if they are many, and only while the state is complete', () => {
    const { clock, ended, reads: waiting, state } = reads(10_000)
    const answers: number[] = []
    const pending = Array.from({ length: 3 * ANSWERS_AT_ONCE }, (_, index) =>
      waiting.linearizable(asked(new Uint8Array(1)), { done: () => answers.push(index) }),
    )
    waiting.confirm({ id: waiting.takeNew()!, slot: 5 })
    expect(answers).toHaveLength(ANSWERS_AT_ONCE)
    pending[ANSWERS_AT_ONCE]!.giveUp()
    // A snapshot is being put in the place of the state.
    state.executed = -1
    clock.advance(1)
    expect(answers).toHaveLength(ANSWERS_AT_ONCE)
    expect(waiting.size).toBe(2 * ANSWERS_AT_ONCE - 1)
    state.executed = 7
    waiting.executed()
    clock.advance(1)
    expect(answers).not.toContain(ANSWERS_AT_ONCE)
    expect(answers).toHaveLength(3 * ANSWERS_AT_ONCE - 1)
    expect(waiting.size).toBe(0)
    expect(ended.turns).toBeGreaterThan(1)
  })

  test('wait for the next turn if this one has done enough', () => {
    const { clock, reads: waiting, turns } = reads()
    const answers: string[] = []
    waiting.linearizable(asked(new Uint8Array(1)), { done: () => answers.push('answered') })
    turns.spend(MAX_TURN_UNITS)
    waiting.confirm({ id: waiting.takeNew()!, slot: 5 })
    expect(answers).toEqual([])
    clock.advance(0)
    expect(answers).toEqual(['answered'])
  })

  test('of a modest client do not wait for all earlier reads of a greedy one', () => {
    const { clock, reads: waiting } = reads(100_000)
    const [greedy, modest] = [{}, {}]
    const answers: object[] = []
    const ask = (owner: object) =>
      waiting.linearizable(asked(new Uint8Array(1)), { done: () => answers.push(owner) }, owner)
    for (let count = 0; count < 20 * ANSWERS_AT_ONCE; count++) ask(greedy)
    waiting.confirm({ id: waiting.takeNew()!, slot: 5 })
    ask(modest)
    waiting.confirm({ id: waiting.takeNew()!, slot: 5 })
    clock.advance(0)
    expect(answers.indexOf(modest)).toBeLessThan(2 * ANSWERS_AT_ONCE)
    expect(answers.length).toBe(20 * ANSWERS_AT_ONCE + 1)
  })

  test('may be abandoned while others are answered', () => {
    const { reads: waiting } = reads()
    const answers: string[] = []
    waiting.linearizable(asked(new Uint8Array(1)), {
      done: () => {
        answers.push('first')
        given.giveUp()
      },
    })
    const given = waiting.linearizable(asked(new Uint8Array(1)), { done: () => answers.push('second') })
    waiting.linearizable(asked(new Uint8Array(1)), { done: () => answers.push('third') })
    waiting.confirm({ id: waiting.takeNew()!, slot: 5 })
    expect(answers).toEqual(['first', 'third'])
    expect(waiting.size).toBe(0)
  })

  test('that are abandoned in their first turn do not delay others', () => {
    const { reads: waiting, withdrawn } = reads()
    waiting.linearizable(asked(new Uint8Array(1)), ignored).giveUp()
    expect(waiting.takeNew()).toBe(undefined)
    expect(waiting.size).toBe(0)
    const pending = [1, 2, 3].map((bytes) => waiting.linearizable(asked(new Uint8Array(bytes)), ignored))
    const id = waiting.takeNew()!
    pending[0]!.giveUp()
    pending[0]!.giveUp()
    pending[1]!.giveUp()
    expect(waiting.size).toBe(1)
    expect(withdrawn).toEqual([])
    pending[2]!.giveUp()
    expect(withdrawn).toEqual([id])
    waiting.confirm({ id, slot: 5 })
    expect(waiting.size).toBe(0)
  })
})

test('waiting transfers have a limit, above which the error gives the time until the first one ends', () => {
  const clock = new ManualClock()
  const paxos = { leader: 1, membership: { voters: [1, 2] } } as unknown as Paxos
  const transfers = new Transfers({ clock, paxos, inbox: { step: () => undefined } })
  transfers.begin(2, () => undefined)
  clock.advance(1000)
  for (let count = 1; count < MAX_TRANSFERS; count++) transfers.begin(2, () => undefined)
  expect(() => transfers.begin(2, () => undefined)).toThrow(
    expect.objectContaining({ code: 'overloaded', retryAfterMs: 4000 }),
  )
  clock.advance(4100)
  transfers.begin(2, () => undefined)
  transfers.stop()
})

test('a query has the same limit of size as a command', async () => {
  const world = await World.formed({ servers: 1 })
  const replica = world.replica(1)
  const query = 'x'.repeat(MAX_COMMAND_BYTES) as unknown as number
  for (const read of [replica.read(query), replica.readStale(query)])
    expect(await world.failure(read)).toMatchObject({ code: 'too-large' })
})
