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
