import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type ReceivedRequest,
  type Request,
  SESSION_WINDOW,
  decodeRequest,
  encodeRequest,
} from '../../src/machine/request.js'
import { MAX_ERROR_TEXT_BYTES } from '../../src/machine/contract.js'
import { type Outcome, outcomeError } from '../../src/machine/outcome.js'
import { MAX_SESSIONS, OUTCOME_BYTES, Sessions } from '../../src/machine/sessions.js'
import type { SessionKey } from '../../src/machine/session-key.js'
import { keyOf } from './keys.js'
import { checkProperty } from '../paxos/replay.js'

/** What a client knows of its session. */
interface Opened {
  readonly session: SessionKey
  readonly opening: number
}

function open(sessions: Sessions, number: number): Opened {
  const session = keyOf(number)
  return { session, opening: sessions.open(session) }
}

function request({ opening, session }: Opened, sequence: number, acknowledged = 0): ReceivedRequest {
  const fields: Request = {
    kind: 'command',
    timeMs: 0,
    session,
    opening,
    sequence,
    acknowledged,
    version: 1,
    command: new Uint8Array(0),
  }
  return decodeRequest(encodeRequest(fields))
}

/** Sessions in front of a counter. */
class Counter {
  readonly sessions: Sessions
  count = 0
  #keys = 0

  constructor(limit?: number) {
    this.sessions = new Sessions(limit)
  }

  open(key = ++this.#keys): Opened {
    return open(this.sessions, key)
  }

  execute(session: Opened, sequence: number, acknowledged?: number): string {
    const run = (): Outcome => ({ status: 'done', result: Buffer.from(`${++this.count}`) })
    const outcome = this.sessions.execute(request(session, sequence, acknowledged), run)
    return outcome.status === 'done' ? Buffer.from(outcome.result).toString() : outcome.status
  }
}

describe('a session', () => {
  test('executes each of its requests once, and answers a retry with the first result', () => {
    const counter = new Counter()
    const session = counter.open()
    expect(counter.execute(session, 1)).toBe('1')
    expect(counter.execute(session, 2)).toBe('2')
    expect(counter.execute(session, 1)).toBe('1')
    expect(counter.execute(session, 2)).toBe('2')
    expect(counter.count).toBe(2)
  })

  test('executes its requests in any order', () => {
    const counter = new Counter()
    const session = counter.open()
    expect([3, 1, 2, 3].map((sequence) => counter.execute(session, sequence))).toEqual(['1', '2', '3', '1'])
  })

  test('keeps the result of a failed command too', () => {
    const sessions = new Sessions()
    const session = open(sessions, 1)
    const failed: Outcome = { status: 'failed', result: Buffer.from('no') }
    expect(sessions.execute(request(session, 1), () => failed).status).toBe('failed')
    const never = () => expect.fail('executed twice')
    const again = sessions.execute(request(session, 1), never)
    expect([again.status, Buffer.from(again.result).toString()]).toEqual(['failed', 'no'])
  })

  test('forgets acknowledged requests, and does not execute them if they come late', () => {
    const counter = new Counter()
    const session = counter.open()
    counter.execute(session, 1)
    counter.execute(session, 2)
    expect(counter.execute(session, 3, 2)).toBe('3')
    expect(counter.execute(session, 1)).toBe('expired')
    expect(counter.execute(session, 2)).toBe('expired')
    expect(counter.count).toBe(3)
  })

  test('does not execute a request that was acknowledged before it came', () => {
    const counter = new Counter()
    const session = counter.open()
    expect(counter.execute(session, 2, 1)).toBe('1')
    expect(counter.execute(session, 1)).toBe('expired')
    expect(counter.count).toBe(1)
  })

  test('ignores an older acknowledgement', () => {
    const counter = new Counter()
    const session = counter.open()
    for (let sequence = 1; sequence <= 3; sequence++) counter.execute(session, sequence, sequence - 1)
    expect(counter.execute(session, 4, 0)).toBe('4')
    expect(counter.execute(session, 2, 0)).toBe('expired')
  })

  test('does not execute requests beyond its window, which may be sent again', () => {
    const counter = new Counter()
    const session = counter.open()
    expect(counter.execute(session, SESSION_WINDOW + 1)).toBe('ahead')
    expect(counter.execute(session, SESSION_WINDOW)).toBe('1')
    counter.execute(session, 1)
    expect(counter.execute(session, SESSION_WINDOW + 1, 1)).toBe('3')
    expect(counter.count).toBe(3)
  })

  test('spends no more than a window on an excessive acknowledgement', () => {
    const counter = new Counter()
    const session = counter.open()
    expect(counter.execute(session, 2 ** 50, 2 ** 50 - 1)).toBe('ahead')
    expect(counter.execute(session, SESSION_WINDOW + 1)).toBe('1')
  })

  test('that was never opened has expired', () => {
    const counter = new Counter()
    expect(counter.execute({ session: keyOf(99), opening: 1 }, 1)).toBe('expired')
    expect(counter.count).toBe(0)
  })
})

