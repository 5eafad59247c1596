import { describe, expect, test } from 'vitest'
import { compareBallots } from '../../src/paxos/ballot.js'
import { Chaos } from '../../../testing/src/cluster/chaos.js'
import { Cluster, texts, value } from '../../../testing/src/cluster/cluster.js'
import { runTimed } from '../../../testing/src/cluster/run-timed.js'
import { LoneServer, ballot, chosenVote, only, vote } from './lone-server.js'

/**
 * Where published implementations of MultiPaxos went wrong. Each test fails if the mistake is made
 * here.
 */

const { electionTimeoutMs } = new LoneServer().config

describe('PITFALL 1: a candidate is bound by its own promise before it reads its own votes', () => {
  test('PITFALL 1: it does not vote for the old leader, even before its promise is durable', () => {
    const server = new LoneServer({ self: 2 })
    server.becomeCandidate()
    const accept = { type: 'accept', ballot: ballot(0, 1), first: 1, values: [value('late')] } as const
    expect(server.receive(1, accept)).toMatchObject([{ type: 'nack' }])
    expect(server.paxos.log.status(1)).toEqual({ status: 'empty' })
  })

  test('PITFALL 1: its promise is durable before its prepare leaves, and binds after a restart', () => {
    const server = new LoneServer({ self: 2 })
    const at = server.becomeCandidate()
    expect(only(server.sync(), 'prepare')).toHaveLength(2)
    expect(server.journal).toEqual([{ type: 'promise', scope: 'log', slot: 0, ballot: at }])
    server.restart()
    const accept = { type: 'accept', ballot: ballot(0, 1), first: 1, values: [value('late')] } as const
    expect(server.exchange(1, accept)).toMatchObject([{ type: 'nack' }])
  })

  test('PITFALL 1: a late accept of the old leader gets no second vote from it', () => {
    const cluster = new Cluster()
    cluster.makeLeader(1)
    cluster.propose(1, 'late')
    cluster.sync(1)
    const late = cluster.network.lose('accept').filter(({ to }) => to === 2)
    cluster.network.isolate(1)
    cluster.nowMs += 4 * electionTimeoutMs
    cluster.step(2, { type: 'tick' })
    cluster.deliverAll('probe')
    cluster.deliverAll('probe-answer')
    cluster.sync(2)
    cluster.network.heal()
    cluster.network.transits.push(...late)
    cluster.deliverAll('accept')
    cluster.network.isolate(1)
    cluster.settle()
    expect(cluster.paxos(2).status().role).toBe('leader')
    cluster.propose(2, 'new')
    cluster.settle()
    cluster.network.heal()
    cluster.wait(1000)
    for (const id of cluster.ids) expect(texts(cluster.prefix(id))).toEqual(['new'])
  })
})

describe('PITFALL 2: a promise lists slots that are already chosen', () => {
  test('PITFALL 2: as chosen, with a vote of this server there at any ballot, or none', () => {
    const server = new LoneServer({}, [
      { type: 'vote', ballot: ballot(1, 2), first: 1, values: [value('a')] },
      { type: 'chosen', first: 1, last: 1 },
      { type: 'decided', first: 2, values: [value('b')] },
    ])
    const prepare = { type: 'prepare', ballot: ballot(5, 3), scope: 'log', slot: 1 } as const
    const [promise] = only(server.exchange(3, prepare), 'promise')
    expect(promise?.votes).toEqual([
      { slot: 1, ballot: ballot(1, 2), value: value('a'), chosen: true },
      chosenVote(2, 'b'),
    ])
  })

  test('PITFALL 2: a new leader that missed them chooses no other value there', () => {
    const cluster = new Cluster()
    cluster.makeLeader(1)
    cluster.network.isolate(3)
    cluster.propose(1, 'a', 'b')
    cluster.settle()
    cluster.crash(1)
    cluster.network.heal()
    cluster.makeLeader(3)
    cluster.propose(3, 'c')
    cluster.settle()
    expect(texts(cluster.prefix(3))).toEqual(['a', 'b', 'c'])
    expect(texts(cluster.prefix(2))).toEqual(['a', 'b', 'c'])
  })

  test('PITFALL 2: dropped slots are not taken for empty ones', () => {
    const cluster = new Cluster()
    cluster.makeLeader(1)
    cluster.network.isolate(3)
    cluster.propose(1, 'a', 'b', 'c')
    cluster.settle()
    cluster.step(2, { type: 'trim', slot: 2 })
    cluster.crash(1)
    cluster.network.heal()
    cluster.wait(5000)
    for (const slot of [1, 2]) expect(cluster.paxos(3).log.status(slot)).toEqual({ status: 'empty' })
  })

  test('PITFALL 2: in leaderless mode, a promise reports a slot that was chosen elsewhere', () => {
    const cluster = new Cluster({ mode: 'leaderless' })
    cluster.network.isolate(3)
    cluster.proposeAlone(1, 'a')
    cluster.settle()
    cluster.crash(1)
    cluster.network.heal()
    cluster.proposeAlone(3, 'b')
    cluster.settle()
    expect(texts(cluster.prefix(3))).toEqual(['a', 'b'])
  })
})

