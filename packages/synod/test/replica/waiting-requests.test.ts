import { expect, test } from 'vitest'
import type { Outcome } from '../../src/machine/outcome.js'
import { keyOf } from '../machine/keys.js'
import { WaitingRequests, type WaitingRequest } from '../../src/replica/waiting-requests.js'

const outcome = (text: string): Outcome => ({ status: 'done', result: Buffer.from(text) })

test('PITFALL 7: each of two requests of a session gets its own answer, in either order of execution', () => {
  const requests = new WaitingRequests()
  const answers: string[] = []
  for (const sequence of [1, 2]) {
    requests.submit({ session: keyOf(5), sequence }, Buffer.from(`${sequence}`), 0, {
      done: (said) => {
        answers.push(`${sequence}: ${'result' in said ? Buffer.from(said.result).toString() : said.code}`)
      },
    })
  }
  requests.executed({ request: { session: keyOf(5), sequence: 2 }, outcome: outcome('second') }, 0)
  requests.executed({ request: { session: keyOf(5), sequence: 1 }, outcome: outcome('first') }, 0)
  expect(answers).toEqual(['2: second', '1: first'])
  expect(requests.size).toBe(0)
})

test('PITFALL 29: a caller with the numbers of a request but not its key gets no answer, and takes none from its owner', () => {
  const requests = new WaitingRequests()
  const answers: string[] = []
  for (const key of [1, 2]) {
    requests.submit({ session: keyOf(key), sequence: 1 }, Buffer.from('x'), 0, {
      done: (said) => {
        const result = 'result' in said ? said.result : Buffer.from(said.code)
        answers.push(`${key}: ${Buffer.from(result).toString()}`)
      },
    })
  }
  expect(requests.size, 'the second has not displaced the first').toBe(2)
  requests.executed({ request: { session: keyOf(1), sequence: 1 }, outcome: outcome('secret') }, 0)
  expect([answers, requests.size]).toEqual([['1: secret'], 1])
})

/** Requests of as many sessions, and what waits of each. */
function several(count: number, limit?: number) {
  const requests = new WaitingRequests(limit)
  const submit = (session: number, nowMs = 0) =>
    requests.submit({ session: keyOf(session), sequence: 1 }, Buffer.from('x'), nowMs, {
      done: () => undefined,
    })
  const waiting: WaitingRequest[] = []
  for (let session = 1; session <= count; session++) waiting.push(submit(session))
  const execute = (session: number, nowMs: number) =>
    requests.executed({ request: { session: keyOf(session), sequence: 1 }, outcome: outcome('') }, nowMs)
  const take = (most: number, mostBytes = Infinity) =>
    requests.take(most, mostBytes, 0).map((proposal) => waiting.indexOf(proposal) + 1)
  return { requests, submit, waiting, execute, take }
}

test('a request above the limit is refused with the time in which half of the waiting requests will be done', () => {
  const { execute, submit } = several(100, 100)
  expect(() => submit(101)).toThrow(expect.objectContaining({ code: 'overloaded', retryAfterMs: 1000 }))
  for (let session = 1; session <= 50; session++) {
    execute(session, 1000)
    submit(100 + session, 1000)
  }
  // 50 of 100 in the last 1.5 s.
  expect(() => submit(999, 1500)).toThrow(expect.objectContaining({ code: 'overloaded', retryAfterMs: 1500 }))
})

test('requests are proposed up to the capacity, in order of arrival, without abandoned ones', () => {
  const { requests, take, waiting } = several(7)
  expect(take(2)).toEqual([1, 2])
  for (const session of [2, 3, 5]) requests.cancel(waiting[session - 1]!)
  expect(take(0)).toEqual([])
  expect(take(2)).toEqual([4, 6])
  expect(take(Infinity)).toEqual([7])
  expect(take(Infinity)).toEqual([])
})

test('after a restart of the core every waiting request is proposed again, and no other is taken for lost', () => {
  const { execute, requests, take } = several(4)
  take(3)
  execute(1, 0)
  expect(requests.takeLost(1001)).toHaveLength(2)
  requests.restart()
  expect(requests.takeLost(60_000)).toEqual([])
  expect(take(Infinity)).toEqual([2, 3, 4])
})

