import { describe, expect, test } from 'vitest'
import {
  BATCH_FORMAT,
  MAX_BATCH_BYTES,
  encodeBatch,
  isBatch,
  requestsIn,
  unpackBatch,
} from '../../src/machine/batch.js'
import {
  MAX_TIME_MS,
  type Request,
  decodeRequest,
  encodeChangeRequest,
  encodeOpen,
  encodeRequest,
  stampValue,
} from '../../src/machine/request.js'
import { NO_OP, type Value } from '../../src/paxos/value.js'
import { slotsOf, valueOf } from '../../src/replica/packing.js'
import { keyOf } from './keys.js'

function command(text: string, sequence = 1): Value {
  return encodeRequest({
    ...{ kind: 'command', timeMs: 0, session: keyOf(7), opening: 3, sequence, acknowledged: 0, version: 1 },
    command: Buffer.from(text),
  })
}

/** As a batch takes them. */
const batchOf = (values: readonly Value[], timeMs: number) =>
  encodeBatch(
    values.map((value) => ({ value })),
    timeMs,
  )

const plain = (request: Request) => ({
  ...request,
  session: request.session,
  command: Buffer.from(request.command).toString(),
})

describe('a batch', () => {
  test('holds its requests in order, each with the stamp of the batch', () => {
    const requests = [command('a'), encodeOpen(keyOf(8)), command('', 2), command('x'.repeat(300), 3)]
    const batch = batchOf(requests, 42)
    expect(isBatch(batch)).toBe(true)
    const wanted = requests.map((each) => ({ ...plain(decodeRequest(each)), timeMs: 42 }))
    expect(requestsIn(batch).map(plain)).toEqual(wanted)
  })

  test('is unpacked into the requests that it was made of', () => {
    const requests = [command('a'), encodeOpen(keyOf(8)), command('b', 2)]
    expect(unpackBatch(batchOf(requests, 42)).map(({ value }) => Buffer.from(value))).toEqual(
      requests.map((each) => Buffer.from(each)),
    )
  })

  test('is stamped anew by the server that proposes it, as a copy', () => {
    const batch = batchOf([command('a'), command('b', 2)], 0)
    const stamped = stampValue(batch, 99)
    expect(requestsIn(stamped).map(({ timeMs }) => timeMs)).toEqual([99, 99])
    expect(requestsIn(batch).map(({ timeMs }) => timeMs)).toEqual([0, 0])
  })

  test('that is cut short holds nothing, unless it is cut between two requests', () => {
    const requests = [command('a'), command('bc', 2)]
    const batch = Buffer.from(batchOf(requests, 1))
    const whole = batchOf(requests.slice(0, 1), 1).length
    for (let size = 0; size < batch.length; size++)
      expect(requestsIn(batch.subarray(0, size)), `${size} bytes`).toHaveLength(size === whole ? 1 : 0)
  })

  test('with a size that leads out of it holds nothing', () => {
    const batch = Buffer.from(batchOf([command('a')], 1))
    for (const size of [0, 1, 20, 0x7f]) {
      batch[9] = size
      expect(requestsIn(batch), `a request of ${size} bytes`).toEqual([])
    }
  })

  test.each([-1, 0.5, NaN, Infinity, MAX_TIME_MS + 1])('with a stamp of %d holds nothing', (timeMs) => {
    expect(requestsIn(batchOf([command('a')], timeMs))).toEqual([])
  })

  test('holds nothing before the members have agreed on batches', () => {
    const batch = batchOf([command('a')], 1)
    expect(
      [BATCH_FORMAT - 1, BATCH_FORMAT, BATCH_FORMAT + 1].map((format) => requestsIn(batch, format).length),
    ).toEqual([0, 1, 1])
  })

  test('with a change of the membership holds nothing: a change stands alone', () => {
    expect(requestsIn(batchOf([command('a'), encodeChangeRequest(keyOf(1), NO_OP)], 1))).toEqual([])
  })
})

describe('the requests of a value', () => {
  test('are none for a no-op, and for what is no request', () => {
    for (const value of [NO_OP, Buffer.from('nonsense'), Buffer.from([9])])
      expect(requestsIn(value)).toEqual([])
  })

  test('are one where the value is a request, as in older logs', () => {
    expect(requestsIn(stampValue(command('a'), 7)).map(plain)).toEqual([
      { ...plain(decodeRequest(command('a'))), timeMs: 7 },
    ])
  })
})

describe('packing', () => {
  const packed = (values: readonly Value[], format: number) =>
    slotsOf(
      values.map((value) => ({ value })),
      format,
    ).map((ofSlot) => {
      const value = valueOf(ofSlot, 5, format)
      return requestsIn(value).map(({ command: bytes, kind, timeMs }) => {
        expect(timeMs).toBe(5)
        return kind === 'command' ? Buffer.from(bytes).toString() : kind
      })
    })

  test('puts the requests of a turn into one slot, in order', () => {
    expect(packed([command('a'), encodeOpen(keyOf(8)), command('b', 2)], BATCH_FORMAT)).toEqual([
      ['a', 'open', 'b'],
    ])
  })

  test('leaves a change of the membership alone, and keeps the order around it', () => {
    const change = encodeChangeRequest(keyOf(1), Buffer.from('?'))
    expect(packed([command('a'), change, command('b', 2), command('c', 3)], BATCH_FORMAT)).toEqual([
      ['a'],
      ['change'],
      ['b', 'c'],
    ])
  })

  test('begins another slot where a batch is full', () => {
    const half = 'h'.repeat(MAX_BATCH_BYTES / 2)
    const slots = packed([command(half), command('b', 2), command(half, 3), command('d', 4)], BATCH_FORMAT)
    expect(slots.map((texts) => texts.map(({ length }) => length))).toEqual([
      [half.length, 1],
      [half.length, 1],
    ])
  })

  test('gives a request that is larger than a batch a slot of its own', () => {
    const large = 'l'.repeat(MAX_BATCH_BYTES + 1)
    const slots = packed([command('a'), command(large, 2), command('c', 3)], BATCH_FORMAT)
    expect(slots.map((texts) => texts.length)).toEqual([1, 1, 1])
  })

  test('gives each request a slot before the members have agreed on batches', () => {
    const values = [command('a'), command('b', 2)]
    expect(packed(values, BATCH_FORMAT - 1)).toEqual([['a'], ['b']])
    const [slot] = slotsOf([{ value: values[0]! }], BATCH_FORMAT - 1)
    expect(isBatch(valueOf(slot!, 5, BATCH_FORMAT - 1))).toBe(false)
  })
})
