import { expect, test } from 'vitest'
import { Reserve } from '../../src/storage/reserve.js'
import { MemoryDisk } from '../../../testing/src/simulator/hardware/disk.js'

const WANTED_BYTES = 8 << 20

test('close waits for what is being written, and nothing is written after it', async () => {
  const disk = new MemoryDisk()
  await disk.makeDirectory('/data')
  const reserve = new Reserve(disk, '/data', 'space', () => WANTED_BYTES)
  const held = disk.holdSyncs()
  const filling = reserve.refill()
  await held.reached
  let isClosed = false
  const closing = reserve.close().then(() => (isClosed = true))
  await Promise.resolve()
  expect(isClosed).toBe(false)
  held.release()
  await closing
  const sizeBytes = await disk.size('/data/space')
  await filling
  await reserve.refill()
  expect(await disk.size('/data/space')).toBe(sizeBytes)
  expect(sizeBytes).toBeLessThan(WANTED_BYTES)
})