describe('PITFALL 3: a promise lists a vote at the ballot at which it was cast', () => {
  test('PITFALL 3: not at a later promised ballot, nor at the ballot of the prepare', () => {
    const server = new LoneServer()
    server.exchange(2, { type: 'accept', ballot: ballot(1, 2), first: 1, values: [value('a')] })
    server.exchange(3, { type: 'prepare', ballot: ballot(4, 3), scope: 'slot', slot: 1 })
    server.exchange(3, { type: 'prepare', ballot: ballot(5, 3), scope: 'log', slot: 1 })
    for (const scope of ['log', 'slot'] as const) {
      const prepare = { type: 'prepare', ballot: ballot(9, 2), scope, slot: 1 } as const
      const [promise] = only(server.exchange(2, prepare), 'promise')
      expect(promise?.votes).toEqual([vote(1, ballot(1, 2), 'a')])
    }
  })

  test('PITFALL 3: an old vote does not win over a newer one because its server promised a higher ballot later', () => {
    const cluster = new Cluster({ servers: 5 })
    cluster.makeLeader(1)
    cluster.propose(1, 'old')
    cluster.network.lose('accept')
    cluster.sync(1)
    cluster.network.isolate(1)
    cluster.makeLeader(2)
    cluster.propose(2, 'new')
    cluster.network.lose('accept', ({ to }) => to === 4 || to === 5)
    for (let round = 0; round < 3; round++) {
      cluster.deliverAll('accept')
      for (const id of [2, 3]) cluster.sync(id)
    }
    cluster.network.transits = []
    // Two of five have voted for "new" at a higher ballot; then s1 promises every ballot there is.
    cluster.network.heal()
    cluster.network.isolate(2)
    cluster.makeLeader(4)
    cluster.settle()
    expect(texts(cluster.prefix(4))).toEqual(['new'])
    cluster.network.heal()
    cluster.wait(1000)
    for (const id of cluster.ids) expect(texts(cluster.prefix(id))).toEqual(['new'])
  })
})

describe('PITFALL 4: a new leader proposes above its own chosen prefix, though the quorum shows no votes', () => {
  test('PITFALL 4: the first proposal goes into the slot after the prefix', () => {
    const server = new LoneServer({}, [{ type: 'decided', first: 1, values: ['a', 'b'].map(value) }])
    server.becomeLeader()
    expect(only(server.propose('c'), 'accept')[0]?.first).toBe(3)
  })

  test('PITFALL 4: the first proposal after a change of leaders without open slots also goes there', () => {
    const cluster = new Cluster()
    cluster.makeLeader(1)
    cluster.propose(1, 'a', 'b')
    cluster.settle()
    cluster.makeLeader(2)
    cluster.propose(2, 'c')
    cluster.settle()
    for (const id of cluster.ids) expect(texts(cluster.prefix(id))).toEqual(['a', 'b', 'c'])
  })
})

