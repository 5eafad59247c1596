import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Plan } from 'synod-testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { temporaryDirectory } from './processes.js'
import { type Exit, SynodProcess, runCli } from './synod-process.js'

let directory: string
beforeEach(async () => {
  directory = await temporaryDirectory()
})
afterEach(() => rm(directory, { recursive: true }))

function simulate(...args: string[]): Promise<Exit> {
  return runCli(['simulate', ...args], { cwd: directory })
}

test('a few seeds in both modes end with a summary', async () => {
  const { code, stdout } = await simulate('--seeds', '2', '--jobs', '2')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^simulated {3}4 runs from seed 1 on, in leader and leaderless mode$/m)
  expect(stdout).toMatch(/^operations {2}\d+, \d+ answered$/m)
  expect(stdout).toMatch(/^ {2}network {3}\d+ \w+/m)
})

test('the same seed gives the same digest, also as JSON', async () => {
  const [first, second] = await Promise.all(
    [1, 2].map(() => simulate('--seed', '7', '--seeds', '1', '--servers', '3', '--json')),
  )
  const [one, other] = [first!, second!].map(({ stdout }) => JSON.parse(stdout))
  expect(one).toMatchObject({ seed: 7, runs: 2, violation: null })
  expect(Object.keys(one.digests)).toEqual(['leader', 'leaderless'])
  expect(other.digests).toEqual(one.digests)
})

test('the same seed gives the same trace byte for byte, and the trace can be replayed', async () => {
  const run = ['--mode', 'leaderless', '--seed', '5', '--trace']
  for (const file of ['one', 'two']) expect(await simulate(...run, file)).toMatchObject({ code: 0 })
  const [one, two] = await Promise.all(['one', 'two'].map((file) => readFile(join(directory, file), 'utf8')))
  expect(one === two).toBe(true)
  expect(one!.split('\n').length).toBeGreaterThan(100)
  expect(await simulate('--replay', 'one')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^The same run: all [\d,]+ lines are as in one\.\nNothing was found\.$/m),
  })
})

test('a plan that leaves no majority is reported as no progress', async () => {
  await simulate('--seed', '1', '--mode', 'leader', '--trace', 'sound')
  const [first] = (await readFile(join(directory, 'sound'), 'utf8')).split('\n')
  const { plan, ...event } = JSON.parse(first!) as { plan: Plan }
  const hopeless = { ...event, plan: { ...plan, faults: [], left: [1, 2], live: true } }
  await writeFile(join(directory, 'hopeless'), JSON.stringify(hopeless))
  const { code, stderr, stdout } = await simulate('--replay', 'hopeless')
  expect(code).toBe(1)
  expect(stdout).toMatch(
    /^Another run: line 2 of hopeless .*\n {2}there: nothing more\n {2}now: {3}\{"atMs":/m,
  )
  expect(stdout).toMatch(/^no-progress: /m)
  expect(stderr).toBe('error: seed 1 in leader mode: no-progress (violation)\n')
})

test('Ctrl-C ends a simulation with a summary so far', async () => {
  await using simulation = new SynodProcess(['simulate', '--minutes', '60'], { cwd: directory })
  await simulation.stderrMatch(/ runs in .* simulated .*, nothing found$/m)
  expect(await simulation.kill('SIGINT')).toMatchObject({
    code: 130,
    stdout: expect.stringMatching(/^simulated {3}\d+ runs? from seed 1 on/),
    stderr: expect.stringMatching(/^error: interrupted before all was done \(interrupted\)$/m),
  })
})

test.each([
  [['--seeds', '0'], /'--seeds <n>' argument '0' is invalid.*whole number from 1/],
  [['--servers', '1'], /whole number from 2 to 9/],
  [['--mode', 'raft'], /allowed choices are leader, leaderless, both/],
  [['--minutes', 'soon'], /a number above 0/],
  [['--trace', 'file'], /--trace is of one run: it needs --mode/],
  [['--trace', 'file', '--mode', 'leader', '--seeds', '2'], /--trace is of one run/],
  [['--replay', 'file', '--seed', '2'], /'--replay <file>' cannot be used with option '--seed <n>'/],
])('%j is wrong usage', async (args, message) => {
  expect(await simulate(...args)).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(message),
  })
})

test('a file that is no trace is refused', async () => {
  await writeFile(join(directory, 'text'), 'hello\n')
  expect(await simulate('--replay', 'text')).toMatchObject({
    code: 1,
    stderr: 'error: the first line of text is not that of a trace (not-a-trace)\n',
  })
  expect(await simulate('--replay', 'nothing')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/ENOENT/),
  })
})
