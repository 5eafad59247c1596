import { describe, expect, test } from 'vitest'
import { Reader } from '../../src/bytes/reader.js'
import { type Request, encodeOpen, encodeRequest } from '../../src/machine/request.js'
import { NO_OP, type Value } from '../../src/paxos/value.js'
import { Notes } from '../replica/notes.js'
import { keyOf } from './keys.js'
import { newExecutor } from './new-executor.js'

const KEY = keyOf(7)

/** A state machine, and a session with it. */
class Rig {
  readonly machine = new Notes()
  readonly executor = newExecutor(this.machine)
  readonly opening: number

  constructor() {
    const [execution] = this.executor.execute(1, encodeOpen(KEY))
    this.opening = new Reader(execution!.outcome.result).varint()
  }

  next(value: Value) {
    return this.executor.execute(this.executor.executed + 1, value)[0]
  }

  value(text: string, sequence: number, more: Partial<Request> = {}): Value {
    const command = Buffer.from(JSON.stringify(text))
    return encodeRequest({
      kind: 'command',
      timeMs: 1000,
      session: KEY,
      opening: this.opening,
      sequence,
      acknowledged: 0,
      version: 1,
      command,
      ...more,
    })
  }
}

describe('an executor', () => {
  test('opens a session, and numbers it by its opening', () => {
    const { executor, opening } = new Rig()
    expect(opening).toBe(1)
    expect(executor.sessions).toBe(1)
    const [other] = executor.execute(2, encodeOpen(keyOf(8)))
    expect(other?.request).toMatchObject({ session: keyOf(8), sequence: 0 })
    expect(new Reader(other!.outcome.result).varint()).toBe(2)
  })

  test('executes commands and returns the outcome of each request', () => {
    const rig = new Rig()
    const execution = rig.next(rig.value('a', 1))
    expect(execution?.request).toMatchObject({ session: KEY, sequence: 1 })
    expect(execution?.outcome.status).toBe('done')
    expect(Buffer.from(execution!.outcome.result).toString()).toBe('1')
    expect(rig.machine.notes).toEqual([{ position: { slot: 2, index: 0 }, timeMs: 1000, text: 'a' }])
  })

  test('takes slots in order only', () => {
    const rig = new Rig()
    expect(() => rig.executor.execute(3, NO_OP)).toThrow(RangeError)
    expect(() => rig.executor.execute(1, NO_OP)).toThrow(RangeError)
    expect(rig.executor.executed).toBe(1)
  })

  test('moves the watermark at a no-op, and changes nothing else', () => {
    const rig = new Rig()
    expect(rig.next(NO_OP)).toBeUndefined()
    expect(rig.executor.executed).toBe(2)
    expect(rig.machine.notes).toEqual([])
  })

  test('returns an error of the machine as the outcome, and goes on', () => {
    const rig = new Rig()
    const failed = rig.next(rig.value('!no', 1))
    expect(failed?.outcome.status).toBe('failed')
    expect(Buffer.from(failed!.outcome.result).toString()).toBe('refused: !no')
    expect(rig.next(rig.value('yes', 2))?.outcome.status).toBe('done')
  })

  test('fails a command that cannot be decoded', () => {
    const rig = new Rig()
    const command = Buffer.from('{not json')
    expect(rig.next(rig.value('', 1, { command }))?.outcome.status).toBe('failed')
  })

  test('takes the time from the requests, and never moves it back', () => {
    const rig = new Rig()
    for (const [index, timeMs] of [2000, 1500, 2500].entries())
      rig.next(rig.value(`${timeMs}`, index + 1, { timeMs }))
    expect(rig.machine.notes.map((note) => note.timeMs)).toEqual([2000, 2000, 2500])
  })

  test('ignores a value that is no request, on all replicas alike', () => {
    const [a, b] = [new Rig(), new Rig()]
    for (const rig of [a, b]) {
      expect(rig.next(Buffer.from('nonsense'))).toBeUndefined()
      expect(rig.next(Buffer.from([2]))).toBeUndefined()
      rig.next(rig.value('a', 1))
    }
    expect(a.executor.executed).toBe(4)
    expect(a.executor.digest).toBe(b.executor.digest)
    expect(a.machine.texts).toEqual(['a'])
  })

  test('answers queries, and throws the errors of the machine', () => {
    const rig = new Rig()
    rig.next(rig.value('a', 1))
    expect(JSON.parse(Buffer.from(rig.executor.query(Buffer.from('0'))).toString())).toEqual(['a'])
    expect(() => rig.executor.query(Buffer.from('-1'))).toThrow('no notes before the first')
  })
})

describe('the digest', () => {
  function digest(...values: Value[]): number {
    const executor = newExecutor(new Notes())
    for (const [index, value] of values.entries()) executor.execute(index + 1, value)
    return executor.digest
  }
  const [a, b] = [encodeOpen(keyOf(1)), encodeOpen(keyOf(2))]

  test('is the same for the same values', () => {
    expect(digest(a, b)).toBe(digest(a, b))
  })

  test('differs if values are reordered, changed or missing', () => {
    const all = [digest(a, b), digest(b, a), digest(a), digest(a, a), digest(a, b, a)]
    expect(new Set(all).size).toBe(all.length)
  })

  test('continues over a no-op', () => {
    expect(digest(a, NO_OP)).not.toBe(digest(b, NO_OP))
    expect(digest(a, NO_OP)).not.toBe(digest(NO_OP))
  })
})
