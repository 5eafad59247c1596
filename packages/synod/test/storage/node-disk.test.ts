import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nodeDisk } from '../../src/storage/node-disk.js'
import { inspectJournal } from '../../src/journal/inspect.js'
import { openJournal } from '../../src/journal/open-journal.js'
import { appendGroup, Listener, plain, promise, S1, vote } from '../journal/harness.js'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'synod-journal-'))
})
afterEach(() => rm(directory, { recursive: true }))

test('a journal on a real disk is recovered over several segments', async () => {
  const options = (listener: Listener) => ({
    disk: nodeDisk,
    directory: join(directory, 's1'),
    identity: S1,
    randomBytes: (size: number) => new Uint8Array(size).fill(1),
    now: () => 0,
    segmentSizeBytes: 200,
    onDurable: listener.onDurable,
    onFailure: listener.onFailure,
  })
  const listener = new Listener()
  const groups = [[promise(1)], [vote(1, 'x'.repeat(300))], [vote(2, 'y', 'z')]]
  const opened = await openJournal(options(listener))
  for (const group of groups) await appendGroup(opened.journal!, listener, group)
  await expect(openJournal(options(listener))).rejects.toMatchObject({ code: 'directory-in-use' })
  expect((await inspectJournal(join(directory, 's1'))).segments.length).toBe(2)
  await opened.journal!.close()

  const again = await openJournal(options(listener))
  expect(plain(again.records)).toEqual(plain(groups.flat()))
  await again.journal!.close()
  expect((await readdir(join(directory, 's1'))).sort()).toEqual([
    '00000001.journal',
    '00000002.journal',
    'identity',
  ])
})

describe.each([
  ['a short path', ''],
  ['a path too long for a socket', 'long'.repeat(40)],
])('the directory lock, with %s', (_, name) => {
  let data: string
  beforeEach(async () => {
    data = join(directory, name)
    await nodeDisk.makeDirectory(data)
  })

  // Only Linux can reach a socket over a path that long.
  const runs = name === '' || process.platform === 'linux'

  test.runIf(runs)('is taken once, and free after its release', async () => {
    const release = await nodeDisk.lock(data)
    await expect(nodeDisk.lock(data)).rejects.toMatchObject({ code: 'directory-in-use' })
    await release()
    expect(await readdir(data)).toEqual([])
    const next = await nodeDisk.lock(data)
    await release()
    expect(await readdir(data), 'the lock of the next owner').toEqual(['lock'])
    await next()
  })

  test.runIf(runs)('is taken by at most one of many processes that start at once', async () => {
    const taken = await Promise.allSettled(Array.from({ length: 20 }, () => nodeDisk.lock(data)))
    const winners = taken.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    expect(winners.length).toBe(1)
    for (const release of winners) await release()
  })

  test.runIf(runs)('is held by a process until it is killed', async () => {
    const owner = spawn(
      process.execPath,
      [
        '-e',
        `process.chdir(process.argv[1]); require('net').createServer().listen('lock', () => console.log('up'))`,
        data,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    await once(owner.stdout, 'data')
    await expect(nodeDisk.lock(data)).rejects.toThrow(/in use by a running process/)
    owner.kill('SIGKILL')
    await once(owner, 'exit')
    expect(await readdir(data)).toEqual(['lock'])
    await (
      await nodeDisk.lock(data)
    )()
  })

  test.runIf(runs)('ignores and removes what killed owners and starters left behind', async () => {
    for (const name of ['lock', 'lock.0123456789abcdef', 'lock.fedcba9876543210']) {
      spawnSync(
        process.execPath,
        [
          '-e',
          `process.chdir(process.argv[1]); require('net').createServer().listen(process.argv[2], () => process.kill(process.pid, 'SIGKILL'))`,
          data,
          name,
        ],
        { stdio: 'inherit' },
      )
    }
    await writeFile(join(data, 'lock.guard'), '')
    expect((await readdir(data)).length).toBe(4)
    const release = await nodeDisk.lock(data)
    expect(await readdir(data)).toEqual(['lock', 'lock.guard'])
    await release()
    expect(await readdir(data)).toEqual(['lock.guard'])
  })

  test.runIf(runs)(
    'goes to the starter with the lowest name: a starter gives up for a lower name, and waits until a higher one gives up',
    async () => {
      const other = async (name: string) => {
        const process_ = spawn(
          process.execPath,
          [
            '-e',
            `process.chdir(process.argv[1]); require('net').createServer().listen(process.argv[2], () => console.log('up'))`,
            data,
            name,
          ],
          { stdio: ['ignore', 'pipe', 'inherit'] },
        )
        await once(process_.stdout, 'data')
        return process_
      }
      const lower = await other('lock.0000000000000000')
      await expect(nodeDisk.lock(data)).rejects.toThrow(/another process is starting/)
      lower.kill('SIGKILL')
      await once(lower, 'exit')
      const higher = await other('lock.ffffffffffffffff')
      const taken = nodeDisk.lock(data)
      // It has looked when its own socket is there.
      await expect.poll(async () => (await readdir(data)).length).toBe(3)
      higher.kill('SIGKILL')
      await (
        await taken
      )()
      expect(await readdir(data)).toEqual([])
    },
  )

  test.runIf(runs)('does not remove a file that is no lock', async () => {
    await writeFile(join(data, 'lock'), 'mine')
    await expect(nodeDisk.lock(data)).rejects.toMatchObject({ code: 'directory-in-use' })
    expect((await readFile(join(data, 'lock'))).toString()).toBe('mine')
  })
})
