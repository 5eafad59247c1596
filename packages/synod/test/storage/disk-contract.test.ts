import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Disk, DiskFile, OpenMode } from '../../src/storage/disk.js'
import { nodeDisk } from '../../src/storage/node-disk.js'
import { Descriptors } from '../../../testing/src/simulator/hardware/descriptors.js'
import { MemoryDisk } from '../../../testing/src/simulator/hardware/disk.js'
import { Process } from '../../../testing/src/simulator/hardware/process.js'
import { Rig } from '../../../testing/test/simulator/rig.js'

/*
 * The promises of the interface, checked on the real disk and on its doubles. Where
 * they differ, Linux is right.
 */

interface Bench {
  readonly disk: Disk
  /** A directory that is there, and empty. */
  readonly directory: string
  /** A file that is open on a disk without room. */
  readonly fullFile: () => Promise<DiskFile>
  readonly end: () => Promise<void>
}

async function realBench(): Promise<Bench> {
  const directory = await mkdtemp(join(tmpdir(), 'synod-disk-'))
  return {
    disk: nodeDisk,
    directory,
    fullFile: () => nodeDisk.open('/dev/full', 'existing'),
    end: () => rm(directory, { recursive: true }),
  }
}

async function simulatedBench(around: (disk: MemoryDisk) => Disk): Promise<Bench> {
  const memory = new MemoryDisk()
  const disk = around(memory)
  await disk.makeDirectory('/data')
  return {
    disk,
    directory: '/data',
    async fullFile() {
      const file = await disk.open('/data/full', 'create')
      memory.fill()
      return file
    },
    end: async () => undefined,
  }
}

/** As a simulated replica has it. */
function withinProcess(disk: MemoryDisk): Disk {
  const { clock, network } = new Rig()
  const process = new Process({ clock, network: network.host('a'), disk })
  return new Descriptors(1000).disk(process.disk!)
}

const makers: [string, () => Promise<Bench>][] = [
  ['the real disk', realBench],
  ['the simulated disk', () => simulatedBench((disk) => disk)],
  ['the simulated disk of a process', () => simulatedBench(withinProcess)],
]

