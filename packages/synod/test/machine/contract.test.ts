import { describe, expect, test } from 'vitest'
import { MalformedError } from '../../src/bytes/reader.js'
import { MAX_ERROR_TEXT_BYTES, errorText } from '../../src/machine/contract.js'
import type { Executor } from '../../src/machine/executor.js'
import type { SnapshotPart } from '../../src/machine/snapshot-parts.js'
import type { AnyMachine } from '../../src/machine/machine.js'
import { byteOfStatus } from '../../src/machine/outcome.js'
import { encodeOpen, encodeRequest } from '../../src/machine/request.js'
import { keyOf } from './keys.js'
import { newExecutor } from './new-executor.js'

const OPENING = 1

/** An executor of a machine as JavaScript lets anyone write it, with one session. */
function executorOf(machine: object): Executor<AnyMachine> {
  const executor = newExecutor({ apply: () => 1, query: () => 1, ...machine })
  executor.execute(1, encodeOpen(keyOf(OPENING)))
  return executor
}

function run(executor: ReturnType<typeof executorOf>, sequence = 1, opening = OPENING) {
  const command = Buffer.from('"x"')
  const session = keyOf(opening)
  const request = {
    kind: 'command',
    timeMs: 0,
    session,
    opening,
    sequence,
    acknowledged: 0,
    version: 1,
    command,
  } as const
  return executor.execute(executor.executed + 1, encodeRequest(request))[0]?.outcome
}

const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString()
const returnsPromise = () => Promise.reject(new Error('nobody waits for this'))
const returnsThenable = () => ({ then: () => undefined })
const promise = expect.objectContaining({
  code: 'invalid-machine',
  message: expect.stringContaining('returned a promise'),
})

describe('a state machine that returns before it is done', () => {
  test.each<[string, () => unknown]>([
    ['a promise, which rejects', returnsPromise],
    ['the promise of an async function', async () => 1],
    ['a thenable that is no promise', returnsThenable],
  ])('is refused if apply returns %s', (_, apply) => {
    expect(() => run(executorOf({ apply }))).toThrow(promise)
  })

  test('is refused by every replica in the same slot, and the next version executes the command', () => {
    for (let replica = 0; replica < 3; replica++)
      expect(() => run(executorOf({ apply: returnsPromise }))).toThrow(promise)
    expect(run(executorOf({ apply: () => 5 }))).toMatchObject({ status: 'done' })
  })

  test.each([returnsPromise, returnsThenable])(
    'is refused if query returns a promise, and the state is not changed',
    (query) => {
      const executor = executorOf({ query })
      expect(() => executor.query(Buffer.from('1'))).toThrow(promise)
      expect(run(executor)?.status).toBe('done')
    },
  )

  test('is refused if snapshot returns a promise or an async iterable', () => {
    const restore = async () => undefined
    expect(() => executorOf({ snapshot: returnsPromise, restore }).snapshot()).toThrow(promise)
    async function* chunks() {
      yield Uint8Array.of(1)
    }
    expect(() => executorOf({ snapshot: chunks, restore }).snapshot()).toThrow(
      expect.objectContaining({
        code: 'invalid-machine',
        message: expect.stringContaining('must return an iterable of chunks, not an object'),
      }),
    )
  })

  test.each([['a string'], [Promise.resolve(1)], [undefined], [new Uint8Array(0)]])(
    'is refused if snapshot yields %o',
    (chunk) => {
      const executor = executorOf({ snapshot: () => [chunk], restore: async () => undefined })
      expect(() => [...executor.snapshot()!.parts]).toThrow(
        expect.objectContaining({
          code: 'invalid-machine',
          message: expect.stringMatching(/^a chunk of a /),
        }),
      )
    },
  )

  test('is refused if restore returns before it has read all chunks', async () => {
    const snapshot = () => [Uint8Array.of(1), Uint8Array.of(2)]
    const parts = [...executorOf({ snapshot, restore: async () => undefined }).snapshot()!.parts]
    async function* given(): AsyncGenerator<SnapshotPart, void, undefined> {
      yield* parts
    }
    const read: number[] = []
    const restore = (chunks: AsyncIterable<Uint8Array>) => {
      void (async () => {
        for await (const [byte = 0] of chunks) read.push(byte)
      })()
    }
    const restored = executorOf({ snapshot, restore }).restore(given())
    await expect(restored).rejects.toThrow(MalformedError)
    await expect(restored).rejects.toThrow('restore was over before it had read all chunks')
  })

  test.each<[string, Partial<AnyMachine['codecs']>, RegExp]>([
    [
      'result',
      { result: { encode: returnsPromise as never, decode: () => 1 } },
      /codecs\.result\.encode .* not a promise/,
    ],
    ['result', { result: { encode: () => 'text' as never, decode: () => 1 } }, /not 'text'/],
    [
      'command',
      { command: { encode: () => Buffer.alloc(1), decode: returnsPromise } },
      /codecs\.command\.decode .*promise/,
    ],
  ])('fails the command if the codec of %ss returns no value at once', (_, codecs, message) => {
    const outcome = run(executorOf({ codecs }))
    expect(outcome?.status).toBe('failed')
    expect(text(outcome?.result)).toMatch(message)
  })
})

