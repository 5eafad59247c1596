import { describe, expect, it } from 'vitest'
import type { DiskFile } from 'synod/internal/storage/disk.js'
import { Chance } from '../../src/chance.js'
import { LOSE_ALL, MemoryDisk } from '../../src/simulator/hardware/disk.js'

const PATH = '/data/file'

/** With a file whose name is durable. */
async function formatted(): Promise<{ disk: MemoryDisk; file: DiskFile; told: string[] }> {
  const disk = new MemoryDisk()
  const told: string[] = []
  disk.onSynced = (path, content) => told.push(`${path} ${content.toString()}`)
  await disk.makeDirectory('/data')
  const file = await disk.open(PATH, 'create')
  await disk.syncDirectory('/data')
  return { disk, file, told }
}

async function textOf(disk: MemoryDisk): Promise<string> {
  return (await disk.read(PATH)).toString()
}

describe('the observer of syncs', () => {
  it('gets the synced content, to the byte', async () => {
    const { disk, file, told } = await formatted()
    await file.write(Buffer.from('one'), 0)
    await file.sync()
    await file.write(Buffer.from('two'), 3)
    expect(told).toEqual([`${PATH} one`])
    await file.sync()
    expect(told).toEqual([`${PATH} one`, `${PATH} onetwo`])
    disk.crash(LOSE_ALL)
    expect(await textOf(disk)).toBe('onetwo')
  })

  it('gets no failed sync, whose bytes are still readable, and lost with a power failure', async () => {
    const { disk, file, told } = await formatted()
    await file.write(Buffer.from('old'), 0)
    await file.sync()
    await file.write(Buffer.from('new'), 0)
    disk.failNext('sync')
    await expect(file.sync()).rejects.toThrow('EIO')
    expect(told).toEqual([`${PATH} old`])
    await file.sync()
    expect([await textOf(disk), told.at(-1)]).toEqual(['new', `${PATH} old`])
    disk.crash(() => 0)
    expect(await textOf(disk)).toBe('old')
  })

  it('gets no bytes written while the sync was under way', async () => {
    const { disk, file, told } = await formatted()
    await file.write(Buffer.from('before'), 0)
    const hold = disk.holdSyncs()
    const syncing = file.sync()
    await hold.reached
    await file.write(Buffer.from('during'), 0)
    hold.release()
    await syncing
    expect(told).toEqual([`${PATH} before`])
  })

  it('gets no sync of a process that has ended', async () => {
    const { disk, file, told } = await formatted()
    await file.write(Buffer.from('text'), 0)
    const hold = disk.holdSyncs()
    const syncing = file.sync()
    await hold.reached
    disk.restart()
    hold.release()
    await expect(syncing).rejects.toThrow('EBADF')
    expect([told, await textOf(disk)]).toEqual([[], 'text'])
  })
})

it('a full disk takes bytes up to its limit, and no new file, until it has space again', async () => {
  const { disk, file } = await formatted()
  disk.fill(2)
  expect(await disk.free('/data')).toBe(2)
  await expect(file.write(Buffer.from('half'), 0)).rejects.toThrow('ENOSPC')
  expect([await textOf(disk), await disk.free('/data')]).toEqual(['ha', 0])
  await file.write(Buffer.from('HA'), 0)
  expect(await textOf(disk)).toBe('HA')
  await expect(disk.open('/data/other', 'create')).rejects.toThrow('ENOSPC')
  await file.truncate(1)
  expect(await disk.free('/data')).toBe(1)
  disk.clearFaults()
  await file.write(Buffer.from('half'), 0)
  expect(await textOf(disk)).toBe('half')
})

it('a flipped bit is read as flipped, synced or not', async () => {
  const { disk, file } = await formatted()
  await file.write(Buffer.from('a'), 0)
  disk.flip(PATH, 0, 1)
  expect(await textOf(disk)).toBe('c')
  await file.sync()
  disk.flip(PATH, 0, 1)
  disk.crash(LOSE_ALL)
  expect(await textOf(disk)).toBe('a')
})

