import { describe, expect, test } from 'vitest'
import { Calls, MAX_CALLS, MAX_CALL_BYTES } from '../../src/call.js'
import { SynodError } from '../../src/errors.js'
import { ManualClock } from '../net/manual-clock.js'

function rig() {
  const clock = new ManualClock()
  return { clock, calls: new Calls(clock, 1000, (ms) => new SynodError('no-quorum', `${ms} ms`)) }
}

describe('a call', () => {
  test('takes its first result, and ignores later ones', async () => {
    const { calls } = rig()
    const call = calls.start<number>('command', {})
    call.resolve(1)
    call.resolve(2)
    call.reject(new Error('late'))
    expect(await call.promise).toBe(1)
    expect(call.over).toBe(true)
  })

  test('fails after the default timeout, or after its own', async () => {
    const { calls, clock } = rig()
    const usual = calls.start('read', {})
    const short = calls.start('read', { timeoutMs: 10 })
    clock.advance(10)
    await expect(short.promise).rejects.toMatchObject({ code: 'no-quorum', message: '10 ms' })
    expect(usual.over).toBe(false)
    clock.advance(990)
    await expect(usual.promise).rejects.toMatchObject({ message: '1000 ms' })
  })

  test('fails at its own time among others with the same timeout', () => {
    const { calls, clock } = rig()
    const ends: string[] = []
    const start = (name: string, timeoutMs: number) => {
      const call = calls.start<number>('read', { timeoutMs })
      call.onOver((error) => error && ends.push(`${name} at ${clock.now()}`))
      return call
    }
    const first = start('first', 50)
    clock.advance(20)
    start('second', 50)
    start('short', 10)
    clock.advance(20)
    start('third', 50)
    first.resolve(1)
    clock.advance(100)
    expect(ends).toEqual(['short at 30', 'second at 70', 'third at 90'])
  })

  test('with a timeout that few others have leaves no timer behind', () => {
    const { calls, clock } = rig()
    for (let timeoutMs = 1; timeoutMs <= 100; timeoutMs++)
      calls.start<number>('read', { timeoutMs }).resolve(1)
    let timers = 0
    while (clock.step(Infinity)) timers++
    expect(timers).toBe(8)
    const late = calls.start<number>('read', { timeoutMs: 1 })
    clock.advance(1)
    expect(late.over).toBe(true)
  })

  test('gives its caller the decoded result, and the error that the caller is to see', async () => {
    const { calls } = rig()
    const [early, late, failed, broken] = Array.from({ length: 4 }, () => calls.start<number>('read', {}))
    early!.resolve(1)
    const decoded = [early!, late!].map((call) => call.outcome((value) => `${value}`))
    late!.resolve(2)
    expect(await Promise.all(decoded)).toEqual(['1', '2'])
    const explained = failed!.outcome(
      () => undefined,
      (error) => new Error(`not ${error.message}`),
    )
    failed!.reject(new Error('now'))
    await expect(explained).rejects.toThrow('not now')
    broken!.resolve(3)
    await expect(
      broken!.outcome(() => {
        throw new Error('malformed')
      }),
    ).rejects.toThrow('malformed')
  })

  test('that is over has no timer, and no listener at its signal', async () => {
    const { calls, clock } = rig()
    const abort = new AbortController()
    const ends: (Error | undefined)[] = []
    const call = calls.start<number>('command', { signal: abort.signal })
    call.onOver((error) => ends.push(error))
    call.resolve(1)
    abort.abort()
    clock.advance(10_000)
    expect(await call.promise).toBe(1)
    expect(ends).toEqual([undefined])
  })

  test('whose signal is aborted fails, with the reason as the cause', async () => {
    const { calls } = rig()
    const abort = new AbortController()
    const call = calls.start('read', { signal: abort.signal })
    abort.abort('enough')
    await expect(call.promise).rejects.toMatchObject({ code: 'aborted', cause: 'enough' })
  })

  test('whose signal was aborted before is over at once', async () => {
    const { calls } = rig()
    const call = calls.start('read', { signal: AbortSignal.abort() })
    expect(call.over).toBe(true)
    await expect(call.promise).rejects.toMatchObject({ code: 'aborted' })
  })

  test('reports its end with the error, and at once if it is over already', async () => {
    const { calls } = rig()
    const call = calls.start('read', {})
    const told: unknown[] = []
    call.onOver((error) => told.push(error?.message))
    call.reject(new Error('no'))
    call.onOver(() => told.push('after'))
    expect(told).toEqual(['no', 'after'])
    await expect(call.promise).rejects.toThrow('no')
  })
})

describe('the calls of one replica or client', () => {
  test('all fail when it ends, and so does every later call', async () => {
    const { calls } = rig()
    const under = calls.start('read', {})
    calls.end(new SynodError('closed', 'over'))
    calls.end(new SynodError('journal-failed', 'later'))
    const after = calls.start('read', {})
    await expect(under.promise).rejects.toMatchObject({ code: 'closed' })
    await expect(after.promise).rejects.toMatchObject({ code: 'closed' })
  })
})

describe('the limits on calls of callers', () => {
  test('refuse calls above their number, with a delay that follows how fast calls end', async () => {
    const { calls, clock } = rig()
    const taken = Array.from({ length: MAX_CALLS }, () => calls.take<number>('command', 0, {}))
    await expect(calls.take('command', 0, {}).promise).rejects.toMatchObject({
      code: 'overloaded',
      retryAfterMs: 1000,
    })
    expect(taken.every(({ over }) => !over)).toBe(true)
    for (const call of taken.splice(0, MAX_CALLS / 2)) call.resolve(1)
    for (let count = 0; count < MAX_CALLS / 2; count++)
      calls.take('command', 0, {}).promise.catch(() => undefined)
    clock.advance(500)
    // 32,768 ended in half a second: so long it takes for half of those under way.
    await expect(calls.take('command', 0, {}).promise).rejects.toMatchObject({ retryAfterMs: 500 })
    // What the library asks for by itself is not refused.
    expect(calls.start('read', {}).over).toBe(false)
    for (const call of taken) call.resolve(1)
  })

  test('refuse calls above their bytes', async () => {
    const { calls } = rig()
    const large = calls.take<number>('command', MAX_CALL_BYTES, {})
    await expect(calls.take('command', 1, {}).promise).rejects.toMatchObject({ code: 'overloaded' })
    large.resolve(1)
    expect(calls.take('command', 1, {}).over).toBe(false)
  })
})