describe('an error that a state machine throws', () => {
  test.each<[unknown, string]>([
    [new Error('refused'), 'refused'],
    ['text', 'text'],
    [{ message: 'like an error' }, 'like an error'],
    [null, 'null'],
    [undefined, 'undefined'],
    [7, '7'],
    [Symbol('s'), 'Symbol(s)'],
    [Object.create(null), 'an object'],
    [Object.assign(new Error('x'), { message: 5 }), 'an object of class Error'],
    ['x'.repeat(5000), 'x'.repeat(MAX_ERROR_TEXT_BYTES)],
    ['ä'.repeat(5000), 'ä'.repeat(MAX_ERROR_TEXT_BYTES / 2)],
    [`x${'ä'.repeat(5000)}`, `x${'ä'.repeat(MAX_ERROR_TEXT_BYTES / 2 - 1)}`],
  ])('fails its command with its own message, cut to the limit: case %#', (thrown, message) => {
    const apply = () => {
      throw thrown
    }
    const outcome = run(executorOf({ apply }))
    expect(outcome?.status).toBe('failed')
    expect(text(outcome?.result)).toBe(message)
    expect(errorText(new Error(message)), 'once cut, it stays as it is').toBe(message)
  })
})

test('an error whose message cannot be read has a default message', () => {
  const unreadable = {
    get message(): string {
      throw new Error('no')
    },
  }
  expect(errorText(unreadable)).toBe('something without a message')
})

describe('two versions with different error messages', () => {
  const SESSIONS = 70
  const versions = ['', 'x'.repeat(1 << 20)].map((reason) =>
    executorOf({
      apply: () => {
        throw new Error(reason)
      },
    }),
  )

  test('keep the same sessions and the same digest', () => {
    for (const executor of versions) {
      for (let opening = 2; opening <= SESSIONS + 1; opening++)
        executor.execute(executor.executed + 1, encodeOpen(keyOf(opening)))
      for (let opening = 2; opening <= SESSIONS + 1; opening++)
        expect(run(executor, 1, opening)?.status).toBe('failed')
    }
    const [one, other] = versions
    expect(one?.sessions).toBe(SESSIONS + 1)
    expect(other?.sessions).toBe(SESSIONS + 1)
    expect(other?.digest).toBe(one?.digest)
  })
})

describe('the digest', () => {
  test('is different for each status of an outcome, and for different results', () => {
    const statuses = ['done', 'failed', 'expired', 'ahead', 'refused', 'later'] as const
    expect(new Set(statuses.map((status) => byteOfStatus(status)[0])).size).toBe(statuses.length)
    const failing = executorOf({
      apply: () => {
        throw new Error('no')
      },
    })
    const done = executorOf({ apply: () => undefined })
    const zero = executorOf({ codecs: { result: { encode: () => Uint8Array.of(0), decode: () => 0 } } })
    for (const executor of [failing, done, zero]) run(executor)
    expect(new Set([failing.digest, done.digest, zero.digest]).size).toBe(3)
  })
})