describe('PITFALL 5: holes between adopted votes are filled', () => {
  test('PITFALL 5: with no-ops, so that later slots are executed', () => {
    const cluster = new Cluster()
    cluster.makeLeader(1)
    for (const text of ['a', 'b', 'c']) cluster.propose(1, text)
    cluster.deliverAll('accept', ({ message }) => message.type === 'accept' && message.first === 3)
    cluster.sync(2)
    cluster.sync(3)
    cluster.network.transits = []
    cluster.kill(1)
    cluster.makeLeader(2)
    expect(texts(cluster.prefix(2))).toEqual(['-', '-', 'c'])
    expect(texts(cluster.prefix(3))).toEqual(['-', '-', 'c'])
  })

  test('PITFALL 5: also between chosen slots', () => {
    const server = new LoneServer({}, [
      { type: 'decided', first: 1, values: [value('a')] },
      { type: 'decided', first: 4, values: [value('d')] },
    ])
    server.becomeLeader([vote(3, ballot(1, 2), 'c')])
    expect(texts([2, 3].map((slot) => server.paxos.log.find(slot)!.value!))).toEqual(['-', 'c'])
    expect(only(server.propose('e'), 'accept')[0]?.first).toBe(5)
  })
})

describe('PITFALL 6: "chosen up to here" says nothing about votes at another ballot', () => {
  test('PITFALL 6: a vote for an old leader is not chosen by a message of the new one', () => {
    const server = new LoneServer({ self: 3 })
    server.exchange(1, { type: 'accept', ballot: ballot(1, 1), first: 1, values: [value('old')] })
    server.receive(2, { type: 'chosen', ballot: ballot(2, 2), first: 1, last: 1 })
    expect(server.paxos.log.status(1)).toMatchObject({ status: 'voted', value: value('old') })
    expect(server.paxos.chosen).toBe(0)
    server.receive(2, { type: 'decided', first: 1, values: [value('new')] })
    expect(server.paxos.log.status(1)).toEqual({ status: 'chosen', value: value('new') })
  })

  test('PITFALL 6: a vote for an old leader is not chosen by the watermark of a heartbeat', () => {
    const server = new LoneServer({ self: 3 })
    server.exchange(1, { type: 'accept', ballot: ballot(1, 1), first: 1, values: [value('old')] })
    server.receive(2, { type: 'heartbeat', ballot: ballot(2, 2), round: 1, chosen: 1, voted: 1 })
    expect(server.paxos.chosen).toBe(0)
  })

  test('PITFALL 6: a server with an old vote learns the new value', () => {
    const cluster = new Cluster()
    cluster.makeLeader(1)
    cluster.propose(1, 'old')
    cluster.deliverAll('accept', ({ to }) => to === 3)
    cluster.crash(1)
    cluster.network.transits = []
    cluster.sync(3)
    cluster.restart(1)
    cluster.network.isolate(3)
    cluster.makeLeader(2)
    cluster.propose(2, 'new')
    cluster.deliverAll('accept')
    cluster.sync(1)
    cluster.sync(2)
    cluster.deliverAll('accepted')
    cluster.network.heal()
    cluster.settle()
    expect(texts(cluster.prefix(3))).toEqual(['new'])
  })
})

describe('PITFALL 7: a reported write is the value that a quorum made durable', () => {
  test('PITFALL 7: "chosen" names the ballot of the votes, not a later ballot of the slot', () => {
    const server = new LoneServer({ mode: 'leaderless', servers: [1, 2, 3, 4, 5] })
    server.proposeAndStart('a')
    server.sync()
    const promise = {
      type: 'promise',
      ballot: ballot(1, 1),
      scope: 'slot',
      slot: 1,
      votes: [],
      next: 0,
    } as const
    server.receive(3, promise)
    server.receive(4, promise)
    server.sync()
    // A rival has adopted the value at a higher ballot, and this server has voted for it there.
    server.exchange(2, { type: 'prepare', ballot: ballot(2, 2), scope: 'slot', slot: 1 })
    server.exchange(2, { type: 'accept', ballot: ballot(2, 2), first: 1, values: [value('a')] })
    const accepted = { type: 'accepted', ballot: ballot(1, 1), first: 1, last: 1 } as const
    server.receive(3, accepted)
    const [chosen] = only(server.receive(4, accepted), 'chosen')
    expect(chosen).toEqual({ type: 'chosen', ballot: ballot(1, 1), first: 1, last: 1 })
    expect(server.paxos.log.status(1)).toEqual({ status: 'chosen', value: value('a') })
  })

  test('PITFALL 7: a request is done only if it won its slot', () => {
    const server = new LoneServer({ mode: 'leaderless' })
    server.proposeAndStart('mine')
    server.sync()
    server.receive(2, { type: 'decided', first: 1, values: [value('other')] })
    expect(only(server.sync(), 'prepare').map(({ slot }) => slot)).toEqual([2, 2])
    expect(server.paxos.log.status(1)).toEqual({ status: 'chosen', value: value('other') })
  })

  test('PITFALL 7: a leader reports as chosen its proposal at its ballot, not a later value', () => {
    const server = new LoneServer()
    const at = server.becomeLeader()
    server.propose('mine')
    server.sync()
    const later = ballot(at.seq + 1, 2)
    server.exchange(2, { type: 'prepare', ballot: later, scope: 'log', slot: 1 })
    server.exchange(2, { type: 'accept', ballot: later, first: 1, values: [value('other')] })
    server.receive(3, { type: 'accepted', ballot: at, first: 1, last: 1 })
    expect(server.paxos.log.status(1)).toMatchObject({ status: 'voted', ballot: later })
    expect(server.paxos.chosen).toBe(0)
  })
})

