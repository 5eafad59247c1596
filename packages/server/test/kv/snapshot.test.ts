import fc from 'fast-check'
import { expect, test } from 'vitest'
import { KvMachine } from '../../src/kv/machine.js'
import type { KvCommand } from '../../src/kv/operations.js'
import { commands, fewKeys } from './arbitraries.js'

async function* given(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  yield* chunks
}

function contents(machine: KvMachine): unknown {
  return machine.query({ type: 'range', prefix: '', after: '', limit: 1000, keysOnly: false })
}

function used(steps: readonly KvCommand[]): KvMachine {
  const machine = new KvMachine()
  for (const step of steps) machine.apply(step)
  return machine
}

test('PITFALL 22: a snapshot replaces the whole state, and contains no later change', async () => {
  const some = fc.array(commands(fewKeys), { maxLength: 40 })
  await fc.assert(
    fc.asyncProperty(some, some, some, async (before, after, elsewhere) => {
      const machine = used(before)
      const then = contents(machine)
      const chunks = machine.snapshot()
      for (const step of after) machine.apply(step)
      const other = used(elsewhere)
      await other.restore(given(chunks))
      expect(contents(other)).toEqual(then)
      // And it goes on from there like one that came to this state by itself.
      const same = used(before)
      for (const step of after) expect(other.apply(step)).toEqual(same.apply(step))
      expect(contents(other)).toEqual(contents(machine))
    }),
    { numRuns: 200 },
  )
})

test('many keys go into chunks of about 64 KiB, and a large value into a chunk of its own', async () => {
  const machine = new KvMachine()
  const count = 5000
  for (let i = 0; i < count; i++)
    machine.apply({ type: 'put', key: `key/${i}`, value: Buffer.from(`ü${i}`.repeat(5)) })
  machine.apply({ type: 'put', key: 'large', value: Buffer.alloc(1_000_000, 0xff) })
  const chunks = [...machine.snapshot()]
  expect(chunks.length).toBeGreaterThan(3)
  expect(chunks.map(({ length }) => length).filter((length) => length > 70_000)).toHaveLength(1)
  const other = new KvMachine()
  await other.restore(given(chunks))
  expect(Buffer.concat([...other.snapshot()]).equals(Buffer.concat(chunks))).toBe(true)
})

test('bytes that are no snapshot of this store are refused', async () => {
  const [chunk] = [...used([{ type: 'put', key: 'b', value: Buffer.from('1') }]).snapshot()]
  const restore = (...chunks: Uint8Array[]) => new KvMachine().restore(given(chunks))
  await expect(restore(chunk!.subarray(0, -1))).rejects.toThrow('the data ends too early')
  await expect(restore(chunk!, chunk!)).rejects.toThrow('keys out of order')
  await expect(restore(Buffer.from([0, 0, 0, 0, 0, 0]))).rejects.toThrow('an empty key')
  await restore(chunk!)
})
