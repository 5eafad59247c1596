import { describe, expect, test } from 'vitest'
import { MAX_BATCHED_RESULT_BYTES } from '../../src/machine/contract.js'
import type { Applied } from '../../src/machine/outcome.js'
import type { ApplyContext, BatchedCommand } from '../../src/machine/machine.js'
import { Refusal } from '../../src/machine/refusal.js'
import { decodeRequest, encodeOpen, encodeRequest } from '../../src/machine/request.js'
import { Sessions } from '../../src/machine/sessions.js'
import { NO_OP, type Value } from '../../src/paxos/value.js'
import { keyOf } from './keys.js'
import { newExecutor } from './new-executor.js'

const KEY = keyOf(7)

/** A log of texts; those with an exclamation mark are refused. */
class Log {
  readonly texts: string[] = []

  apply(text: string, _: ApplyContext): string {
    if (text.startsWith('!')) throw new Error(`refused: ${text}`)
    if (text === 'large') return 'x'.repeat(MAX_BATCHED_RESULT_BYTES)
    this.texts.push(text)
    return `${this.texts.length} ${text}`
  }

  query(_: null): string[] {
    return this.texts
  }
}

class BatchedLog extends Log {
  readonly sizes: number[] = []

  applyBatch(batch: readonly BatchedCommand<string>[]): (string | Refusal)[] {
    this.sizes.push(batch.length)
    return batch.map(({ command, context }) =>
      command.startsWith('!') ? new Refusal(`refused: ${command}`) : this.apply(command, context),
    )
  }
}

function command(text: string, sequence: number, acknowledged = 0): Value {
  const request = { kind: 'command', timeMs: 1000 + sequence, session: KEY, opening: 1, version: 1 } as const
  return encodeRequest({
    ...request,
    sequence,
    acknowledged,
    command: text === '?' ? Buffer.from('{') : Buffer.from(JSON.stringify(text)),
  })
}

function run(machine: Log, values: readonly Value[], together: boolean) {
  const executor = newExecutor(machine)
  const applied: Applied[] = []
  executor.onApplied((one) => applied.push(one))
  executor.execute(1, encodeOpen(KEY))
  const executions = together
    ? executor.executeAll(2, values)
    : values.flatMap((value, index) => executor.execute(index + 2, value))
  return {
    outcomes: executions.map(
      ({ outcome: { result, status } }) => `${status} ${Buffer.from(result).toString()}`,
    ),
    applied: applied.map(({ outcome: { status }, position, timeMs }) => [position.slot, timeMs, status]),
    digest: executor.digest,
    executed: executor.executed,
    texts: machine.texts,
  }
}

describe('a state machine with applyBatch', () => {
  test('gets commands of consecutive slots together, and gives the same results', () => {
    const values = [
      command('a', 1),
      command('!b', 2),
      NO_OP,
      command('?', 3),
      // Sent twice: the second one is answered with the result of the first, in the same batch.
      command('c', 4),
      command('c', 4),
      command('d', 5, 2),
      // Acknowledged before it was executed, and so expired.
      command('b', 2),
      encodeOpen(keyOf(8)),
      command('e', 6),
      command('large', 7),
    ]
    const machine = new BatchedLog()
    const batched = run(machine, values, true)
    expect(batched).toEqual(run(new BatchedLog(), values, false))
    const apart = run(new Log(), values.slice(0, -1), false)
    expect(batched.outcomes.slice(0, -1)).toEqual(apart.outcomes)
    expect(batched.outcomes.filter((outcome) => outcome.startsWith('done "'))).toEqual([
      'done "1 a"',
      'done "2 c"',
      'done "2 c"',
      'done "3 d"',
      'done "4 e"',
    ])
    expect(batched.applied.map(([slot]) => slot)).toEqual([2, 3, 5, 6, 8, 11, 12])
    expect(machine.sizes).toEqual([4, 2])
  })

  test.each<[string, () => unknown]>([
    ['throws', () => expect.fail('in the middle')],
    ['returns too few results', () => []],
    ['returns a promise', () => Promise.resolve([])],
    ['returns a promise among the results', () => [Promise.reject(new Error('later'))]],
  ])('is refused if its applyBatch %s', (_, applyBatch) => {
    const executor = newExecutor({ apply: () => 1, query: () => 1, applyBatch: applyBatch as never })
    executor.execute(1, encodeOpen(KEY))
    expect(() => executor.execute(2, command('a', 1))).toThrow(
      expect.objectContaining({ code: 'invalid-machine' }),
    )
  })
})

test('a batch ends before its outcomes could end a session', () => {
  const sessions = new Sessions(10, 300_000)
  expect(sessions.hasCapacityFor(4)).toBe(true)
  expect(sessions.hasCapacityFor(5)).toBe(false)
  sessions.open(KEY)
  const request = {
    kind: 'command',
    timeMs: 0,
    session: KEY,
    opening: 1,
    acknowledged: 0,
    version: 1,
  } as const
  const pending = { status: 'done', result: new Uint8Array(0) } as const
  sessions.execute(decodeRequest(encodeRequest({ ...request, sequence: 1, command: NO_OP })), () => pending)
  expect(sessions.hasCapacityFor(4)).toBe(true)
  sessions.settle({ session: KEY, sequence: 1 }, pending, { status: 'done', result: new Uint8Array(20_000) })
  expect(sessions.hasCapacityFor(4)).toBe(false)
})
