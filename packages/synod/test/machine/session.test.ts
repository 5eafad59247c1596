import { describe, expect, test } from 'vitest'
import { Writer } from '../../src/bytes/writer.js'
import { Calls } from '../../src/call.js'
import { SynodError, PendingRequest } from '../../src/errors.js'
import { SESSION_WINDOW, decodeRequest } from '../../src/machine/request.js'
import { Session, type Submit } from '../../src/machine/session.js'
import { keyOf } from './keys.js'
import { ManualClock } from '../net/manual-clock.js'

type Submitted = ReturnType<typeof decodeRequest> & { readonly call: Parameters<Submit>[1] }

/** A session whose requests go nowhere, until the test answers them. */
class Rig {
  readonly clock = new ManualClock()
  readonly calls = new Calls(this.clock, 1000, () => new SynodError('no-quorum', 'nobody answers'))
  readonly submitted: Submitted[] = []
  #drawn = 0
  onSubmit: (call: Submitted['call']) => void = () => undefined
  readonly session = new Session(
    (value, call) => {
      this.submitted.push(Object.assign(decodeRequest(value), { call }))
      this.onSubmit(call)
    },
    () => keyOf(++this.#drawn),
    () => this.calls.start<Uint8Array>('command', {}),
  )

  execute(text = '', signal?: AbortSignal) {
    const call = this.calls.start<Uint8Array>('command', { signal, timeoutMs: 60_000 })
    call.promise.catch(() => undefined)
    this.session.execute({ command: Buffer.from(text), version: 1 }, call)
    return call
  }

  /** Answers the request that opens the session. */
  async opened(opening: number): Promise<void> {
    const writer = new Writer(8)
    writer.varint(opening)
    this.take('open').call.resolve(writer.view())
    await Promise.resolve()
    await Promise.resolve()
  }

  take(kind: 'open' | 'command'): Submitted {
    const index = this.submitted.findIndex((request) => request.kind === kind)
    return this.submitted.splice(index, 1)[0]!
  }

  numbers() {
    return this.submitted.map(({ opening, sequence, acknowledged }) => [opening, sequence, acknowledged])
  }
}

describe('the client half of a session', () => {
  test('is opened once, at the first command', async () => {
    const rig = new Rig()
    expect(rig.submitted).toEqual([])
    rig.execute('a')
    rig.execute('b')
    expect(rig.submitted.map(({ kind, session }) => [kind, session])).toEqual([['open', keyOf(1)]])
    await rig.opened(5)
    expect(rig.submitted.map(({ command }) => Buffer.from(command).toString())).toEqual(['a', 'b'])
    expect(rig.submitted.map(({ session }) => session)).toEqual([keyOf(1), keyOf(1)])
    expect(rig.numbers()).toEqual([
      [5, 1, 0],
      [5, 2, 0],
    ])
  })

  test('acknowledges requests up to the first without an answer', async () => {
    const rig = new Rig()
    for (let count = 0; count < 3; count++) rig.execute()
    await rig.opened(5)
    const [first, second] = rig.submitted
    second!.call.resolve(new Uint8Array(0))
    rig.execute()
    first!.call.resolve(new Uint8Array(0))
    rig.execute()
    expect(rig.numbers().slice(3)).toEqual([
      [5, 4, 0],
      [5, 5, 2],
    ])
  })

  test('frees the number of an aborted call', async () => {
    const rig = new Rig()
    const abort = new AbortController()
    rig.execute('a', abort.signal)
    await rig.opened(5)
    abort.abort()
    rig.execute('b')
    expect(rig.numbers()[1]).toEqual([5, 2, 1])
  })

  test('never sends a call that is aborted while it waits', async () => {
    const rig = new Rig()
    const abort = new AbortController()
    rig.execute('a', abort.signal)
    rig.execute('b')
    abort.abort()
    await rig.opened(5)
    expect(rig.numbers()).toEqual([[5, 1, 0]])
    expect(Buffer.from(rig.submitted[0]!.command).toString()).toBe('b')
  })

  test('sends calls beyond the window later, in order', async () => {
    const rig = new Rig()
    for (let count = 0; count < SESSION_WINDOW + 3; count++) rig.execute(`${count}`)
    await rig.opened(5)
    expect(rig.submitted).toHaveLength(SESSION_WINDOW)
    rig.submitted[1]!.call.resolve(new Uint8Array(0))
    expect(rig.submitted).toHaveLength(SESSION_WINDOW)
    rig.submitted[0]!.call.resolve(new Uint8Array(0))
    expect(rig.submitted).toHaveLength(SESSION_WINDOW + 2)
    expect(rig.submitted.slice(-2).map(({ command }) => Buffer.from(command).toString())).toEqual([
      '1024',
      '1025',
    ])
    expect(
      rig.submitted.every(({ sequence, acknowledged }) => sequence <= acknowledged + SESSION_WINDOW),
    ).toBe(true)
  })

  test('is opened anew by the next call after it has expired', async () => {
    const rig = new Rig()
    const call = rig.execute('a')
    await rig.opened(5)
    rig.submitted[0]!.call.reject(new SynodError('session-expired', 'gone'))
    await expect(call.promise).rejects.toMatchObject({ code: 'session-expired' })
    rig.take('command')
    rig.execute('b')
    expect(rig.submitted[0]).toMatchObject({ kind: 'open', session: keyOf(2) })
    await rig.opened(9)
    expect(rig.numbers()).toEqual([[9, 1, 0]])
    expect(rig.submitted[0]!.session).toBe(keyOf(2))
  })

  test('ignores the late expiry of an older session', async () => {
    const rig = new Rig()
    rig.execute()
    rig.execute()
    await rig.opened(5)
    const [first, second] = rig.submitted.splice(0)
    first!.call.reject(new SynodError('session-expired', 'gone'))
    rig.execute()
    await rig.opened(9)
    second!.call.reject(new SynodError('session-expired', 'gone'))
    rig.execute()
    expect(rig.numbers()).toEqual([
      [9, 1, 0],
      [9, 2, 0],
    ])
  })

  test('fails waiting calls if its opening is refused, and a later call opens it again', async () => {
    const rig = new Rig()
    const call = rig.execute()
    rig.take('open').call.reject(new SynodError('overloaded', 'no room'))
    await expect(call.promise).rejects.toMatchObject({ code: 'overloaded' })
    rig.execute()
    await rig.opened(5)
    expect(rig.numbers()).toEqual([[5, 1, 0]])
  })

  test('is opened again for a call that outlives the first attempt', async () => {
    const rig = new Rig()
    const call = rig.execute()
    const opening = rig.take('open').call
    rig.clock.advance(1000)
    await expect(opening.promise).rejects.toMatchObject({ code: 'no-quorum' })
    expect(call.over).toBe(false)
    expect(rig.submitted[0], 'the same session, if it was opened').toMatchObject({ session: keyOf(1) })
    await rig.opened(5)
    expect(rig.numbers()).toEqual([[5, 1, 0]])
  })

  test('sends the next call when one is refused at once, and sends none twice', async () => {
    const rig = new Rig()
    const calls = Array.from({ length: 3 * SESSION_WINDOW }, (_, index) => rig.execute(`${index}`))
    rig.onSubmit = (call) => {
      call.reject(new SynodError('overloaded', 'no room'))
    }
    await rig.opened(5)
    expect(rig.submitted).toHaveLength(calls.length)
    expect(new Set(rig.submitted.map(({ sequence }) => sequence)).size).toBe(calls.length)
  })

  test('does not keep a call that is over before it begins', async () => {
    const rig = new Rig()
    rig.execute('a')
    rig.execute('b', AbortSignal.abort())
    await rig.opened(5)
    rig.execute('c', AbortSignal.abort())
    expect(rig.numbers()).toEqual([[5, 1, 0]])
  })

  test('is opened for a later call although the first caller gave up', async () => {
    const rig = new Rig()
    const short = rig.execute()
    short.reject(new SynodError('aborted', 'the caller gave up'))
    const long = rig.execute()
    await rig.opened(5)
    expect(rig.submitted.map(({ call }) => call)).toEqual([long])
  })
})

describe('a request whose outcome is not known', () => {
  /** A command that was sent, and whose caller gave up. */
  async function abandoned(rig: Rig, text = 'a', opening?: number) {
    const abort = new AbortController()
    const call = rig.execute(text, abort.signal)
    if (opening !== undefined) await rig.opened(opening)
    call.state = 'sent'
    abort.abort()
    const error = (await call.promise.catch((error: unknown) => error)) as SynodError
    expect(error).toMatchObject({ code: 'aborted', mayHaveExecuted: true, retryable: false })
    return error.request!
  }

  function resume(rig: Rig, request: PendingRequest, text = 'a') {
    const call = rig.calls.start<Uint8Array>('command', { resume: request })
    const failure = call.promise.then(
      () => undefined,
      (error: unknown) => error as SynodError,
    )
    expect(rig.session.resume(request, Buffer.from(text), call)).toBe(true)
    return { call, failure }
  }

  test('is sent again with its number, which is not acknowledged before', async () => {
    const rig = new Rig()
    const request = await abandoned(rig, 'a', 5)
    rig.execute('b')
    resume(rig, request).call.resolve(new Uint8Array(0))
    rig.execute('c')
    expect(rig.submitted.map(({ command }) => Buffer.from(command).toString())).toEqual(['a', 'b', 'a', 'c'])
    expect(rig.numbers()).toEqual([
      [5, 1, 0],
      [5, 2, 0],
      [5, 1, 0],
      [5, 3, 1],
    ])
  })

  test('can be resumed again if the second attempt times out too', async () => {
    const rig = new Rig()
    const request = await abandoned(rig, 'a', 5)
    const { failure } = resume(rig, request)
    rig.clock.advance(1000)
    expect((await failure)?.request).toBe(request)
    resume(rig, request)
    expect(rig.numbers().at(-1)).toEqual([5, 1, 0])
  })

  test('may have been executed, even if the second attempt is refused', async () => {
    const rig = new Rig()
    const request = await abandoned(rig, 'a', 5)
    const { call, failure } = resume(rig, request)
    call.refused('overloaded')
    call.reject(new SynodError('overloaded', 'no room'))
    expect(await failure).toMatchObject({ mayHaveExecuted: true, retryable: false, request })
  })

  test('is resumed only with its own command, and by one call at a time', async () => {
    const rig = new Rig()
    const request = await abandoned(rig, 'a', 5)
    expect(await resume(rig, request, 'b').failure).toMatchObject({ code: 'invalid-options' })
    resume(rig, request)
    expect(await resume(rig, request).failure).toMatchObject({
      code: 'outcome-unknown',
      mayHaveExecuted: true,
    })
  })

  test('cannot be resumed after its session has ended', async () => {
    const rig = new Rig()
    const request = await abandoned(rig, 'a', 5)
    const { call, failure } = resume(rig, request)
    call.refused('session-expired')
    call.reject(new SynodError('session-expired', 'gone'))
    expect(await failure).toMatchObject({
      code: 'session-expired',
      mayHaveExecuted: true,
      request: undefined,
    })
    rig.execute('b')
    await rig.opened(9)
    expect(await resume(rig, request).failure).toMatchObject({ code: 'outcome-unknown' })
  })

  test('gives up its place in a full window for later commands', async () => {
    const rig = new Rig()
    const request = await abandoned(rig, 'a', 5)
    for (let count = 1; count < SESSION_WINDOW; count++) rig.execute().resolve(new Uint8Array(0))
    rig.execute('one more')
    expect(rig.numbers().at(-1)).toEqual([5, SESSION_WINDOW + 1, SESSION_WINDOW])
    expect(await resume(rig, request).failure).toMatchObject({ code: 'outcome-unknown' })
  })

  test('of another session is not taken', async () => {
    const rig = new Rig()
    const call = rig.calls.start<Uint8Array>('command', {})
    expect(rig.session.resume(new PendingRequest(), Buffer.from('a'), call)).toBe(false)
    expect(call.over).toBe(false)
  })
})
