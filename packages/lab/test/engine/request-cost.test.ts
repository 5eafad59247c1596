import { expect, test } from 'vitest'
import { counts } from '../../src/engine/request-cost.js'
import { LabSession } from '../../src/engine/lab-session.js'

function play(...lines: string[]): LabSession {
  const session = new LabSession()
  for (const line of lines) session.perform(line)
  return session
}

test('leader mode takes four message delays: request, accept, accepted, answer', () => {
  const session = play('cluster 3 leader', 'elect s1', 'request c1> a', 'settle')
  // Two each of accept, accepted and chosen, and a vote on each disk.
  expect(counts(session.picture!)).toMatchObject([
    { client: 'c1', values: ['a'], delays: 4, messages: 8, fsyncs: 3 },
  ])
})

test('leaderless mode takes two more delays: prepare and promise', () => {
  const session = play('cluster 3 leaderless', 'propose s1 a', 'settle')
  expect(counts(session.picture!)).toMatchObject([{ client: 'c1', delays: 6, messages: 12, fsyncs: 6 }])
})

test('a request to a follower takes two more delays: one to the leader, and one for chosen', () => {
  const session = play('cluster 3 leader', 'elect s1', 'request c1>s2 a', 'settle')
  expect(counts(session.picture!)).toMatchObject([{ delays: 6, messages: 9 }])
})

test('heartbeats, earlier messages and those of other requests are not counted', () => {
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

test('a message that is sent again after a loss is counted', () => {
  const session = play('cluster 3 leader', 'elect s1', 'request c1> a', 'lose accept', 'wait 300 ms')
  const [count] = counts(session.picture!)
  expect(count).toMatchObject({ delays: 4, messages: 10 })
  expect(count!.durationMs).toBeGreaterThan(200)
})

test('a request without an answer has no delays and no duration yet', () => {
  const session = play('cluster 3 leader', 'elect s1', 'request c1> a', 'deliver accept')
  expect(counts(session.picture!)).toMatchObject([{ delays: undefined, durationMs: undefined, messages: 5 }])
})