describe('PITFALL 29: a session is of use only to the holder of its key', () => {
  test('a request with another key is not executed, and gets no result', () => {
    const counter = new Counter()
    const { opening, session } = counter.open()
    const other = counter.open()
    expect(counter.execute({ session, opening }, 1)).toBe('1')
    for (const key of [keyOf(99), other.session, keyOf(0)])
      expect(counter.execute({ session: key, opening }, 1)).toBe('expired')
    expect(counter.count).toBe(1)
  })

  test('opening a session again gives the same session, as the first answer may have been lost', () => {
    const counter = new Counter()
    const session = counter.open(7)
    counter.execute(session, 1)
    expect(counter.open(7)).toEqual(session)
    expect(counter.execute(session, 1)).toBe('1')
    expect([counter.count, counter.sessions.size]).toEqual([1, 1])
  })

  test('opening an ended session again does not revive its requests', () => {
    const counter = new Counter(1)
    const before = counter.open(7)
    counter.execute(before, 1)
    counter.open(8)
    const again = counter.open(7)
    expect(again.opening).toBeGreaterThan(before.opening)
    expect([1, 2].map((sequence) => counter.execute(before, sequence))).toEqual(['expired', 'expired'])
    expect(counter.execute(again, 1)).toBe('2')
  })

  test('no opening number is used twice, even after a snapshot without the session', () => {
    const before = new Sessions(1)
    const first = open(before, 7)
    open(before, 8)
    const after = new Sessions(1)
    const restoration = after.restoration()
    for (const piece of before.snapshot()) restoration.take(piece)
    restoration.end()
    for (const sessions of [before, after]) {
      expect(open(sessions, 7).opening).toBe(3)
      const run = () => expect.fail('executed twice')
      expect(sessions.execute(request(first, 1), run).status).toBe('expired')
    }
  })

  test('opening a session again counts as use', () => {
    const counter = new Counter(2)
    const [a, b] = [counter.open(1), counter.open(2)]
    counter.open(1)
    counter.open(3)
    expect([a, b].map((session) => counter.execute(session, 1))).toEqual(['1', 'expired'])
  })

  test.each([false, true])(
    'a request with an old opening number does not count as use (while a snapshot is read: %s)',
    (isRead) => {
      const counter = new Counter(2)
      const [a, b] = [counter.open(1), counter.open(2)]
      if (isRead) counter.sessions.snapshot()
      expect(counter.execute({ ...a, opening: 9 }, 1)).toBe('expired')
      counter.open(3)
      expect([a, b].map((session) => counter.execute(session, 1))).toEqual(['expired', '1'])
    },
  )
})

