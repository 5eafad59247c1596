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