describe('PITFALL 8: a preempted proposer does not retry at once', () => {
  test('PITFALL 8: leader mode: it follows, and waits for at least an election timeout', () => {
    const server = new LoneServer()
    const at = server.becomeCandidate()
    server.sync()
    server.receive(2, { type: 'nack', refused: at, ballot: ballot(9, 2), slot: 1 })
    expect(server.sync()).toEqual([])
    expect(server.tick(server.nowMs + electionTimeoutMs - 1)).toEqual([])
    expect(server.status.role).toBe('follower')
  })

  test('PITFALL 8: leader mode: simultaneous candidates end with one leader after few prepares', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const cluster = new Cluster({ seed, servers: 5 })
      for (const id of cluster.ids) cluster.step(id, { type: 'tick' })
      runTimed(cluster, () => cluster.leader() !== undefined, { limitMs: 10_000 })
      expect(cluster.network.sent.get('prepare')).toBeLessThan(100)
    }
  })

  test('PITFALL 8: leaderless mode: it waits a random time, longer each time', () => {
    const server = new LoneServer({ mode: 'leaderless' })
    server.tick()
    server.proposeAndStart('a')
    for (let round = 0; round < 10; round++) {
      const at = server.tickUntil('prepare')[0]!.ballot
      const nack = { type: 'nack', refused: at, ballot: ballot(at.seq + 1, 2), slot: 1 } as const
      expect(server.receive(2, nack)).toEqual([])
      expect(server.last?.records).toEqual([])
      expect(server.last?.deadlineMs).toBeGreaterThan(server.nowMs)
    }
    expect(server.nowMs).toBeGreaterThan(200)
  })

  test('PITFALL 8: leaderless mode: three servers that compete for a slot need few prepares', () => {
    for (let seed = 1; seed <= 5; seed++) {
      const cluster = new Cluster({ mode: 'leaderless', seed })
      const each = 20
      for (const id of cluster.ids) {
        cluster.propose(id, ...Array.from({ length: each }, (_, index) => `s${id}-${index}`))
      }
      const all = () => new Set(texts(cluster.prefix(1))).size >= 3 * each
      runTimed(cluster, () => all() || cluster.network.sent.get('prepare')! > 20_000, { limitMs: 20_000 })
      expect(cluster.network.sent.get('prepare')! / cluster.paxos(1).chosen).toBeLessThan(12)
    }
  })
})

describe('PITFALL 9: a restarted server does not resume leadership', () => {
  test('PITFALL 9: it starts as a follower that sends no heartbeats', () => {
    const server = new LoneServer()
    server.becomeLeader()
    server.restart()
    expect(server.status).toMatchObject({ role: 'follower', leader: undefined })
    expect(only(server.tick(), 'heartbeat')).toEqual([])
    expect(server.propose('a')).toEqual([])
  })

  test('PITFALL 9: its next ballot is higher than any that it used, even if no server reports that ballot', () => {
    const server = new LoneServer()
    const before = server.becomeLeader()
    server.propose('a')
    server.sync()
    server.restart()
    const after = server.becomeLeader()
    expect(compareBallots(after, before)).toBeGreaterThan(0)
  })

  test('PITFALL 9: leaderless mode: the same holds for each slot', () => {
    const server = new LoneServer({ mode: 'leaderless' }, [
      { type: 'promise', scope: 'slot', slot: 1, ballot: ballot(4, 1) },
    ])
    server.receive(2, { type: 'accept', ballot: ballot(1, 2), first: 2, values: [value('b')] })
    const prepare = server.tickUntil('prepare').find(({ slot }) => slot === 1)
    expect(prepare?.ballot).toEqual(ballot(5, 1))
  })
})

