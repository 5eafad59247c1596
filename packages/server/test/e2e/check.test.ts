import { expect, test } from 'vitest'
import { runCli } from './synod-process.js'

test('a search for a goal prints the steps that lead to it', async () => {
  const { code, stdout } = await runCli(['check', 'leader', '--goal', 'leader,second-leader'])
  expect(code).toBe(0)
  expect(stdout).toMatch(/^seen {6}leader, second-leader\nend {7}every goal was reached$/m)
  expect(stdout).toMatch(/^ {2}1\. s1 campaigns: /m)
})

test('random walks print JSON', async () => {
  const { code, stdout } = await runCli(['check', 'leaderless-wide', '--walks', '2', '--seed', '3', '--json'])
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ end: 'walked', progress: { walks: 2 }, steps: [] })
})

test.each([
  [['anything'], /allowed choices are leader-small, /],
  [['--goal', 'leader,glory'], /'glory' is none of leader, /],
  [['--goal', 'leader', '--walks', '1'], /cannot be used with option '--goal <list>'/],
])('%j is wrong usage', async (args, message) => {
  expect(await runCli(['check', ...args])).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(message),
  })
})
