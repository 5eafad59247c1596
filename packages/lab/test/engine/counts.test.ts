import { expect, test } from 'vitest'
import { counts } from '../../src/engine/counts.js'
import { Session } from '../../src/engine/session.js'

function play(...lines: string[]): Session {
  const session = new Session()
  for (const line of lines) session.perform(line)
  return session
}

test('a leader needs four message delays: request, accept, accepted, answer', () => {
  const session = play('cluster 3 leader', 'elect s1', 'request c1> a', 'settle')
  // Two each of accept, accepted and chosen, and a vote on each disk.
  expect(counts(session.picture!)).toMatchObject([
    { client: 'c1', values: ['a'], delays: 4, messages: 8, fsyncs: 3 },
  ])
})

test('without a leader two more: prepare and promise', () => {
  const session = play('cluster 3 leaderless', 'propose s1 a', 'settle')
  expect(counts(session.picture!)).toMatchObject([{ client: 'c1', delays: 6, messages: 12, fsyncs: 6 }])
})

test('a follower that is asked forwards: one delay to the leader, and one until it hears what was chosen', () => {
  const session = play('cluster 3 leader', 'elect s1', 'request c1>s2 a', 'settle')
  expect(counts(session.picture!)).toMatchObject([{ delays: 6, messages: 9 }])
})

test('heartbeats and what other requests need are not counted, nor what came before', () => {
  const session = play(
    'cluster 3 leader',
    'elect s1',
    'request c1> a',
    'settle',
    'wait 200 ms',
    'request c2> b',
    'tick s1',
    'settle',
    'wait 200 ms',
  )
  expect(counts(session.picture!)).toMatchObject([
    { client: 'c1', values: ['a'], delays: 4, messages: 8, fsyncs: 3 },
    { client: 'c2', values: ['b'], delays: 4, messages: 8, fsyncs: 3 },
  ])
})

test('what is lost is sent again, and counted', () => {
  const session = play('cluster 3 leader', 'elect s1', 'request c1> a', 'lose accept', 'wait 300 ms')
  const [count] = counts(session.picture!)
  expect(count).toMatchObject({ delays: 4, messages: 10 })
  expect(count!.durationMs).toBeGreaterThan(200)
})

test('a request without an answer has taken no time yet', () => {
  const session = play('cluster 3 leader', 'elect s1', 'request c1> a', 'deliver accept')
  expect(counts(session.picture!)).toMatchObject([{ delays: undefined, durationMs: undefined, messages: 5 }])
})
