import { describe, expect, test } from 'vitest'
import { LabSession } from '../../src/engine/lab-session.js'
import { chosenValues } from '../../src/picture/chosen-values.js'

/** What is drawn from the last command on: a row a line. */
function drawn(...lines: string[]): string[] {
  const session = new LabSession()
  for (const line of lines.slice(0, -1)) session.perform(line)
  const before = session.picture?.events.length ?? 0
  const row = session.picture?.events.at(-1)?.step ?? -1
  session.perform(lines.at(-1)!)
  const { events, messages } = session.picture!
  const rows = new Map<number, string>()
  for (const event of events.slice(before)) {
    expect(event.step).toBeGreaterThan(row)
    const head = rows.get(event.step) ?? `${event.actor}:`
    expect(head).toMatch(new RegExp(`^${event.actor}:`))
    const message = 'message' in event ? messages[event.message] : undefined
    const what = message === undefined ? '' : ` ${message.type} ${message.from}>${message.to}`
    const why = event.kind === 'lose' ? ` (${event.why})` : event.kind === 'role' ? ` ${event.role}` : ''
    const again = event.kind === 'receive' && event.again ? ' again' : ''
    rows.set(event.step, `${head} ${event.kind}${what}${why}${again};`)
  }
  return [...rows.values()]
}

const LEADER = ['cluster 3 leader', 'elect s1']

describe('the recorder', () => {
  test('draws a request that reaches a server, and the records and messages that follow', () => {
    expect(drawn(...LEADER, 'request c1>s1 a')).toEqual([
      'c1: send request c1>s1;',
      's1: receive request c1>s1; write; send accept s1>s2; send accept s1>s3; durable;',
    ])
  })

  test('draws a vote as durable before its answer leaves, up to the answer to the client', () => {
    const story = [...LEADER, 'request c1>s1 a']
    expect(drawn(...story, 'deliver s1>s2 accept')).toEqual([
      's2: receive accept s1>s2; write; durable; send accepted s2>s1;',
    ])
    expect(drawn(...story, 'deliver s1>s2 accept', 'deliver accepted')).toEqual([
      's1: receive accepted s2>s1; write; chosen; execute; send chosen s1>s2; send chosen s1>s3; send answer s1>c1;',
      'c1: receive answer s1>c1;',
      's1: durable;',
    ])
  })

  test('draws duplicates, losses, cut links and servers that are down', () => {
    const story = [...LEADER, 'request c1>s1 a', 'duplicate s1>s2 accept']
    expect(drawn(...story, 'deliver s1>s2 accept')).toEqual([
      's2: receive accept s1>s2 again; send accepted s2>s1;',
    ])
    expect(drawn(...story, 'lose s1>s3')).toEqual(['s3: lose accept s1>s3 (lost on the way);'])
    expect(drawn(...story, 'cut s1>s3', 'deliver s1>s3')).toEqual([
      's3: lose accept s1>s3 (the link is cut);',
    ])
    expect(drawn(...story, 'crash s3', 'deliver s1>s3')).toEqual(['s3: lose accept s1>s3 (s3 is down);'])
  })

  test('draws crashes, restarts, pauses and resumes', () => {
    expect(drawn(...LEADER, 'crash s1')).toEqual(['s1: crash;'])
    expect(drawn(...LEADER, 'crash s1', 'restart s1')).toEqual(['s1: restart; role no leader;'])
    expect(drawn(...LEADER, 'pause s1')).toEqual(['s1: pause;'])
    expect(drawn(...LEADER, 'pause s1', 'resume s1')).toEqual(['s1: resume;'])
  })

  test('draws timers, and their effects', () => {
    expect(drawn(...LEADER, 'tick s1')).toEqual(['s1: timer; send heartbeat s1>s2; send heartbeat s1>s3;'])
  })

  test('draws the write of a stuck disk first, and its durability later in a row of its own', () => {
    const story = [...LEADER, 'disk s2 stuck', 'request c1>s1 a', 'deliver s1>s2 accept']
    expect(drawn(...story)).toEqual(['s2: receive accept s1>s2; write;'])
    expect(drawn(...story, 'sync s2')).toEqual(['s2: durable; send accepted s2>s1;'])
  })

  test('draws a client of leaderless mode that asks every server', () => {
    expect(drawn('cluster 3 leaderless', 'crash s3', 'request c2> a')).toEqual([
      'c2: send request c2>s1; send request c2>s2; send request c2>s3;',
      's3: lose request c2>s3 (s3 is down);',
      's1: receive request c2>s1;',
      's2: receive request c2>s2;',
    ])
  })

  test('draws a read as a request', () => {
    const story = [...LEADER, 'read s2', 'deliver observe']
    expect(drawn(...LEADER, 'read s2')[0]).toBe('c2: send request c2>s2;')
    expect(drawn(...story, 'deliver observed').join(' ')).toContain('send answer s2>c2;')
  })

  test('draws the installation of a snapshot', () => {
    const story = [
      'cluster 3 leader',
      'elect s1',
      'cut s1 s3',
      'cut s2 s3',
      'propose s1 a b',
      'settle',
      'trim s1 2',
      'heal',
    ]
    const rows = drawn(...story, 'wait 600 ms')
    expect(rows.some((row) => /^s3: receive trimmed s1>s3; note; .*execute;/.test(row))).toBe(true)
  })
})

test('orders clients by their first request, before the servers', () => {
  const session = LabSession.parse(
    'cluster 2 leader\n\npropose s2 a\n\nrequest c1>s2 b\n\npropose s1 c7:open\n',
  )
  expect(session.picture?.actors).toEqual(['c2', 'c1', 'c7', 's1', 's2'])
  session.seek(2)
  expect(session.picture?.actors).toEqual(['c2', 's1', 's2'])
})

test('adds a configuration when a server first knows of a change of the voters', () => {
  const session = new LabSession()
  const story = [
    'cluster 4 leader founders=3 window=2',
    'elect s1',
    'propose s1 add-s4',
    'settle',
    'join s4 s1',
    'settle',
  ]
  for (const command of [...story, 'propose s1 promote-s4', 'settle', 'propose s1 a', 'settle'])
    session.perform(command)
  const founders = { first: 1, voters: [1, 2, 3], quorums: { phase1: 2, phase2: 2 } }
  const all = { first: 4, voters: [1, 2, 3, 4], quorums: { phase1: 3, phase2: 3 } }
  expect(session.picture?.configurations).toEqual([founders, all])
  expect(chosenValues(session.picture!).at(-1)).toMatchObject({ slot: 4, value: 'a', quorum: { length: 3 } })
  session.seek(story.length)
  expect(session.picture?.configurations).toEqual([founders])
})
