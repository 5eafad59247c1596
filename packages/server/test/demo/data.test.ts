import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { prepareData } from '../../src/demo/data.js'
import type { DemoOptions } from '../../src/demo/plan.js'

let directory: string
let options: DemoOptions
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'synod-demo-'))
  options = { mode: 'leader', replicas: 2, directory: join(directory, 'new', 'demo') }
})
afterEach(() => rm(directory, { recursive: true }))

test('a demo reuses its own data', async () => {
  await prepareData(options, false)
  await prepareData(options, false)
  expect((await readdir(options.directory)).sort()).toEqual(['demo.json', 'logs'])
})

test('a demo of another mode or size is refused, with what to do', async () => {
  await prepareData(options, false)
  await expect(prepareData({ ...options, mode: 'leaderless' }, false)).rejects.toMatchObject({
    code: 'wrong-mode',
    message: expect.stringMatching(/--mode leader,.* --fresh .* --dir/),
  })
  await expect(prepareData({ ...options, replicas: 3 }, false)).rejects.toMatchObject({
    code: 'wrong-cluster',
    message: expect.stringMatching(/--replicas 2,.* --fresh .* --dir/),
  })
})

test('a directory that is not of a demo is refused', async () => {
  await writeFile(join(directory, 'thesis.txt'), 'precious')
  for (const fresh of [false, true]) {
    await expect(prepareData({ ...options, directory }, fresh)).rejects.toMatchObject({ code: 'not-a-demo' })
  }
  expect(await readdir(directory)).toEqual(['thesis.txt'])
})

test('--fresh removes the data of the demo, and nothing else', async () => {
  await prepareData(options, false)
  for (const name of ['s1', 's2', 's3']) await mkdir(join(options.directory, name))
  await writeFile(join(options.directory, 'notes.txt'), 'mine')
  await prepareData({ ...options, mode: 'leaderless' }, true)
  expect((await readdir(options.directory)).sort()).toEqual(['demo.json', 'logs', 'notes.txt', 's3'])
})

test('--fresh removes no directory that is in use', async () => {
  await prepareData(options, false)
  const dataDir = join(options.directory, 's2')
  await mkdir(dataDir)
  const lock = createServer()
  await new Promise<void>((resolve) => lock.listen(join(dataDir, 'lock'), resolve))
  await expect(prepareData(options, true)).rejects.toMatchObject({ code: 'directory-in-use' })
  await new Promise((resolve) => lock.close(resolve))
  await prepareData(options, true)
  expect((await readdir(options.directory)).sort()).toEqual(['demo.json', 'logs'])
})
