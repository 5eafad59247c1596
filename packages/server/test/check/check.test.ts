import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { checkWith } from '../../src/check/check.js'
import { type Findings, NO_PATH, type RunningSearch } from '../../src/check/findings.js'

const NEVER = new Promise<void>(() => undefined)

const FOUND: Findings = {
  end: 'violation',
  detail: 'two values are chosen in slot 1',
  progress: { states: 12_345, transitions: 67_890, depth: 9, frontier: 321, serverStates: 12 },
  goals: ['leader', 'chosen'],
  steps: ['s1 campaigns', 's2 hears prepare (1, s1) from s1'],
  actions: [{ server: 1, type: 'propose' }],
  trace: ['{"atMs":0,"event":"start"}', '{"atMs":1,"event":"send"}'],
}

let stdout: string
beforeEach(() => {
  stdout = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    stdout += String(text)
    return true
  })
})
afterEach(() => vi.restoreAllMocks())

function* search(findings: Findings): RunningSearch {
  for (let states = 1; states < 5; states++) yield { ...findings.progress, states }
  return findings
}

test('a violation is printed with the steps that lead to it', async () => {
  await expect(checkWith(search(FOUND), 'small', {}, NEVER)).rejects.toMatchObject({
    code: 'violation',
    message: 'violation: two values are chosen in slot 1',
  })
  expect(stdout).toMatch(/^states {4}12,345, 67,890 steps between them$/m)
  expect(stdout).toMatch(/^seen {6}leader, chosen$/m)
  expect(stdout).toContain(`end       violation: two values are chosen in slot 1

The way there, in 2 steps:
  1. s1 campaigns
  2. s2 hears prepare (1, s1) from s1
`)
})

test('a violation is printed as JSON', async () => {
  await expect(checkWith(search(FOUND), 'small', { json: true }, NEVER)).rejects.toThrow()
  const { trace: _, ...rest } = FOUND
  expect(JSON.parse(stdout)).toEqual({ searched: 'small', ...rest, elapsedMs: expect.any(Number) })
})

test('the trace is written to the file that was asked for, if the search found steps', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'check-'))
  try {
    const file = join(directory, 'way.ndjson')
    await checkWith(search({ ...FOUND, end: 'exhausted', ...NO_PATH }), 'small', {}, NEVER, file)
    expect(stdout).not.toContain('trace')
    await expect(readFile(file)).rejects.toThrow('ENOENT')
    await checkWith(search({ ...FOUND, end: 'reached' }), 'small', {}, NEVER, file)
    expect(stdout).toContain(`Its trace is in ${file}.`)
    expect(await readFile(file, 'utf8')).toBe(FOUND.trace.map((line) => `${line}\n`).join(''))
  } finally {
    await rm(directory, { recursive: true })
  }
})

test('a search without a violation succeeds', async () => {
  const none = { ...FOUND, end: 'exhausted', detail: undefined, ...NO_PATH } as const
  await checkWith(search(none), 'small', {}, NEVER)
  expect(stdout).toMatch(/^end {7}every state was visited\n$/m)
})

test('an interrupted search prints its progress so far', async () => {
  let stop: () => void = () => undefined
  const stopped = new Promise<void>((resolve) => (stop = resolve))
  function* endless(): RunningSearch {
    for (let states = 1; ; states++) {
      if (states === 7) stop()
      yield { ...FOUND.progress, states }
    }
  }
  await expect(checkWith(endless(), 'small', { json: true }, stopped)).rejects.toMatchObject({
    code: 'interrupted',
  })
  expect(JSON.parse(stdout)).toMatchObject({ end: 'interrupted', progress: { states: 7 } })
})