describe('at the limit of sessions', () => {
  test('opening one ends the session that was idle for longest', () => {
    const counter = new Counter(3)
    const [a, b, c] = [counter.open(), counter.open(), counter.open()]
    counter.execute(a, 1)
    const d = counter.open()
    expect(counter.sessions.size).toBe(3)
    expect(counter.execute(b, 1)).toBe('expired')
    expect([a, c, d].map((session) => counter.execute(session, 2))).toEqual(['2', '3', '4'])
  })

  test('opening one takes constant time', () => {
    const sessions = new Sessions()
    const opened = Array.from({ length: 2 * MAX_SESSIONS }, (_, number) => open(sessions, number))
    expect(sessions.size).toBe(MAX_SESSIONS)
    const run = (): Outcome => ({ status: 'done', result: new Uint8Array(0) })
    expect(sessions.execute(request(opened[MAX_SESSIONS - 1]!, 1), run).status).toBe('expired')
    expect(sessions.execute(request(opened[MAX_SESSIONS]!, 1), run).status).toBe('done')
  })

  test('a retry counts as use, as a first request does', () => {
    const counter = new Counter(2)
    const [a, b] = [counter.open(), counter.open()]
    counter.execute(a, 1)
    counter.execute(b, 1)
    counter.execute(a, 1)
    counter.open()
    expect(counter.execute(b, 1)).toBe('expired')
    expect(counter.execute(a, 1)).toBe('1')
  })
})

describe('at the limit of bytes of results', () => {
  /** Room for 100 kB in three outcomes. */
  const LIMIT_BYTES = 100_000 + 3 * OUTCOME_BYTES
  /** Executes a request with a result of this many kB; returns the outcome. */
  function execute(sessions: Sessions, session: Opened, sequence: number, size_kB: number) {
    const result = new Uint8Array(1000 * size_kB)
    const { status } = sessions.execute(request(session, sequence), () => ({ status: 'done', result }))
    return status
  }

  test('the sessions idle for longest end until a quarter is free, and sessions without results stay', () => {
    const sessions = new Sessions(10, LIMIT_BYTES)
    const [a, b, c, none] = [1, 2, 3, 4].map((number) => open(sessions, number)) as [
      Opened,
      Opened,
      Opened,
      Opened,
    ]
    execute(sessions, a, 1, 40)
    execute(sessions, b, 1, 30)
    execute(sessions, c, 1, 30)
    expect(sessions.size).toBe(4)
    expect(execute(sessions, b, 2, 10)).toBe('done')
    expect(sessions.size).toBe(3)
    expect(execute(sessions, a, 2, 0)).toBe('expired')
    for (const session of [b, c, none]) expect(execute(sessions, session, 3, 0)).toBe('done')
  })

  test('acknowledged results do not count', () => {
    const sessions = new Sessions(10, LIMIT_BYTES)
    const session = open(sessions, 1)
    const result = new Uint8Array(60_000)
    for (let sequence = 1; sequence < 10; sequence++) {
      const done = () => ({ status: 'done', result }) as const
      expect(sessions.execute(request(session, sequence, sequence - 1), done)).toEqual(done())
    }
  })

  test('a single session above the limit gets its answer, and ends', () => {
    const sessions = new Sessions(10, LIMIT_BYTES)
    const session = open(sessions, 1)
    expect(execute(sessions, session, 1, 101)).toBe('done')
    expect(execute(sessions, session, 2, 0)).toBe('expired')
  })

  test('a server restored from a snapshot ends the same sessions', () => {
    const before = new Sessions(10, LIMIT_BYTES)
    const after = new Sessions(10, LIMIT_BYTES)
    const [a, b] = [open(before, 1), open(before, 2)]
    execute(before, b, 1, 50)
    execute(before, a, 1, 50)
    const restoration = after.restoration()
    for (const piece of before.snapshot()) restoration.take(piece)
    restoration.end()
    for (const sessions of [before, after]) {
      execute(sessions, a, 2, 1)
      expect([a, b].map((session) => execute(sessions, session, 3, 0))).toEqual(['done', 'expired'])
    }
  })
})

