import { readFile, readdir } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { COMMANDS } from '../../src/testing/script/commands.js'
import { ScriptError, runScript } from '../../src/testing/script/run-script.js'

const run = (text: string) => runScript(text, 'x.txt')

describe('the text of a script', () => {
  test('keeps its comments and blank lines, and gets its answers anew', () => {
    const text =
      '# What to see.\n\ncluster 3 leader\nold answer\nin two lines\n\n\n# Why.\nlog\n\n# The end.\n'
    expect(run(text)).toBe(
      '# What to see.\n\ncluster 3 leader\nok\n\n\n# Why.\nlog\nslot  s1  s2  s3\n\n# The end.\n',
    )
  })

  test('is the same when it is run again', () => {
    const once = run('cluster 3 leader\n\nelect s1\n\npropose s1 a b\n\nsettle\n\nread s2\n\nshow\n')
    expect(run(once)).toBe(once)
  })
})

describe('a script that cannot be run says where and why', () => {
  test.each([
    ['', 'explode', 'no such command: explode'],
    ['', 'elect s9', 'no server 9'],
    ['', 'elect leader', 'expected a server, as s1, not leader'],
    ['', 'elect', 'expected a server, as s1'],
    ['', 'wait 10', 'expected a unit of time: ms'],
    ['', 'wait long ms', 'expected a time, as 100 ms, not long'],
    ['', 'settle now', 'too much: now'],
    ['', 'deliver prepare', 'no such message is under way'],
    ['', 'deliver letters', 'no message is of type letters'],
    ['', 'deliver s1>s2 slot one', 'expected a slot, not one'],
    ['', 'cut s1>', 'expected s1>s2, or two servers'],
    ['', 'cut s1 s2 s3', 'expected s1>s2, not s1>s2>s3'],
    ['', 'split s4', 'no server 4'],
    ['', 'constructor', 'no such command: constructor'],
    ['', 'restart s1', 's1 is up'],
    ['crash s1', 'propose s1 a', 's1 is down'],
    ['crash s1', 'log s1', 's1 is down'],
    ['', 'propose s1 c1/1:+5', 'c1 has no session: propose c1:open first'],
    ['', 'withdraw s1 a', 's1 was not asked to propose a'],
    ['', 'release', 'no message is held back'],
  ])('%s; %s', (before, command, reason) => {
    const text = ['cluster 3 leader', before, command].filter((line) => line !== '').join('\n\n')
    const line = text.split('\n').length
    expect(() => run(text)).toThrow(new ScriptError(`x.txt:${line}: ${reason}\n  ${command}`))
  })

  test.each([
    ['log', 'the first command is cluster'],
    ['cluster 3', 'expected leader or leaderless'],
    ['cluster 3 ruled', 'expected leader or leaderless, not ruled'],
    ['cluster 0 leader', 'expected 1 to 31 servers'],
    ['cluster 3 leader learner=s4', 'no server 4'],
    ['cluster 3 leader speed=9', 'no such option: speed'],
    ['cluster 3 leader window=big', 'expected a window, not big'],
  ])('%s', (command, reason) => {
    expect(() => run(command)).toThrow(new ScriptError(`x.txt:1: ${reason}\n  ${command}`))
  })
})

const page = await readFile(new URL('../../../../docs/scripts.md', import.meta.url), 'utf8')

test('the example in docs/scripts.md is what a cluster does', () => {
  const [, example = ''] = /```\n([^`]*)```/.exec(page) ?? []
  expect(run(example)).toBe(example)
})

test('docs/scripts.md explains every command, and leads to every script', async () => {
  for (const name of ['cluster', ...Object.keys(COMMANDS)])
    expect(page).toMatch(new RegExp(`^\\| \`${name}[ \`]`, 'm'))
  const scripts = await readdir(new URL('.', import.meta.url))
  for (const name of scripts.filter((name) => name.endsWith('.txt')))
    expect(page).toContain(`](../packages/synod/test/scripts/${name})`)
})