it('a process that dies while it writes changes the disk the planned number of times', async () => {
  const { disk, file } = await formatted()
  disk.dieAfter(2)
  await file.write(Buffer.from('a'), 0)
  await file.write(Buffer.from('b'), 1)
  await expect(file.write(Buffer.from('c'), 2)).rejects.toThrow('EIO')
  await expect(disk.remove(PATH)).rejects.toThrow('EIO')
  disk.restart()
  expect(await textOf(disk)).toBe('ab')
  await expect(file.write(Buffer.from('c'), 2), 'a file of the process before').rejects.toThrow('EBADF')
})

describe('the names in two directories', () => {
  async function moved() {
    const { disk } = await formatted()
    await disk.makeDirectory('/other')
    await (await disk.open('/other/moved', 'create')).close()
    await disk.rename(PATH, '/other/moved')
    return disk
  }
  const left = async (disk: MemoryDisk) =>
    [...(await disk.list('/data')), '|', ...(await disk.list('/other'))].join(' ')

  it('change together or not at all in a power failure', async () => {
    const seen = new Set<string>()
    for (let seed = 1; seed <= 50; seed++) {
      const disk = await moved()
      const chance = new Chance(seed)
      disk.crash(() => chance.next())
      seen.add(await left(disk))
    }
    expect(seen).toEqual(new Set(['file |', 'file | moved', '| moved']))
  })

  it.each(['/data', '/other'])('are those after the change once %s was synced', async (path) => {
    for (let seed = 1; seed <= 50; seed++) {
      const disk = await moved()
      const file = await disk.open('/other/moved', 'existing')
      await file.write(Buffer.from('text'), 0)
      await file.sync()
      await disk.syncDirectory(path)
      const chance = new Chance(seed)
      disk.crash(() => chance.next())
      expect([await left(disk), (await disk.read('/other/moved')).toString()]).toEqual(['| moved', 'text'])
    }
  })
})

it('a replaced file is empty, and has its old content after a power failure before the sync', async () => {
  const { disk, file } = await formatted()
  await file.write(Buffer.from('old'), 0)
  await file.sync()
  await disk.open(PATH, 'replace')
  expect(await textOf(disk)).toBe('')
  disk.crash(() => 0)
  expect(await textOf(disk)).toBe('old')
})

it('the lock of an ended process blocks no other, and cannot release the next lock', async () => {
  const { disk } = await formatted()
  const release = await disk.lock('/data')
  disk.restart()
  expect(await disk.list('/data')).toEqual(['file', 'lock'])
  const next = await disk.lock('/data')
  await release()
  await expect(disk.lock('/data')).rejects.toMatchObject({ code: 'directory-in-use' })
  await next()
  expect(await disk.list('/data')).toEqual(['file'])
})

describe('the names in a directory', () => {
  /** What is left of a rename after power failures with these seeds. */
  async function afterRename(sync: boolean): Promise<Set<string>> {
    const left = new Set<string>()
    for (let seed = 1; seed <= 50; seed++) {
      const { disk } = await formatted()
      await disk.rename(PATH, '/data/new')
      if (sync) await disk.syncDirectory('/data')
      const chance = new Chance(seed)
      disk.crash(() => chance.next())
      left.add((await disk.list('/data')).join())
    }
    return left
  }

  it('are those before or after a change that was not synced', async () => {
    expect(await afterRename(false)).toEqual(new Set(['file', 'new']))
  })

  it('are those after a change that was synced', async () => {
    expect(await afterRename(true)).toEqual(new Set(['new']))
  })

  it('are unchanged when only the process ends', async () => {
    const { disk } = await formatted()
    await disk.rename(PATH, '/data/new')
    disk.restart()
    expect(await disk.list('/data')).toEqual(['new'])
  })
})
