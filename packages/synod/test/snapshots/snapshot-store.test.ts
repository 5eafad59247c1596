import { beforeEach, describe, expect, test } from 'vitest'
import { LOSE_ALL, MemoryDisk } from '../../../testing/src/simulator/hardware/disk.js'
import type { SnapshotOwner, SnapshotFilePart } from '../../src/snapshots/format.js'
import { SnapshotStore, snapshotName } from '../../src/snapshots/snapshot-store.js'

const DIRECTORY = '/data'

let disk: MemoryDisk
beforeEach(async () => {
  disk = new MemoryDisk()
  await disk.makeDirectory(DIRECTORY)
  await disk.syncDirectory(DIRECTORY)
})

const OWNER: SnapshotOwner = {
  cluster: 'test',
  clusterId: 'ab'.repeat(16),
  parameters: { mode: 'leader', quorums: null, leaseMs: 0, window: 8192 },
}

const open = (owner: Partial<SnapshotOwner> = {}) =>
  SnapshotStore.open(disk, DIRECTORY, { ...OWNER, ...owner })

function parts(...texts: string[]): SnapshotFilePart[] {
  return [
    { kind: 'meta', bytes: Buffer.from('meta') },
    ...texts.map((text): SnapshotFilePart => ({ kind: 'state', bytes: Buffer.from(text) })),
  ]
}

async function read(store: SnapshotStore): Promise<string[]> {
  const texts: string[] = []
  for await (const { bytes, kind } of store.parts()) texts.push(`${kind} ${Buffer.from(bytes).toString()}`)
  return texts
}

describe('a snapshot', () => {
  test('is read as it was written, also after a power failure', async () => {
    const store = await open()
    expect(store.newest).toBeUndefined()
    const stored = await store.write(7, parts('a', 'b'))
    disk.crash(LOSE_ALL)
    const again = await open()
    expect(again.newest).toEqual(stored)
    expect(stored.slot).toBe(7)
    expect(await read(again)).toEqual(['meta meta', 'state a', 'state b'])
  })

  test.each([
    [
      'the power fails',
      () => {
        disk.crash(LOSE_ALL)
      },
    ],
    [
      'the process is killed',
      () => {
        disk.restart()
      },
    ],
  ])('replaces the one before, whenever %s', async (_, end) => {
    await (await open()).write(7, parts('old'))
    for (let changes = 0; ; changes++) {
      const store = await open()
      disk.dieAfter(changes)
      const isWritten = await store.write(9, parts('new')).then(
        () => true,
        () => false,
      )
      end()
      const found = await open()
      const isNew = found.newest?.slot === 9
      expect(await read(found)).toEqual(['meta meta', isNew ? 'state new' : 'state old'])
      if (isWritten) expect(isNew).toBe(true)
      if (isNew) break
      expect(changes).toBeLessThan(20)
    }
    expect(await disk.list(DIRECTORY)).toContain(snapshotName(9))
  })

  test('of many parts is written a little at a time, and large parts are read intact', async () => {
    const store = await open()
    const many = Array.from({ length: 500 }, (_, index) => `${index} `.repeat(100))
    let rests = 0
    await store.write(1, parts(...many, 'x'.repeat(2 << 20)), async () => {
      rests++
    })
    expect(rests).toBeGreaterThan(2)
    const found = await read(await open())
    expect(found.length).toBe(502)
    expect(found[3]).toBe(`state ${'2 '.repeat(100)}`)
  })

  test('that cannot be written leaves no file, and frees its space', async () => {
    const store = await open()
    disk.fill()
    await expect(store.write(7, parts('a'))).rejects.toThrow('ENOSPC')
    disk.clearFaults()
    disk.failNext('sync')
    await expect(store.write(7, parts('a'))).rejects.toThrow('EIO')
    await expect(store.write(7, [{ kind: 'state', bytes: Buffer.alloc(0) }])).rejects.toThrow('not 0')
    expect(await disk.list(DIRECTORY)).toEqual(['snapshot.new'])
    expect(store.newest).toBeUndefined()
  })

  test('that was half written is removed at the next start', async () => {
    disk.put(`${DIRECTORY}/snapshot.new`, Buffer.from('SYNO'))
    disk.put(`${DIRECTORY}/snapshot.arriving`, Buffer.from('SYNO'))
    expect((await open()).newest).toBeUndefined()
    expect(await disk.list(DIRECTORY)).toEqual(['snapshot.new'])
  })

  test.each<[string, Partial<SnapshotOwner>, RegExp]>([
    ['name', { cluster: 'another' }, /cluster 'test' \((ab){16}\), not to 'another' \((ab){16}\)/],
    ['id', { clusterId: 'cd'.repeat(16) }, /cluster 'test' \((ab){16}\), not to 'test' \((cd){16}\)/],
    [
      'window',
      { parameters: { ...OWNER.parameters, window: 9 } },
      /of 8192 slots, not with a window of 9 slots/,
    ],
  ])('PITFALL 26: of a cluster of another %s is ignored', async (_what, owner, reason) => {
    await (await open()).write(7, parts('a'))
    const store = await open(owner)
    expect(store.newest).toBeUndefined()
    expect(store.damaged[0]?.reason).toMatch(reason)
  })
})

