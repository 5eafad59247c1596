import { describe, expect, test } from 'vitest'
import type { Output } from 'synod/internal/paxos/effects.js'
import type { Message } from 'synod/internal/paxos/messages.js'
import type { Input, Paxos } from 'synod/internal/paxos/paxos.js'
import { type Action, actionsAlong } from '../../src/model/actions.js'
import { CONFIGURATIONS } from '../../src/model/configurations.js'
import { minimise } from '../../src/model/minimise.js'
import { replay } from '../../src/model/replay.js'
import { checkRecoveries } from '../../src/model/recovered.js'
import type { JournalRecord } from 'synod/internal/paxos/records.js'
import type { StepFunction } from '../../src/model/running-server.js'
import { breadthFirst } from '../../src/model/search-breadth-first.js'
import { ModelWorld } from '../../src/model/world.js'
import { TINY, finish } from './searches.js'

/** The core, but for what it is told. */
const hearing =
  (change: (paxos: Paxos, message: Message) => Message): StepFunction =>
  (paxos, input, nowMs) => {
    const changed: Input =
      input.type === 'message' ? { ...input, message: change(paxos, input.message) } : input
    return paxos.step(changed, nowMs)
  }

/** The core, but for what it answers. */
const answering =
  (change: (output: Output) => Output): StepFunction =>
  (paxos, input, nowMs) =>
    change(paxos.step(input, nowMs))

const early = (type: Message['type']) =>
  answering((output) => ({
    ...output,
    messages: output.messages.map((envelope) => ({
      ...envelope,
      afterDurable: envelope.afterDurable && envelope.message.type !== type,
    })),
  }))

/** In the place of what is not written down stands a record that says nothing. */
const unwritten = (type: 'promise' | 'vote') =>
  answering((output) => {
    const nothing = { type: 'decided', first: 1, values: [] } as const
    return { ...output, records: output.records.map((record) => (record.type === type ? nothing : record)) }
  })

const MISTAKES: Record<string, StepFunction> = {
  'a promise leaves before it is durable': early('promise'),
  'a vote is reported before it is durable': early('accepted'),
  'a promise is not recorded': unwritten('promise'),
  'a vote is not recorded': unwritten('vote'),
  'a promise lists no votes': hearing((_, message) =>
    message.type === 'promise' ? { ...message, votes: [] } : message,
  ),
  'a vote counts at any ballot': hearing((paxos, message) =>
    message.type === 'accepted' ? { ...message, ballot: paxos.ballot } : message,
  ),
  'a value chosen at one ballot is taken for a vote of its server at another ballot': hearing(
    (paxos, message) => {
      if (message.type !== 'chosen') return message
      const slot = paxos.log.status(message.first)
      return slot.status === 'voted' ? { ...message, ballot: slot.ballot } : message
    },
  ),
}

describe('the model checker finds a mistake in the core, and shows it in few steps:', () => {
  test.each(Object.entries(MISTAKES))('%s', (_, step) => {
    const config = CONFIGURATIONS['leader-small']
    const world = new ModelWorld(config, { forgets: false, step })
    const { end, violation, path } = finish(breadthFirst(world, { maxStates: 200_000 }))
    expect(end).toBe('violation')
    const actions = actionsAlong(world, path)
    const trace = minimise(config, actions, step)
    expect(trace.violation).toBe(violation)
    expect(trace.steps.length).toBeLessThanOrEqual(actions.length)
    // The same actions do no harm to the core as it is.
    const harmless = replay(config, JSON.parse(JSON.stringify(actions)) as Action[])
    expect(harmless.violation).toBeUndefined()
  })
})

test('the model checker finds a mistake in leaderless mode', () => {
  const step = MISTAKES['a promise lists no votes'] ?? expect.fail('there is no such mistake')
  const world = new ModelWorld(CONFIGURATIONS['leaderless-small'], { step })
  expect(finish(breadthFirst(world)).violation).toMatch(/slot 1 was decided .* another value got a vote/)
})

test('a search that drops a message which was not spent reports that it proves nothing', () => {
  // After a crash that its promise does not survive, a server begins the same ballot again;
  // promises of before count.
  const world = new ModelWorld({ ...TINY, crashes: 1 }, { step: early('prepare') })
  const { end, unspent } = finish(breadthFirst(world))
  expect(end).toBe('unproven')
  expect(unspent).toMatch(/may still be changed by \[promise \(1, s\d\)/)
})

test('PITFALL 26: a server with another window counts votes of another configuration', () => {
  const config = { ...CONFIGURATIONS['leader-replaced'], windows: { 2: 1 }, proposals: 3 }
  expect(finish(breadthFirst(new ModelWorld(config))).violation).toBeDefined()
})

test('the model checker finds a recovery that loses a chosen value', () => {
  const at = { slot: 1, ballot: { seq: 2, server: 2 }, value: Buffer.from('v2'), voters: [1, 2] }
  const vote = { type: 'vote', ballot: { seq: 1, server: 1 }, first: 1, values: [Buffer.from('v1')] } as const
  const of = (server: number, records: readonly JournalRecord[]) => ({ server, records })
  const written = of(1, [vote, { ...vote, ballot: at.ballot, values: [at.value] }])
  expect(() => {
    checkRecoveries([written, of(3, [vote])], [at])
  }).not.toThrow()
  expect(() => {
    checkRecoveries([of(1, [vote])], [at])
  }).toThrow('a recovery out of s1 loses what was chosen in slot 1')
})