test('requests that usually take long are taken for lost later than fast ones', () => {
  const { execute, requests, submit, take } = several(0)
  const one = (session: number, tookMs: number) => {
    submit(session, 0)
    take(1)
    execute(session, tookMs)
  }
  const isLostAfter = (afterMs: number) => {
    const waiting = submit(999)
    take(1)
    const lost = requests.takeLost(afterMs)
    requests.cancel(waiting)
    return lost.length > 0
  }
  one(1, 1)
  expect([1000, 1001].map(isLostAfter)).toEqual([false, true])
  for (let session = 1; session <= 200; session++) one(session, 2000)
  expect([7900, 8100].map(isLostAfter)).toEqual([false, true])
  for (let session = 1; session <= 200; session++) one(session, 60_000)
  expect([10_000, 10_001].map(isLostAfter)).toEqual([false, true])
  for (let session = 1; session <= 200; session++) one(session, 1)
  expect(isLostAfter(1001)).toBe(true)
})

test('requests are proposed up to the capacity in bytes, and a larger one alone', () => {
  const { take } = several(5)
  expect(take(Infinity, 2)).toEqual([1, 2])
  expect(take(Infinity, 0)).toEqual([])
  expect(take(Infinity, -5)).toEqual([])
  expect(take(Infinity, 0.5)).toEqual([3])
})

test('requests that come and are abandoned while none can be proposed leave nothing behind', () => {
  const { requests, submit, take } = several(0)
  for (let session = 1; session <= 10_000; session++) requests.cancel(submit(session))
  expect(requests.size).toBe(0)
  expect(take(Infinity)).toEqual([])
})

/** Requests of several owners, and the numbers of the ones proposed next. */
function owned(limit?: number) {
  const requests = new WaitingRequests(limit)
  const names = new Map<WaitingRequest, string>()
  const owners = { a: {}, b: {}, c: {} }
  let sequence = 0
  const submit = (owner: keyof typeof owners, sizeBytes = 1) => {
    const key = { session: keyOf(1 + sequence++), sequence: 1 }
    const waiting = requests.submit(key, Buffer.alloc(sizeBytes), 0, { done: () => undefined }, owners[owner])
    names.set(waiting, owner)
    return waiting
  }
  const take = (most: number, mostBytes = Infinity) =>
    requests.take(most, mostBytes, 0).map((proposal) => names.get(proposal))
  return { requests, submit, take }
}

test('owners take turns: a modest owner does not wait for all earlier requests of another one', () => {
  const { submit, take } = owned()
  for (let count = 0; count < 1000; count++) submit('a')
  submit('b')
  expect(take(4)).toEqual(['a', 'b', 'a', 'a'])
  submit('c')
  expect(take(3)).toEqual(['c', 'a', 'a'])
  expect(take(Infinity)).toHaveLength(1000 - 5)
})

test('a large request takes as many turns as small ones of the same total size', () => {
  const { submit, take } = owned()
  for (let count = 0; count < 2; count++) submit('a', 10_000)
  for (let count = 0; count < 40; count++) submit('b')
  const order = take(Infinity).join('')
  expect(order).toMatch(/^b{9,11}ab{9,11}ab+$/)
})

test('a restart of the core keeps the order of each owner, without abandoned requests', () => {
  const { requests, submit, take } = owned()
  const first = Array.from({ length: 20 }, () => submit('a'))
  const second = submit('b')
  take(5)
  for (const index of [1, 8]) requests.cancel(first[index]!)
  requests.restart()
  const order = requests.take(Infinity, Infinity, 0)
  expect(order.filter((proposal) => proposal !== second)).toEqual(
    first.filter((_, index) => index !== 1 && index !== 8),
  )
  expect(requests.size).toBe(19)
})

test('a request that ends frees the capacity of its owner', () => {
  const { requests, submit } = owned(40)
  for (let count = 0; count < 20; count++) submit('a')
  expect(() => submit('a')).toThrow(
    expect.objectContaining({
      code: 'overloaded',
      message: '20 requests of this client wait already: try again in 1000 ms',
    }),
  )
  const waiting = requests.take(1, Infinity, 0)[0]!
  requests.cancel(waiting)
  submit('a')
})

test('a request that a snapshot may contain has an unknown outcome if its session has ended since', () => {
  const requests = new WaitingRequests()
  const answers: string[] = []
  const submit = (session: number) =>
    requests.submit({ session: keyOf(session), sequence: 1 }, Buffer.from('x'), 0, {
      done: (said) => {
        answers.push(`${session}: ${'result' in said ? said.status : said.code}`)
      },
    })
  submit(1)
  requests.take(1, Infinity, 0)
  submit(2)
  requests.skipped()
  requests.restart()
  for (const session of [1, 2]) {
    const expired: Outcome = { status: 'expired', result: Buffer.alloc(0) }
    requests.executed({ request: { session: keyOf(session), sequence: 1 }, outcome: expired }, 0)
  }
  expect(answers).toEqual(['1: outcome-unknown', '2: expired'])
})
