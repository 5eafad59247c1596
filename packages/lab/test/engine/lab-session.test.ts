import { Cluster, InvariantError, ScriptError, runScript } from 'synod-testing/script'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { LabSession } from '../../src/engine/lab-session.js'

const STORY = ['cluster 3 leader', 'elect s1', 'request c1> a', 'deliver accept', 'deliver accepted']

function play(...lines: string[]): LabSession {
  const session = new LabSession()
  for (const line of lines) session.perform(line)
  return session
}

afterEach(() => vi.restoreAllMocks())

describe('a session', () => {
  test('answers each command as a script does', () => {
    const session = play(...STORY.slice(0, 2))
    expect(session.perform('propose s1 a')).toEqual(['s1 > s2, s3: accept (1, s1) in slot 1: a'])
    expect(session.answer).toEqual(['s1 > s2, s3: accept (1, s1) in slot 1: a'])
  })

  test('goes back to any earlier position, and forward again', () => {
    const session = play(...STORY)
    const end = session.picture
    for (let position = STORY.length; position >= 0; position--) {
      session.seek(position)
      const fresh = play(...STORY.slice(0, position))
      expect(session.picture).toEqual(fresh.picture)
      expect(session.stage?.cluster.network).toEqual(fresh.stage?.cluster.network)
    }
    for (let position = 0; position < STORY.length; position++) session.seek(session.position + 1)
    expect(session.picture).toEqual(end)
  })

  test('drops later commands when a command is given at an earlier position', () => {
    const session = play(...STORY)
    session.seek(3)
    expect(session.lines).toEqual(STORY)
    session.perform('lose s1>s2 accept')
    expect(session.lines).toEqual([...STORY.slice(0, 3), 'lose s1>s2 accept'])
    expect(session.picture).toEqual(play(...session.lines).picture)
  })

  test.each([
    ['explode', 'no such command: explode'],
    ['elect s4', 'no server 4'],
    ['tick s3 accept', 's3 sends no accept within 100 ticks'],
    ['cluster 3 leader', 'there is a cluster already'],
  ])('stays as it is when %s cannot be carried out', (line, reason) => {
    const session = play(...STORY)
    const before = session.picture
    expect(() => session.perform(line)).toThrow(reason)
    expect(session.lines).toEqual(STORY)
    expect(session.picture).toEqual(before)
    expect(session.stage?.cluster.nowMs).toBe(play(...STORY).stage?.cluster.nowMs)
    session.seek(session.position - 1)
    expect(() => session.perform(line)).toThrow(reason)
    expect(session.stage?.cluster.nowMs).toBe(play(...STORY.slice(0, -1)).stage?.cluster.nowMs)
    expect(session.lines).toEqual(STORY)
  })

  test('has the command cluster first', () => {
    expect(() => new LabSession().perform('elect s1')).toThrow('the first command is cluster')
    expect(new LabSession().picture).toBeUndefined()
    expect(new LabSession().script()).toBe('')
    expect(() => play(...STORY).seek(6)).toThrow('there are 5 commands, and no place 6')
  })

  test('with thousands of commands is replayed quickly', () => {
    const session = play('cluster 3 leader', 'elect s1')
    for (let number = 1; number <= 500; number++)
      for (const line of [`propose s1 v${number}`, 'deliver accept', 'deliver accepted', 'deliver chosen'])
        session.perform(line)
    session.seek(1000)
    expect(session.stage?.cluster.paxos(1).chosen).toBe(249)
    session.seek(2002)
    expect(session.stage?.cluster.paxos(1).chosen).toBe(500)
  })
})

describe('the script of a session', () => {
  test('runs, and makes the same session again', () => {
    const session = play(...STORY)
    const text = session.script()
    expect(runScript(text, 'x')).toBe(text)
    expect(text).toContain('request c1> a\ns1 > s2, s3: accept (1, s1) in slot 1: a\n\n')
    const again = LabSession.parse(text)
    expect(again.lines).toEqual(STORY)
    expect(again.script()).toBe(text)
  })

  test('keeps its comments, and ends at the position of the session', () => {
    const text = '# Why.\n\ncluster 3 leader\nok\n\n# Who.\ncrash s1\nok\n'
    const session = LabSession.parse(text)
    expect(session.script()).toBe(text)
    session.seek(session.position - 1)
    expect(session.script()).toBe('# Why.\n\ncluster 3 leader\nok\n')
  })

  test('reports where it fails, and why', () => {
    expect(() => LabSession.parse('cluster 3 leader\nok\n\n# Why.\nelect s9\n')).toThrow(
      new ScriptError('line 5: no server 9\n  elect s9'),
    )
  })
})

test('a broken invariant ends the run, and its command is left out of the script', () => {
  const session = play(...STORY.slice(0, 4))
  vi.spyOn(Cluster.prototype, 'deliver').mockImplementation(function (this: Cluster, index: number) {
    this.step(this.network.transits[index]!.to, { type: 'tick' })
    throw new InvariantError('two values in slot 1')
  })
  expect(session.perform('deliver accepted')).toEqual(['violation: two values in slot 1'])
  expect(session.violation).toBe('two values in slot 1')
  expect(session.picture?.events.at(-1)).toMatchObject({ kind: 'violation', text: 'two values in slot 1' })
  expect(() => session.perform('settle')).toThrow('an invariant is broken')
  vi.restoreAllMocks()
  const text = session.script()
  expect(text).toContain('# deliver accepted')
  expect(runScript(text, 'x')).toBe(text)
  session.seek(session.position - 1)
  expect(session.violation).toBeUndefined()
  session.perform('deliver accepted')
  expect(session.violation).toBeUndefined()
})