describe('PITFALL 10: quorums decide on depositions', () => {
  test('PITFALL 10: a leader that reaches some servers, but no quorum, gives up', () => {
    const cluster = new Cluster({ servers: 5 })
    cluster.makeLeader(1)
    cluster.network.isolate(1, [3, 4, 5])
    cluster.crash(5)
    // s3 and s4 miss it, but need s2, which hears from it.
    cluster.wait(6000)
    expect([2, 3, 4]).toContain(cluster.leader())
    expect(cluster.paxos(1).status().role).not.toBe('leader')
  })

  test('PITFALL 10: a server cut off from the leader alone does not depose it', () => {
    const cluster = new Cluster()
    const at = cluster.makeLeader(1)
    cluster.network.isolate(3, [1])
    cluster.wait(10_000)
    expect(cluster.paxos(1).status()).toMatchObject({ role: 'leader', ballot: at })
    expect(cluster.paxos(2).status()).toMatchObject({ leader: 1, ballot: at })
  })
})

describe('PITFALL 11: a leader hint carries a ballot', () => {
  /** s1 led, and does not know that s2 leads now. */
  function deposed() {
    const cluster = new Cluster()
    const before = cluster.makeLeader(1)
    cluster.network.isolate(1)
    const after = cluster.makeLeader(2)
    cluster.network.heal()
    return { cluster, before, after }
  }

  test('PITFALL 11: the hint of a deposed leader has a lower ballot than those of the others', () => {
    const { cluster, before, after } = deposed()
    expect(cluster.paxos(1).status()).toMatchObject({ leader: 1, ballot: before })
    expect(cluster.paxos(2).status()).toMatchObject({ leader: 2, ballot: after })
    expect(cluster.paxos(3).status()).toMatchObject({ leader: 2, ballot: after })
    expect(compareBallots(before, after)).toBeLessThan(0)
  })

  test('PITFALL 11: a heartbeat of the deposed leader does not replace a newer hint', () => {
    const { cluster, after, before } = deposed()
    const heartbeat = { type: 'heartbeat', ballot: before, round: 9, chosen: 0, voted: 0 } as const
    cluster.step(3, { type: 'message', from: 1, message: heartbeat })
    expect(cluster.paxos(3).status()).toMatchObject({ leader: 2, ballot: after })
    expect(cluster.network.underWay('nack').map(({ message }) => message.ballot)).toEqual([after])
  })

  test('PITFALL 11: all hints at one ballot name one leader', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const cluster = new Cluster({ seed, servers: 5 })
      const chaos = new Chaos(cluster)
      for (let event = 0; event < 3000; event++) {
        chaos.event()
        for (const id of cluster.ids) {
          const { ballot, leader } = cluster.paxos(id).status()
          if (leader !== undefined) expect(ballot.server).toBe(leader)
        }
      }
    }
  })
})

describe('PITFALL 12: leaderless: a request in two slots, or behind a hole', () => {
  test('PITFALL 12: a request that its server knows to be chosen is not proposed again', () => {
    const cluster = new Cluster({ mode: 'leaderless' })
    cluster.proposeAlone(1, 'a')
    cluster.settle()
    cluster.proposeAlone(1, 'b')
    cluster.settle()
    cluster.wait(2000)
    expect(texts(cluster.prefix(2))).toEqual(['a', 'b'])
  })

  test('PITFALL 12: a request chosen twice stays in both slots, and neither becomes a no-op', () => {
    const server = new LoneServer({ mode: 'leaderless' })
    server.receive(2, { type: 'decided', first: 1, values: ['x', 'x'].map(value) })
    expect([1, 2].map((slot) => server.paxos.log.status(slot))).toEqual([
      { status: 'chosen', value: value('x') },
      { status: 'chosen', value: value('x') },
    ])
    expect(server.paxos.chosen).toBe(2)
  })

  test('PITFALL 12: a request behind a hole without a proposer does not wait for ever', () => {
    const cluster = new Cluster({ mode: 'leaderless' })
    cluster.proposeAlone(3, 'lost')
    cluster.sync(3)
    cluster.deliverAll('prepare')
    cluster.sync(1)
    cluster.sync(2)
    cluster.crash(3)
    cluster.network.transits = []
    cluster.proposeAlone(1, 'a')
    cluster.run(() => [1, 2].every((id) => texts(cluster.prefix(id)).includes('a')), 1000)
    expect(texts(cluster.prefix(1))).toEqual(['-', 'a'])
  })
})

