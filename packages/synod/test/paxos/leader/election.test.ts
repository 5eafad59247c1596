import { describe, expect, test } from 'vitest'
import { compareBallots } from '../../../src/paxos/ballot.js'
import { Cluster, texts, value } from '../../../../testing/src/cluster/cluster.js'
import { LoneServer, ballot, chosenVote, only, vote } from '../lone-server.js'

describe('an election', () => {
  test('is phase 1, run once for all slots', () => {
    const cluster = new Cluster()
    cluster.step(1, { type: 'tick' })
    cluster.deliverAll('probe')
    cluster.deliverAll('probe-answer')
    cluster.sync(1)
    expect(cluster.network.underWay('prepare').map(({ message }) => message)).toEqual([
      { type: 'prepare', ballot: ballot(1, 1), scope: 'log', slot: 1 },
      { type: 'prepare', ballot: ballot(1, 1), scope: 'log', slot: 1 },
    ])
    cluster.settle()
    expect(cluster.paxos(1).status()).toMatchObject({ role: 'leader', ballot: ballot(1, 1), leader: 1 })
    for (const id of [2, 3]) {
      expect(cluster.paxos(id).status()).toMatchObject({ role: 'follower', ballot: ballot(1, 1), leader: 1 })
    }
    cluster.propose(1, 'a', 'b')
    cluster.propose(1, 'c')
    cluster.settle()
    expect(cluster.network.sent.get('prepare')).toBe(2)
  })

  test('starts by itself, and ends with one leader', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const cluster = new Cluster({ seed, servers: 5 })
      const leader = cluster.elect()
      cluster.wait(3000)
      expect(cluster.ids.map((id) => cluster.paxos(id).leader)).toEqual([
        leader,
        leader,
        leader,
        leader,
        leader,
      ])
    }
  })

  test('needs a quorum', () => {
    const cluster = new Cluster({ servers: 5 })
    cluster.network.isolate(1, [3, 4, 5])
    cluster.network.isolate(2, [3, 4, 5])
    cluster.wait(5000)
    expect([1, 2]).not.toContain(cluster.leader())
    expect([3, 4, 5]).toContain(cluster.leader())
  })

  test('ignores promises of an earlier campaign', () => {
    const server = new LoneServer()
    const first = server.becomeCandidate()
    server.sync()
    server.tick(server.nowMs + 4 * server.config.electionTimeoutMs)
    expect(server.status.role).toBe('follower')
    const second = server.becomeCandidate()
    server.sync()
    expect(compareBallots(second, first)).toBeGreaterThan(0)
    server.receivePromise(2, first)
    expect(server.status.role).toBe('candidate')
    server.receivePromise(2, second)
    expect(server.status.role).toBe('leader')
  })

  test('is not changed by a promise that arrives after it', () => {
    const server = new LoneServer()
    const at = server.becomeLeader()
    server.propose('mine')
    expect(server.receivePromise(3, at, [vote(1, ballot(1, 3), 'other')], 1)).toEqual([])
    expect(server.paxos.log.status(1)).toEqual({ status: 'voted', ballot: at, value: value('mine') })
  })

  test('does not count a promise for one slot', () => {
    const server = new LoneServer()
    const at = server.becomeCandidate()
    server.sync()
    server.receive(2, { type: 'promise', ballot: at, scope: 'slot', slot: 1, votes: [], next: 0 })
    expect(server.status.role).toBe('candidate')
  })

  test('counts a repeated promise once', () => {
    const server = new LoneServer({ servers: [1, 2, 3, 4, 5] })
    const at = server.becomeCandidate()
    server.sync()
    server.receivePromise(2, at)
    server.receivePromise(2, at)
    expect(server.status.role).toBe('candidate')
  })

  test('sends lost prepares again, to servers that have not answered', () => {
    const cluster = new Cluster({ servers: 5 })
    cluster.step(1, { type: 'tick' })
    cluster.deliverAll('probe')
    cluster.deliverAll('probe-answer')
    cluster.sync(1)
    expect(cluster.network.lose('prepare', ({ to }) => to !== 2)).toHaveLength(3)
    cluster.settle()
    expect(cluster.paxos(1).status().role).toBe('candidate')
    cluster.nowMs += cluster.server(1).config.resendMs
    cluster.step(1, { type: 'tick' })
    expect(cluster.network.underWay('prepare').map(({ to }) => to)).toEqual([3, 4, 5])
    cluster.settle()
    expect(cluster.paxos(1).status().role).toBe('leader')
  })

  test('continues while promises arrive, however many messages they take', () => {
    const server = new LoneServer()
    const at = server.becomeCandidate()
    server.sync()
    const pages = 20
    for (let page = 1; page <= pages; page++) {
      server.tick(server.nowMs + server.config.electionTimeoutMs / 2)
      expect(server.status).toMatchObject({ role: 'candidate', ballot: at })
      const next = page < pages ? page + 1 : 0
      server.receive(2, { type: 'promise', ballot: at, scope: 'log', slot: page, votes: [], next })
    }
    expect(server.status).toMatchObject({ role: 'leader', ballot: at })
  })

  test('is given up by a candidate without a quorum, which probes again first', () => {
    const server = new LoneServer()
    server.becomeCandidate()
    server.tick(server.nowMs + 2 * server.config.electionTimeoutMs)
    expect(server.status).toMatchObject({ role: 'follower', leader: undefined })
    const asked = server.tick(server.nowMs + 2 * server.config.electionTimeoutMs)
    expect(asked.map(({ type }) => type)).toEqual(['probe', 'probe'])
  })
})