describe.each(makers)('%s', (name, make) => {
  let bench: Bench
  let disk: Disk
  beforeEach(async () => {
    bench = await make()
    disk = bench.disk
  })
  afterEach(() => bench.end())

  const at = (...names: string[]) => join(bench.directory, ...names)
  const textOf = async (...names: string[]) => (await disk.read(at(...names))).toString()

  /** A file with this in it, that is open. */
  async function opened(fileName: string, text: string, mode: OpenMode = 'create'): Promise<DiskFile> {
    const file = await disk.open(at(fileName), mode)
    await file.write(Buffer.from(text), 0)
    return file
  }

  async function made(fileName: string, text = ''): Promise<void> {
    await (await opened(fileName, text)).close()
  }

  describe('open', () => {
    it('with `create` makes a file that does not exist', async () => {
      await made('file', 'text')
      await expect(disk.open(at('file'), 'create')).rejects.toMatchObject({ code: 'EEXIST' })
      expect(await textOf('file')).toBe('text')
    })

    it('with `replace` makes an empty file in place of any other', async () => {
      await (await disk.open(at('file'), 'replace')).close()
      const before = await opened('file', 'before', 'existing')
      const after = await disk.open(at('file'), 'replace')
      expect(await textOf('file')).toBe('')
      await before.write(Buffer.from('x'), 2)
      expect(await textOf('file'), 'it is the same file').toBe('\0\0x')
      await after.close()
      await before.close()
    })

    it('with `existing` opens a file unchanged', async () => {
      await expect(disk.open(at('file'), 'existing')).rejects.toMatchObject({ code: 'ENOENT' })
      expect(await disk.list(bench.directory)).toEqual([])
      await made('file', 'text')
      const file = await disk.open(at('file'), 'existing')
      await file.write(Buffer.from('T'), 0)
      await file.close()
      expect(await textOf('file')).toBe('Text')
    })

    it('refuses a directory', async () => {
      await disk.makeDirectory(at('d'))
      const codes: Record<OpenMode, string> = { create: 'EEXIST', existing: 'EISDIR', replace: 'EISDIR' }
      for (const mode of ['create', 'existing', 'replace'] as const)
        await expect(disk.open(at('d'), mode)).rejects.toMatchObject({ code: codes[mode] })
    })

    it.each<OpenMode>(['create', 'existing', 'replace'])(
      'with `%s` fails in a directory that does not exist',
      async (mode) => {
        await made('file')
        await expect(disk.open(at('none', 'file'), mode)).rejects.toMatchObject({ code: 'ENOENT' })
        await expect(disk.open(at('file', 'file'), mode)).rejects.toMatchObject({ code: 'ENOTDIR' })
      },
    )
  })

  describe('writeDurably', () => {
    it('replaces bytes and extends the file, as write does', async () => {
      const file = await opened('file', 'abcdef')
      await file.writeDurably(Buffer.from('XY'), 2)
      await file.writeDurably(Buffer.from('gh'), 7)
      await file.write(Buffer.from('Z'), 0)
      await file.close()
      expect(await textOf('file')).toBe('ZbXYef\0gh')
    })

    it('finds the file under another name', async () => {
      const file = await opened('file', 'abc')
      await disk.rename(at('file'), at('other'))
      await made('file', 'another')
      await file.writeDurably(Buffer.from('x'), 1)
      await file.close()
      expect([await textOf('other'), await textOf('file')]).toEqual(['axc', 'another'])
    })

    it('is refused where there is no space, and once the file is closed', async () => {
      const file = await bench.fullFile()
      await expect(file.writeDurably(Buffer.alloc(1 << 20), 0)).rejects.toMatchObject({ code: 'ENOSPC' })
      await file.close()
      await expect(file.writeDurably(Buffer.from('x'), 0)).rejects.toMatchObject({ code: 'EBADF' })
    })
  })

  describe('write', () => {
    it('at any offset replaces existing bytes', async () => {
      const file = await opened('file', 'abcdef')
      await file.write(Buffer.from('XY'), 2)
      await file.sync()
      await file.close()
      expect(await textOf('file')).toBe('abXYef')
    })

    it('beyond the end fills the gap with zeros', async () => {
      const file = await opened('file', 'ab')
      await file.write(Buffer.from('c'), 1000)
      await file.close()
      expect(await textOf('file')).toBe(`ab${'\0'.repeat(998)}c`)
    })

    it('of no bytes changes nothing, and adds no zeros', async () => {
      const file = await opened('file', 'ab')
      await file.write(Buffer.alloc(0), 1000)
      expect(await disk.size(at('file'))).toBe(2)
      await file.close()
    })

    it('works after truncate, which cuts a file or extends it with zeros', async () => {
      const file = await opened('file', 'abcdef')
      await file.truncate(2)
      expect([await textOf('file'), await disk.size(at('file'))]).toEqual(['ab', 2])
      await file.truncate(5)
      expect(await textOf('file'), 'what was cut off is gone').toBe('ab\0\0\0')
      await file.close()
    })

    it('fails on a closed file', async () => {
      const file = await opened('file', 'text')
      await file.close()
      for (const bytes of [Buffer.from('more'), Buffer.alloc(0)])
        await expect(file.write(bytes, 0)).rejects.toMatchObject({ code: 'EBADF' })
      await expect(file.sync()).rejects.toMatchObject({ code: 'EBADF' })
      await expect(file.truncate(0)).rejects.toMatchObject({ code: 'EBADF' })
      await file.close()
      expect(await textOf('file')).toBe('text')
    })

    it('ends before a close that was requested later', async () => {
      const file = await disk.open(at('file'), 'create')
      const done: string[] = []
      const note = (what: string) => () => done.push(what)
      const working = [file.write(Buffer.from('text'), 0), file.sync()].map((work) => work.then(note('work')))
      await Promise.all([...working, file.close().then(note('closed'))])
      expect(done).toEqual(['work', 'work', 'closed'])
      expect(await textOf('file')).toBe('text')
    })

    it.runIf(name !== 'the real disk' || process.platform === 'linux')(
      'fails if there is no space',
      async () => {
        const file = await bench.fullFile()
        await expect(file.write(Buffer.from('text'), 0)).rejects.toMatchObject({ code: 'ENOSPC' })
        await file.close()
      },
    )
  })

  describe('read', () => {
    it('returns a whole file', async () => {
      await made('file', 'text')
      const bytes = await disk.read(at('file'))
      bytes.fill(0)
      expect(await textOf('file'), 'the bytes belong to who reads').toBe('text')
    })

    it('returns a part, up to the end of the file', async () => {
      await made('file', 'abcdef')
      const part = async (position: number, length: number) =>
        (await disk.readPart(at('file'), position, length)).toString()
      expect([await part(0, 2), await part(2, 3), await part(4, 10)]).toEqual(['ab', 'cde', 'ef'])
      expect([await part(6, 1), await part(100, 10), await part(0, 0)]).toEqual(['', '', ''])
    })

    it('fails for a missing file, and for a directory', async () => {
      await made('file')
      await disk.makeDirectory(at('d'))
      const reads = [(path: string) => disk.read(path), (path: string) => disk.readPart(path, 0, 1)]
      for (const read of [...reads, (path: string) => disk.size(path)]) {
        await expect(read(at('none'))).rejects.toMatchObject({ code: 'ENOENT' })
        await expect(read(at('none', 'file'))).rejects.toMatchObject({ code: 'ENOENT' })
        await expect(read(at('file', 'file'))).rejects.toMatchObject({ code: 'ENOTDIR' })
      }
      for (const read of reads) await expect(read(at('d'))).rejects.toMatchObject({ code: 'EISDIR' })
    })
  })

  describe('rename', () => {
    it('moves a file over another one', async () => {
      await made('old', 'old')
      await made('new', 'new')
      await disk.rename(at('new'), at('old'))
      expect([await disk.list(bench.directory), await textOf('old')]).toEqual([['old'], 'new'])
      await disk.rename(at('old'), at('old'))
      expect(await textOf('old'), 'to the name that it has').toBe('new')
    })

    it('moves a file into another directory', async () => {
      await disk.makeDirectory(at('d'))
      await made('file', 'text')
      await disk.rename(at('file'), at('d', 'moved'))
      expect(await disk.list(bench.directory)).toEqual(['d'])
      expect([await disk.list(at('d')), await textOf('d', 'moved')]).toEqual([['moved'], 'text'])
    })

    it('fails for a missing file or directory, and over a directory', async () => {
      await made('file', 'text')
      await disk.makeDirectory(at('d'))
      const rename = (from: string[], to: string[]) => disk.rename(at(...from), at(...to))
      await expect(rename(['none'], ['new'])).rejects.toMatchObject({ code: 'ENOENT' })
      await expect(rename(['none'], ['file'])).rejects.toMatchObject({ code: 'ENOENT' })
      await expect(rename(['file'], ['none', 'new'])).rejects.toMatchObject({ code: 'ENOENT' })
      await expect(rename(['file'], ['file', 'new'])).rejects.toMatchObject({ code: 'ENOTDIR' })
      await expect(rename(['file'], ['d'])).rejects.toMatchObject({ code: 'EISDIR' })
      expect([(await disk.list(bench.directory)).sort(), await textOf('file')]).toEqual([
        ['d', 'file'],
        'text',
      ])
    })
  })

  describe('remove', () => {
    it('removes a file', async () => {
      await made('file')
      await disk.remove(at('file'))
      expect(await disk.list(bench.directory)).toEqual([])
    })

    it.runIf(process.platform === 'linux')('fails for a missing file, and for a directory', async () => {
      await made('file')
      await disk.makeDirectory(at('d'))
      await expect(disk.remove(at('none'))).rejects.toMatchObject({ code: 'ENOENT' })
      await expect(disk.remove(at('file', 'none'))).rejects.toMatchObject({ code: 'ENOTDIR' })
      await expect(disk.remove(at('d'))).rejects.toMatchObject({ code: 'EISDIR' })
    })
  })

  describe('an open file remains usable', () => {
    it('under a new name', async () => {
      const file = await opened('file', 'text')
      await disk.rename(at('file'), at('other'))
      await file.write(Buffer.from('T'), 0)
      await file.sync()
      expect([await textOf('other'), await disk.list(bench.directory)]).toEqual(['Text', ['other']])
      await file.close()
    })

    it('without a name', async () => {
      const file = await opened('file', 'text')
      await disk.remove(at('file'))
      await file.write(Buffer.from('T'), 0)
      await file.truncate(1)
      await file.sync()
      await made('file', 'another')
      await file.write(Buffer.from('x'), 0)
      await file.close()
      expect(await textOf('file')).toBe('another')
    })

    it('after another file took its name', async () => {
      const file = await opened('file', 'text')
      await made('other', 'other')
      await disk.rename(at('other'), at('file'))
      await file.write(Buffer.from('T'), 0)
      await file.close()
      expect(await textOf('file')).toBe('other')
    })
  })

  describe('makeDirectory', () => {
    it('makes missing parents, and accepts existing directories', async () => {
      await disk.makeDirectory(at('a', 'b', 'c'))
      await made(join('a', 'b', 'file'))
      await disk.makeDirectory(at('a', 'b', 'c'))
      await disk.makeDirectory(at('a', 'b'))
      expect([await disk.list(bench.directory), await disk.list(at('a', 'b', 'c'))]).toEqual([['a'], []])
      expect((await disk.list(at('a', 'b'))).sort()).toEqual(['c', 'file'])
    })

    it('works if several processes make the first directory at once', async () => {
      const names = Array.from({ length: 8 }, (_, index) => `s${index}`)
      await Promise.all(names.map((name) => disk.makeDirectory(at('cluster', name))))
      expect((await disk.list(at('cluster'))).sort()).toEqual(names)
    })

    it('accepts any form of a path', async () => {
      await disk.makeDirectory(`${at('a')}/./b/../c/`)
      await made(join('a', 'c', 'file'))
      expect([await disk.list(at('a')), await disk.list(`${at('a', 'c')}/`)]).toEqual([['c'], ['file']])
    })

    it('fails if a file has that name, or the name of a parent', async () => {
      await made('file')
      await expect(disk.makeDirectory(at('file'))).rejects.toMatchObject({ code: 'EEXIST' })
      await expect(disk.makeDirectory(at('file', 'a', 'b'))).rejects.toMatchObject({ code: 'ENOTDIR' })
    })

    it('makes directories that can be listed and synced', async () => {
      await made('file')
      await disk.syncDirectory(bench.directory)
      for (const work of [(path: string) => disk.list(path), (path: string) => disk.syncDirectory(path)]) {
        await expect(work(at('none'))).rejects.toMatchObject({ code: 'ENOENT' })
        await expect(work(at('file'))).rejects.toMatchObject({ code: 'ENOTDIR' })
      }
    })
  })

  describe('lock', () => {
    it('takes a directory once, until it is released', async () => {
      const release = await disk.lock(bench.directory)
      for (const path of [bench.directory, `${bench.directory}/.`])
        await expect(disk.lock(path)).rejects.toMatchObject({ name: 'SynodError', code: 'directory-in-use' })
      expect(await disk.list(bench.directory)).toEqual(['lock'])
      await release()
      expect(await disk.list(bench.directory)).toEqual([])
      await (
        await disk.lock(bench.directory)
      )()
    })

    it('takes a directory for its next owner, which the previous owner cannot release', async () => {
      const before = await disk.lock(bench.directory)
      await before()
      const release = await disk.lock(bench.directory)
      await before()
      await expect(disk.lock(bench.directory)).rejects.toMatchObject({ code: 'directory-in-use' })
      await release()
    })

    it('takes each directory by itself', async () => {
      await disk.makeDirectory(at('d'))
      const releases = [await disk.lock(bench.directory), await disk.lock(at('d'))]
      for (const release of releases) await release()
    })

    it('takes only a directory, and fails if a file has the name of the lock', async () => {
      await made('file')
      await expect(disk.lock(at('none'))).rejects.toMatchObject({ code: 'ENOENT' })
      await expect(disk.lock(at('file'))).rejects.toMatchObject({ code: 'ENOTDIR' })
      await made('lock', 'mine')
      await expect(disk.lock(bench.directory)).rejects.toMatchObject({ code: 'directory-in-use' })
      expect(await textOf('lock')).toBe('mine')
    })
  })
})