describe('PITFALL 24: no proposal waits for others', () => {
  test('PITFALL 24: leader mode: a single proposal leaves in the step in which it arrives', () => {
    const server = new LoneServer()
    server.becomeLeader()
    server.sync()
    expect(only(server.propose('alone'), 'accept')).toHaveLength(2)
    expect(server.last?.records).toHaveLength(1)
    expect(only(server.receive(2, { type: 'forward', values: [value('alone')] }), 'accept')).toHaveLength(2)
  })

  test('PITFALL 24: leader mode: the last queued proposal leaves as soon as the window has room', () => {
    const server = new LoneServer({ window: 2 })
    const at = server.becomeLeader()
    server.propose('a', 'b', 'last')
    server.sync()
    const [accept] = only(server.receive(2, { type: 'accepted', ballot: at, first: 1, last: 2 }), 'accept')
    expect([accept?.first, texts(accept?.values ?? [])]).toEqual([3, ['last']])
  })

  test('PITFALL 24: leader mode: a single proposal is chosen without a tick', () => {
    const cluster = new Cluster()
    cluster.makeLeader(1)
    for (const text of ['a', 'b']) {
      cluster.propose(1, text)
      cluster.settle()
      expect(texts(cluster.prefix(1))).toContain(text)
    }
  })

  test('PITFALL 24: leader mode: a repeated vote waits for the records before it', () => {
    const server = new LoneServer()
    const at = server.becomeLeader()
    server.propose('a', 'b')
    server.sync()
    expect(server.last?.awaited).toBe(0)
    // The first slot is known to be chosen, so the second is proposed anew: it has its vote.
    server.receive(2, { type: 'decided', first: 1, values: [value('a')] })
    expect(server.last?.records.map(({ type }) => type)).toEqual(['decided'])
    expect(server.last?.awaited).toBe(server.last?.recordCount)
    server.sync()
    server.receive(2, { type: 'accepted', ballot: at, first: 2, last: 2 })
    expect(server.status.chosen).toBe(2)
  })

  test('PITFALL 24: leaderless mode: a single request starts without others', () => {
    const server = new LoneServer({ mode: 'leaderless' })
    server.proposeAndStart('alone')
    expect(only(server.sync(), 'prepare')).toMatchObject([{ slot: 1 }, { slot: 1 }])
  })

  test('PITFALL 24: leaderless mode: a request starts in the step in which it arrives, if the last one succeeded', () => {
    const server = new LoneServer({ mode: 'leaderless' })
    server.proposeAndStart('first')
    server.sync()
    server.receive(2, { type: 'promise', ballot: ballot(1, 1), scope: 'slot', slot: 1, votes: [], next: 0 })
    server.sync()
    server.receive(2, { type: 'accepted', ballot: ballot(1, 1), first: 1, last: 1 })
    server.propose('alone')
    expect(server.last?.messages).toMatchObject([
      { message: { type: 'prepare', slot: 2 } },
      { message: { type: 'prepare', slot: 2 } },
    ])
  })

  test('PITFALL 24: leaderless mode: the last queued request starts as soon as the window has room', () => {
    const server = new LoneServer({ mode: 'leaderless', window: 1 })
    server.proposeAndStart('a', 'last')
    server.sync()
    const at = ballot(1, 1)
    server.receive(2, { type: 'promise', ballot: at, scope: 'slot', slot: 1, votes: [], next: 0 })
    server.sync()
    server.receive(2, { type: 'accepted', ballot: at, first: 1, last: 1 })
    expect(only(server.sync(), 'prepare')).toMatchObject([{ slot: 2 }, { slot: 2 }])
  })
})