describe('a new leader proposes', () => {
  /** A candidate of five servers hears these votes from s2 and s3. */
  function lead(...told: ReturnType<typeof vote>[][]) {
    const server = new LoneServer({ servers: [1, 2, 3, 4, 5] })
    const at = server.becomeCandidate()
    server.sync()
    const messages = told.flatMap((votes, index) => server.receivePromise(2 + index, at, votes, 1))
    expect(server.status.role).toBe('leader')
    return { server, accepts: only(messages, 'accept').slice(0, only(messages, 'accept').length / 4) }
  }

  test('nothing if no server has voted', () => {
    expect(lead([], []).accepts).toEqual([])
  })

  test('the value of the only vote in a slot', () => {
    const { accepts } = lead([vote(1, ballot(3, 2), 'a')], [])
    expect(accepts.map(({ values }) => texts(values))).toEqual([['a']])
  })

  test.each(['first', 'last'])('of several votes the one at the highest ballot, received %s', (when) => {
    const low = [vote(1, ballot(4, 1), 'low')]
    const high = [vote(1, ballot(4, 2), 'high')]
    const { accepts } = when === 'first' ? lead(high, low) : lead(low, high)
    expect(accepts.map(({ values }) => texts(values))).toEqual([['high']])
  })

  test('in each slot the highest vote there, independent of other slots', () => {
    const { accepts } = lead(
      [vote(1, ballot(9, 2), 'a9'), vote(2, ballot(1, 2), 'b1')],
      [vote(1, ballot(2, 3), 'a2'), vote(2, ballot(5, 3), 'b5')],
    )
    expect(accepts.map(({ values }) => texts(values))).toEqual([['a9', 'b5']])
  })

  test('its own last vote if that is the highest', () => {
    const server = new LoneServer({}, [
      { type: 'vote', ballot: ballot(7, 2), first: 1, values: [value('own')] },
    ])
    server.becomeLeader([vote(1, ballot(3, 2), 'other')])
    expect(server.paxos.log.status(1)).toMatchObject({ status: 'voted', value: value('own') })
    expect(server.status.ballot).toEqual(ballot(8, 1))
  })

  test('a no-op in each hole below the highest vote', () => {
    const { accepts } = lead([vote(4, ballot(1, 2), 'd')], [vote(2, ballot(1, 3), 'b')])
    expect(accepts.map(({ first, values }) => [first, texts(values)])).toEqual([[1, ['-', 'b', '-', 'd']]])
  })

  test('no value in a slot that is known to be chosen', () => {
    const { accepts, server } = lead([chosenVote(1, 'a'), vote(2, ballot(1, 2), 'b')], [chosenVote(3, 'c')])
    expect(accepts.map(({ first, values }) => [first, texts(values)])).toEqual([[2, ['b']]])
    expect(server.paxos.chosen).toBe(1)
    expect(server.paxos.log.status(3)).toEqual({ status: 'chosen', value: value('c') })
  })

  test('new values above every vote in the promises', () => {
    const { server } = lead([vote(5, ballot(1, 2), 'e')], [])
    expect(only(server.propose('new'), 'accept')[0]?.first).toBe(6)
  })

  test('new values above its own chosen prefix', () => {
    const server = new LoneServer({}, [{ type: 'decided', first: 1, values: ['a', 'b', 'c'].map(value) }])
    server.becomeLeader()
    expect(only(server.propose('new'), 'accept')[0]?.first).toBe(4)
  })
})
