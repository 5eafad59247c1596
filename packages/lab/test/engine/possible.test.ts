import { expect, test } from 'vitest'
import { type PossibleAction, possible } from '../../src/engine/possible.js'
import { LabSession } from '../../src/engine/lab-session.js'

function play(...lines: string[]): LabSession {
  const session = new LabSession()
  for (const line of lines) session.perform(line)
  return session
}

const LEADER = ['cluster 3 leader', 'elect s1']
const MEMBERS = ['cluster 4 leader founders=3 window=2', 'elect s1']
const STORIES = [
  [...LEADER, 'request c1> a', 'request c2> b', 'hold s1>s2 accept #1', 'cut s1 s3', 'pause s3'],
  [...LEADER, 'disk s2 stuck', 'request c1> a', 'deliver s1>s2', 'crash s3', 'propose s1 b'],
  ['cluster 3 leaderless', 'propose s1 a', 'submit s2 b', 'pause s1', 'tick s2 prepare', 'crash s3'],
  [...LEADER, 'request c1> a', 'settle', 'trim s1 1', 'pause s2', 'crash s1'],
  ['cluster 3 leader', 'pause s1', 'pause s2', 'crash s3'],
  [...MEMBERS, 'settle'],
  [...MEMBERS, 'propose s1 add-s4', 'settle'],
  [...MEMBERS, 'propose s1 add-s4', 'settle', 'join s4 s1', 'wait 600 ms'],
  [...MEMBERS, 'propose s1 remove-s2', 'settle', 'request c1> x', 'settle'],
]

function all(session: LabSession): PossibleAction[] {
  const { messages, servers, links, clients, cluster } = possible(session)
  return [...messages, ...servers, ...links, ...clients]
    .flatMap(({ actions }) => [...actions])
    .concat(cluster)
}

/** What a command is answered; `refused` if it cannot be carried out. */
function answerOf(session: LabSession, command: string): string {
  try {
    return session.perform(command).join('\n')
  } catch {
    return 'refused'
  }
}

test.each(STORIES)(
  'every action that is offered works, and every disabled action is refused or changes nothing: %s %s …',
  (...story) => {
    for (const { command, why } of all(play(...story))) {
      const session = play(...story)
      if (why === undefined) {
        const before = session.stage?.cluster.network.transits.length
        expect(() => session.perform(command), command).not.toThrow()
        expect(session.answer.join('\n'), command).not.toContain('(waits: ')
        if (/^(lose|hold)/.test(command))
          expect(session.stage?.cluster.network.transits.length).toBe(before! - 1)
        continue
      }
      expect(why).toMatch(/^[A-Za-z].*\.$/)
      // The core decides the effects of these.
      if (why === 'Nobody leads in leaderless mode.' || why.endsWith('none for good.')) continue
      expect(answerOf(session, command), command).toMatch(
        /^(ok|nothing new|refused|.*waits: s\d is paused\))$/,
      )
    }
  },
)

test('an action names one message, even if several of its type are under way', () => {
  const session = play(...LEADER, 'propose s1 a', 'propose s1 b')
  const { messages } = possible(session)
  const b = messages.filter(({ message }) => session.picture!.messages[message]?.values.includes('b'))
  const [{ actions }] = b as [(typeof b)[0]]
  expect(actions.map(({ command }) => command)).toEqual([
    'deliver s1>s2 accept #2',
    'duplicate s1>s2 accept #2',
    'lose s1>s2 accept #2',
    'hold s1>s2 accept #2',
  ])
  session.perform('deliver s1>s2 accept #2')
  expect(session.answer[0]).toBe('s1 > s2: accept (1, s1) in slot 2: b')
})

test('clients are offered a new value, and one new client is offered', () => {
  const { clients } = possible(play(...LEADER, 'request c1> a', 'request c3> b'))
  expect(clients.map(({ client }) => client)).toEqual(['c1', 'c3', 'c2'])
  expect(clients[0]?.actions[0]).toEqual({ name: 'the leader', command: 'request c1> c', why: undefined })
})

test('no action is offered before the first command', () => {
  expect(all(new LabSession())).toEqual([])
})

test('a server is added, joins, gets a vote and is removed, each when it is possible', () => {
  const session = play(...MEMBERS)
  const take = (name: string) => {
    const { servers } = possible(session)
    const action = servers.find(({ server }) => server === 4)?.actions.find((it) => it.name === name)
    expect(action?.why, name).toBeUndefined()
    session.perform(action?.command ?? '')
    session.perform('settle')
  }
  for (const name of ['add', 'join', 'promote', 'remove']) take(name)
  const { servers } = possible(session)
  const again = servers.find(({ server }) => server === 4)?.actions.find(({ name }) => name === 'add')
  expect(again?.why).toBe('s4 was a member, and is none for good.')
})
