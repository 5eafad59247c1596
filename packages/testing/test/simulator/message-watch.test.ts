import { describe, expect, it } from 'vitest'
import type { PeerHello } from 'synod/internal/net/hello.js'
import { MessageWatch } from '../../src/simulator/checks/message-watch.js'
import { type Plan, drawPlan } from '../../src/simulator/faults/plan.js'
import type { SentMessage } from '../../src/simulator/trace/wire-tap.js'

const ports: Record<string, number> = { s1: 1, s2: 2, s3: 3 }

/** One connection between the client and each server. */
class Conversation {
  nowMs = 0
  readonly processes = new Map<number, object>([1, 2, 3].map((id) => [id, { id }]))
  readonly #messages: MessageWatch

  constructor(change: Partial<Plan> = {}) {
    const plan: Plan = { ...drawPlan(1, { mode: 'leader' }), latencyMs: [1, 5], faults: [], ...change }
    this.#messages = new MessageWatch({
      plan,
      now: () => this.nowMs,
      processOn: (server) => this.processes.get(server),
    })
  }

  send(from: string, to: string, message: SentMessage, greeting?: PeerHello): void {
    const connection = ports[from] ?? ports[to] ?? 0
    this.#messages.check({ connection, from, to, port: 1 }, message, greeting)
  }

  hint(from: string, seq: number, server: number): void {
    this.send(from, 'c1', { type: 'leader', ballot: { seq, server }, server })
  }

  ask(to: string, request = 1): void {
    this.send('c1', to, { type: 'execute', request, value: new Uint8Array() })
  }

  observe(process: number, round: number): void {
    const greeting: PeerHello = {
      type: 'peer-hello',
      purpose: 'messages',
      cluster: 'synod',
      clusterId: 'cd'.repeat(16),
      parameters: { mode: 'leader', quorums: null, leaseMs: 0, window: 8192 },
      electionTimeoutMs: 500,
      server: 1,
      acceptor: 'ab'.repeat(16),
      founders: [1, 2, 3],
      address: 's.example:1',
      process,
      support: { formats: { oldest: 1, newest: 1 }, machine: 1 },
    }
    this.send('s1', 's2', { type: 'observe', round }, greeting)
  }
}

describe('the rules for a client', () => {
  it('forbid a second request with one number to one replica', () => {
    const talk = new Conversation()
    talk.ask('s1')
    talk.ask('s2')
    talk.ask('s1', 2)
    expect(() => {
      talk.ask('s1')
    }).toThrow('c1 asked s1 twice for its request 1')
  })

  it('allow to ask again after a refusal', () => {
    const talk = new Conversation()
    talk.ask('s1')
    talk.send('s1', 'c1', { type: 'fail', request: 1, code: 'overloaded', retryAfterMs: 0, message: '' })
    talk.ask('s1')
  })

  it('demand the leader with the highest ballot, as named by that leader', () => {
    const talk = new Conversation()
    talk.hint('s2', 2, 2)
    talk.hint('s1', 1, 1)
    talk.nowMs = 6
    talk.ask('s2')
    expect(() => {
      talk.ask('s1')
    }).toThrow('c1 asked s1, and not s2, which leads at (2, s2) and had told it so')
  })

  it('demand the leader as long as it sends anything', () => {
    const talk = new Conversation()
    talk.hint('s2', 2, 2)
    talk.nowMs = 300
    talk.send('s2', 'c1', { type: 'reply', request: 9, slot: 1, result: new Uint8Array() })
    talk.nowMs = 306
    expect(() => {
      talk.ask('s1')
    }).toThrow('c1 asked s1, and not s2')
  })

  it.each<[string, (talk: Conversation) => void, Partial<Plan>]>([
    ['the question may have left before the hint came', (talk) => (talk.nowMs = 5), {}],
    ['the leader has been silent for long', (talk) => (talk.nowMs = 250), {}],
    [
      'the leader was silent until the question had left',
      (talk) => {
        talk.nowMs = 300
        talk.send('s2', 'c1', { type: 'reply', request: 9, slot: 1, result: new Uint8Array() })
        talk.nowMs = 305
      },
      {},
    ],
    ['the leader is gone', (talk) => talk.processes.delete(2), {}],
    ['the leader is another process than before', (talk) => talk.processes.set(2, {}), {}],
    [
      'a higher ballot is known',
      (talk) => {
        talk.hint('s3', 3, 1)
      },
      {},
    ],
    [
      'the connection may be broken',
      () => undefined,
      { faults: [{ kind: 'reset', atMs: 0, forMs: 0, from: 'c1', to: 2 }] },
    ],
  ])('allow another replica if %s', (_why, change, plan) => {
    const talk = new Conversation(plan)
    talk.hint('s2', 2, 2)
    talk.nowMs = 6
    change(talk)
    talk.ask('s1')
  })
})

it('a server never reuses the number of a read round from an earlier life', () => {
  const talk = new Conversation()
  talk.observe(7, 100)
  talk.observe(7, 100)
  talk.observe(8, 101)
  expect(() => {
    talk.observe(8, 100)
  }).toThrow('s1 numbers a round of reads 100, as in an earlier life')
})
