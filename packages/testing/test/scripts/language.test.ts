import { readFile, readdir } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { COMMANDS } from '../../src/script/commands.js'
import { ScriptError, runScript } from '../../src/script/run-script.js'

const run = (text: string) => runScript(text, 'x.txt')

describe('the text of a script', () => {
  test('keeps its comments and blank lines, and gets new answers', () => {
    const text =
      '# What to see.\n\ncluster 3 leader\nold answer\nin two lines\n\n\n# Why.\nlog\n\n# The end.\n'
    expect(run(text)).toBe(
      '# What to see.\n\ncluster 3 leader\nok\n\n\n# Why.\nlog\nslot  s1  s2  s3\n\n# The end.\n',
    )
  })

  test('does not change when it is run again', () => {
    const once = run('cluster 3 leader\n\nelect s1\n\npropose s1 a b\n\nsettle\n\nread s2\n\nshow\n')
    expect(run(once)).toBe(once)
  })
})

describe('an invalid command is reported with its line and the reason', () => {
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
    ['campaign s1', 'deliver probe #3', 'there is no #3: only 2 of them'],
    ['campaign s1', 'deliver probe #one', 'expected a number, as #2, not one'],
    ['', 'pass 1/2 ms', 'expected a time, as 100 ms, not 1/2'],
    ['pause s1', 'tick s1', 's1 is paused'],
    ['pause s1', 'pause s1', 's1 is paused'],
    ['', 'resume s1', 's1 is not paused'],
    ['', 'request s1 a', 'expected who asks whom, as c1>s2, not s1'],
    ['', 'request c1>s4 a', 'no server 4'],
    ['', 'request c1> a', 'nobody leads: say whom the client asks, as c1>s2'],
    ['crash s1', 'request c1>s1 a', 'none of these servers is there to take it'],
    ['', 'join s1 s1', 's1 knows all that s1 does'],
    ['', 'disk s9 stuck', 'no server 9'],
  ])('after "%s", the command: %s', (before, command, reason) => {
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
  ])('the first command: %s', (command, reason) => {
    expect(() => run(command)).toThrow(new ScriptError(`x.txt:1: ${reason}\n  ${command}`))
  })
})

/** What the last command answers. */
function last(...commands: string[]): string {
  const before = run(commands.slice(0, -1).join('\n\n'))
  return run(commands.join('\n\n')).slice(before.length + 1 + (commands.at(-1)?.length ?? 0) + 1)
}

describe('a message by its number', () => {
  const story = ['cluster 3 leader', 'elect s1', 'propose s1 a', 'propose s1 b', 'propose s1 c']

  test('is selected alone', () => {
    expect(last(...story, 'lose s1>s2 accept #2')).toBe('s1 > s2: accept (1, s1) in slot 2: b\n')
    expect(last(...story, 'lose s1>s2 accept #2', 'lose s1>s2')).toBe(
      's1 > s2: accept (1, s1) in slot 1: a\ns1 > s2: accept (1, s1) in slot 3: c\n',
    )
  })

  test('is released alone', () => {
    const held = [...story, 'hold s1>s2']
    expect(last(...held, 'release s1>s2 accept #2')).toBe('s1 > s2: accept (1, s1) in slot 2: b\n')
    expect(last(...held, 'release #2', 'release')).toBe(
      's1 > s2: accept (1, s1) in slot 1: a\ns1 > s2: accept (1, s1) in slot 3: c\n',
    )
  })
})

test('a command that passes time ticks no server', () => {
  const ticked = last('cluster 1 leader', 'tick s1')
  expect(last('cluster 1 leader', 'pass 5000.25 ms')).toBe('ok\n')
  expect(last('cluster 1 leader', 'pass 5000.25 ms', 'tick s1')).toBe(ticked)
})

describe('a paused server', () => {
  const story = ['cluster 3 leader', 'elect s1', 'propose s1 a', 'pause s2']

  test('receives no messages, which stay under way', () => {
    const waiting = 's1 > s2: accept (1, s1) in slot 1: a (waits: s2 is paused)\n'
    expect(last(...story, 'deliver s1>s2')).toBe(waiting)
    expect(last(...story, 'duplicate s1>s2')).toBe(waiting)
    expect(last(...story, 'deliver s1>s2', 'network')).toContain('s1 > s2, s3: accept')
  })

  test('does nothing while the others continue', () => {
    expect(last(...story, 'settle')).toBe('s1, s3: chosen in slot 1: a\n')
    expect(last(...story, 'wait 2000 ms', 'show')).toContain(
      's2: following s1 at (1, s1), promised (1, s1); chosen to 0',
    )
  })

  test('continues with its state after it is resumed', () => {
    expect(last(...story, 'settle', 'resume s2', 'settle')).toBe('s2: chosen in slot 1: a\n')
  })
})

test('a leaderless request sent to all servers fills one slot, as the servers withdraw it', () => {
  const log = (ask: string[]) => last('cluster 3 leaderless', ...ask, 'wait 1000 ms', 'log')
  expect(log(['request c1> a'])).not.toMatch(/^2 /m)
  expect(log(['submit s1 a', 'submit s2 a', 'submit s3 a'])).toMatch(/^2 /m)
})

test('changes of the membership are written as one word', () => {
  const story = ['cluster 4 leader founders=3', 'elect s1', 'propose s1 add-s4 remove-s2']
  expect(last(...story)).toContain('accept (1, s1) in slots 1 to 2: add-s4, remove-s2')
})

const page = await readFile(new URL('../../../../docs/reference/scripts.md', import.meta.url), 'utf8')

test('the example in docs/reference/scripts.md gives the answers that it shows', () => {
  const [, example = ''] = /```\n([^`]*)```/.exec(page) ?? []
  expect(run(example)).toBe(example)
})

test('docs/reference/scripts.md explains every command, and links to every script', async () => {
  for (const name of ['cluster', ...Object.keys(COMMANDS)])
    expect(page).toMatch(new RegExp(`^- \`${name}[ \`]`, 'm'))
  const scripts = await readdir(new URL('.', import.meta.url))
  for (const name of scripts.filter((name) => name.endsWith('.txt')))
    expect(page).toContain(`](../../packages/testing/test/scripts/${name})`)
})