describe('the size of a session', () => {
  const LIMIT_BYTES = 20_000
  const outcome = (status: Outcome['status'], sizeBytes: number) => () => ({
    status,
    result: Buffer.alloc(sizeBytes, 'x'),
  })

  test('is independent of the wording of errors, which the digest does not cover', () => {
    const sizes = [0, 1, MAX_ERROR_TEXT_BYTES].map((sizeBytes) => {
      const sessions = new Sessions(1000, LIMIT_BYTES)
      const opened = Array.from({ length: 50 }, (_, number) => open(sessions, number))
      for (const session of opened) sessions.execute(request(session, 1), outcome('failed', sizeBytes))
      return sessions.size
    })
    expect(new Set(sizes).size).toBe(1)
    expect(sizes[0]).toBeLessThan(50)
  })

  test('counts a fixed size for each outcome, and the gaps before it in the window', () => {
    const sessions = new Sessions(1000, LIMIT_BYTES)
    for (let number = 1; number <= 100; number++)
      sessions.execute(request(open(sessions, number), 1), outcome('done', 0))
    expect(sessions.size).toBeLessThanOrEqual(LIMIT_BYTES / OUTCOME_BYTES)

    const wide = new Sessions(1000, LIMIT_BYTES)
    for (let number = 1; number <= 100; number++)
      wide.execute(request(open(wide, number), SESSION_WINDOW), outcome('done', 0))
    expect(wide.size).toBeLessThan(5)
  })

  test('does not count acknowledged outcomes of any kind', () => {
    const sessions = new Sessions(1000, LIMIT_BYTES)
    const session = open(sessions, 1)
    for (let sequence = 2; sequence < 10_000; sequence += 2) {
      const kind = sequence % 4 === 0 ? 'failed' : 'done'
      sessions.execute(request(session, sequence, sequence - 2), outcome(kind, 100))
    }
    expect(sessions.size).toBe(1)
  })
})

test('a kept result does not retain the buffer that it was cut from', () => {
  const sessions = new Sessions()
  const large = new Uint8Array(1 << 20)
  const done = (): Outcome => ({ status: 'done', result: large.subarray(5, 10) })
  const session = open(sessions, 1)
  sessions.execute(request(session, 1), done)
  const again = sessions.execute(request(session, 1), () => expect.fail('executed twice'))
  expect(again.result.length).toBe(5)
  expect(again.result.buffer.byteLength).toBeLessThan(100)
})

test('replicas answer the same requests alike', () => {
  const key = fc.nat(6)
  const step = fc.oneof(
    fc.record({ key, open: fc.constant(true), back: fc.constant(0), sequence: key, acknowledged: key }),
    fc.record({
      key,
      open: fc.constant(false),
      // Of the numbers that the session of this key was given, the last or one before.
      back: fc.nat(2),
      sequence: fc.integer({ min: 1, max: 12 }),
      acknowledged: fc.nat(6),
    }),
  )
  checkProperty(
    import.meta.url,
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const counters = [new Counter(4), new Counter(4)] as const
      const told = new Map<string, string>()
      const openings = new Map<number, number[]>()
      for (const { acknowledged, back, key, open, sequence } of steps) {
        const known = openings.get(key) ?? []
        if (open) {
          const [one, other] = counters.map((counter) => counter.open(key).opening)
          expect(one).toBe(other)
          openings.set(key, [...known, one!])
          continue
        }
        const opening = known.at(-1 - back) ?? 1
        const session = { session: keyOf(key), opening }
        const [one, other] = counters.map((counter) => counter.execute(session, sequence, acknowledged))
        expect(one).toBe(other)
        if (one === 'expired') continue
        expect(opening, 'an old opening').toBe(known.at(-1))
        const name = `${key}/${opening}/${sequence}`
        expect(told.get(name) ?? one).toBe(one)
        told.set(name, one!)
      }
      // As many results as executions: no request was executed twice.
      for (const { count } of counters) expect(count).toBe(new Set(told.values()).size)
    }),
  )
})

test('each outcome of a request has its own code', () => {
  const nothing = new Uint8Array(0)
  expect(outcomeError({ status: 'failed', result: Buffer.from('tëxt') })).toMatchObject({
    code: 'command-failed',
    message: 'tëxt',
  })
  expect(outcomeError({ status: 'expired', result: nothing }).code).toBe('session-expired')
  const ahead = outcomeError({ status: 'ahead', result: nothing })
  expect(ahead.code).toBe('overloaded')
  expect(ahead.retryAfterMs).toBeGreaterThan(0)
})