test('any changed or missing byte of a snapshot is detected', async () => {
  const store = await open()
  await store.write(7, parts('abc', 'def'))
  const path = `${DIRECTORY}/${snapshotName(7)}`
  const whole = await disk.read(path)
  for (let at = 0; at < whole.length; at++) {
    const flipped = Buffer.from(whole)
    flipped[at]! ^= 0x10
    disk.put(path, flipped)
    const { damaged, newest } = await open()
    expect([newest, damaged.length], `byte ${at}`).toEqual([undefined, 1])
    disk.put(path, whole.subarray(0, at))
    expect((await open()).newest, `cut at ${at}`).toBeUndefined()
  }
  disk.put(path, Buffer.concat([whole, Buffer.from([0])]))
  expect((await open()).damaged[0]?.reason).toBe('something follows its end')
  disk.put(`${DIRECTORY}/${snapshotName(8)}`, whole)
  expect((await open()).damaged[0]?.reason).toBe('it is of slot 7, not of slot 8')
})

describe('a snapshot from a peer', () => {
  test('is the newest once it is complete and checked', async () => {
    const store = await open()
    await store.write(7, parts('abc'))
    const bytes = await store.read(0, 1000)
    const target = new MemoryDisk()
    await target.makeDirectory(DIRECTORY)
    const other = await SnapshotStore.open(target, DIRECTORY, OWNER)
    const arriving = await other.receive(7, bytes.length)
    await arriving.take(bytes.subarray(0, 20))
    expect([arriving.arrivedBytes, arriving.isComplete]).toEqual([20, false])
    await arriving.take(bytes.subarray(20))
    expect(await arriving.finish()).toEqual(store.newest)
    expect(await read(other)).toEqual(['meta meta', 'state abc'])
  })

  test('is not replaced by an older one that is finished later', async () => {
    const source = await open()
    await source.write(9, parts('newer'))
    const bytes = await source.read(0, 1000)
    await disk.remove(`${DIRECTORY}/${snapshotName(9)}`)
    const store = await open()
    const arriving = await store.receive(9, bytes.length)
    await arriving.take(bytes)
    const both = await Promise.all([arriving.finish(), store.write(8, parts('old'))])
    expect(store.newest?.slot).toBe(9)
    expect(both.map(({ slot }) => slot)).toContain(9)
    expect(await read(store)).toEqual(['meta meta', 'state newer'])
    expect(await disk.list(DIRECTORY)).toEqual([snapshotName(9)])
  })

  test('is refused if it is incomplete', async () => {
    const store = await open()
    await store.write(7, parts('abc'))
    const bytes = await store.read(0, 1000)
    bytes[bytes.length - 20]! ^= 1
    const arriving = await store.receive(9, bytes.length)
    await expect(arriving.take(Buffer.concat([bytes, bytes]))).rejects.toThrow('more than')
    await arriving.take(bytes)
    await expect(arriving.finish()).rejects.toThrow('it is of slot 7, not of slot 9')
    expect(store.newest?.slot).toBe(7)
  })
})
