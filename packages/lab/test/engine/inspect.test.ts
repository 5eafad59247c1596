import { expect, test } from 'vitest'
import { inspect } from '../../src/engine/inspect.js'
import { LabSession } from '../../src/engine/lab-session.js'

function play(...lines: string[]): LabSession {
  const session = new LabSession()
  for (const line of lines) session.perform(line)
  return session
}

/** The place of the last event of this kind at this actor. */
function last(session: LabSession, actor: string, kind: string): number {
  return session.picture!.events.findLastIndex((event) => event.actor === actor && event.kind === kind)
}

test('the state before and after a vote is shown, though later events changed the server', () => {
  const session = play(
    'cluster 3 leader',
    'elect s1',
    'request c1>s1 a',
    'deliver s1>s2',
    'deliver s2>s1',
    'crash s2',
  )
  const event = session.picture!.events.findLastIndex(
    ({ actor, kind }) => actor === 's2' && kind === 'receive',
  )
  const { before, after } = inspect(session, event)!
  const ballot = { seq: 1, server: 1 }
  expect(before).toMatchObject({ process: 'up', role: 'follows s1', promised: ballot, voted: 0, log: [] })
  expect(after).toMatchObject({
    voted: 1,
    chosen: 0,
    log: [{ slot: 1, trimmed: false, vote: { ballot, value: 'a' }, chosen: undefined }],
  })
  expect(before.journal).toHaveLength(1)
  expect(after.journal.at(-1)).toMatchObject({ text: 'vote (1, s1) in slot 1: a', durable: true })
})

test('each server of a command is shown at its own event', () => {
  const session = play('cluster 3 leader', 'elect s1', 'propose s1 a', 'settle')
  const event = session.picture!.events.findIndex(({ actor, kind }) => actor === 's1' && kind === 'chosen')
  const { before, after } = inspect(session, event)!
  expect([before.chosen, after.chosen]).toEqual([0, 1])
  expect(before.flights).toEqual([{ first: 1, values: ['a'], votes: [1] }])
  expect(after.flights).toEqual([])
})

test('each event of one server within a command has its own state', () => {
  const session = play('cluster 3 leader', 'elect s1', 'propose s1 a', 'propose s1 b', 'deliver s1>s2')
  const { events } = session.picture!
  const receives = events.flatMap(({ actor, kind }, index) =>
    actor === 's2' && kind === 'receive' ? [index] : [],
  )
  const watermarks = receives.slice(-2).map((event) => inspect(session, event)!)
  expect(watermarks.map(({ before, after }) => [before.voted, after.voted])).toEqual([
    [0, 1],
    [1, 2],
  ])
})

test('a candidate shows the progress of phase 1', () => {
  const session = play(
    'cluster 5 leader',
    'elect s1',
    'propose s1 a',
    'deliver s1>s3 accept',
    'crash s1',
    'campaign s2',
    'deliver probe',
    'deliver probe-answer',
  )
  session.perform('deliver prepare s2>s3')
  session.perform('deliver promise')
  const { before, after } = inspect(session, last(session, 's2', 'receive'))!
  expect(before).toMatchObject({ role: 'candidate', phaseOne: { first: 1, promised: [2], votes: [] } })
  expect(after.phaseOne).toMatchObject({
    promised: [2, 3],
    votes: [{ slot: 1, ballot: { seq: 1, server: 1 }, value: 'a', chosen: false }],
  })
})

test('a leaderless proposer shows its instance', () => {
  const session = play('cluster 3 leaderless', 'propose s1 a', 'deliver prepare s1>s2', 'deliver promise')
  const { before, after } = inspect(session, last(session, 's1', 'receive'))!
  expect(before.instances).toMatchObject([{ slot: 1, step: 'prepare', answered: [1] }])
  expect(after.instances).toMatchObject([{ slot: 1, step: 'accept', value: 'a' }])
  expect(after.log).toMatchObject([{ slot: 1, promised: { seq: 1, server: 1 } }])
})

test('a crash loses records that were not durable, and a restart recovers the others', () => {
  const session = play(
    'cluster 3 leader',
    'elect s1',
    'disk s2 stuck',
    'propose s1 a',
    'deliver s1>s2',
    'crash s2',
    'restart s2',
  )
  const crash = inspect(session, last(session, 's2', 'crash'))!
  expect(crash.before).toMatchObject({ process: 'up', disk: 'stuck', voted: 1 })
  expect(crash.before.journal.map(({ durable }) => durable)).toEqual([true, false])
  expect(crash.after).toMatchObject({ process: 'down', log: [] })
  expect(crash.after.journal).toHaveLength(1)
  const restart = inspect(session, last(session, 's2', 'restart'))!
  expect([restart.before.process, restart.after.process]).toEqual(['down', 'up'])
  expect(restart.after).toMatchObject({ voted: 0, promised: { seq: 1, server: 1 } })
})

test('a client has no state, and an event that does not exist is an error', () => {
  const session = play('cluster 3 leader', 'elect s1', 'request c1> a')
  expect(inspect(session, last(session, 'c1', 'send'))).toBeUndefined()
  expect(() => inspect(session, 10_000)).toThrow('there is no event 10000')
})
