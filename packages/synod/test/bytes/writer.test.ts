import { expect, test } from 'vitest'
import { Writer } from '../../src/bytes/writer.js'

test.each([10, 256, 257, 5000])(
  '%i bytes that were taken from a writer are not overwritten later',
  (size) => {
    const writer = new Writer()
    writer.raw(new Uint8Array(size).fill(1))
    const taken = writer.take()
    writer.raw(new Uint8Array(size).fill(2))
    expect([...taken]).toEqual(new Array(size).fill(1))
    expect([...writer.take()]).toEqual(new Array(size).fill(2))
  },
)

test('a writer frees the memory of one large message', () => {
  const writer = new Writer()
  writer.raw(new Uint8Array(4_000_000))
  writer.take()
  writer.u8(1)
  writer.take()
  writer.u8(1)
  expect(writer.view().buffer.byteLength).toBeLessThan(100_000)
})

test('a writer that is reset goes on in the same buffer, unless that has grown too large', () => {
  const writer = new Writer()
  // More than Node cuts from a buffer that it shares out.
  writer.raw(new Uint8Array(500_000).fill(1))
  const { buffer } = writer.view()
  writer.reset(1_000_000)
  writer.u8(2)
  expect([...writer.view()]).toEqual([2])
  expect(writer.view().buffer).toBe(buffer)
  writer.reset(499_999)
  writer.u8(3)
  expect(writer.view().buffer).not.toBe(buffer)
})
