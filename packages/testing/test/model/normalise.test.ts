import { describe, expect, test } from 'vitest'
import type { Message } from 'synod/internal/paxos/messages.js'
import { type Input, Paxos, type PaxosState } from 'synod/internal/paxos/paxos.js'
import { type ModelConfig, paxosConfig } from '../../src/model/config.js'
import { NOW_MS, type Due, normalise, setTimes } from '../../src/model/normalise.js'
import { CONFIGURATIONS } from '../../src/model/configurations.js'

const LEADER = CONFIGURATIONS['leader-wide']
const LEADERLESS = { ...CONFIGURATIONS['leader-wide'], mode: 'leaderless' } as const

/** Server 1 after these inputs, at these times. */
function run(
  config: ModelConfig,
  seed: number,
  startMs: number,
  inputs: readonly (readonly [number, Input])[],
) {
  const paxos = Paxos.recover(paxosConfig(config, 1), [], seed, startMs)
  for (const [afterMs, input] of inputs) paxos.step(input, startMs + afterMs)
  const state = paxos.save()
  normalise(state, config, 1)
  return state
}

/** What the server sends in answer to an input that finds these timers due. */
function answers(config: ModelConfig, saved: PaxosState, due: Due, input: Input): string[] {
  const state = structuredClone(saved)
  setTimes(state, due)
  const { messages } = Paxos.load(paxosConfig(config, 1), state).step(input, NOW_MS)
  return messages.map(({ message }) => message.type)
}

const from2 = (message: Message): Input => ({ type: 'message', from: 2, message })
const leads2 = from2({ type: 'heartbeat', ballot: { seq: 1, server: 2 }, round: 7, chosen: 0, voted: 0 })

describe('states that differ only in times and random numbers are equal', () => {
  test.each([
    ['leader', LEADER, leads2],
    [
      'leaderless',
      LEADERLESS,
      { type: 'propose', proposals: [{ id: 1, value: new Uint8Array([1]) }] } as const,
    ],
  ])('in %s mode', (_, config, input) => {
    const one = run(config, 1, 0, [
      [0, { type: 'tick' }],
      [3, input],
    ])
    const other = run(config, 99, 50_000, [
      [0, { type: 'tick' }],
      [40, input],
    ])
    expect(other).toEqual(one)
  })
})

describe('an input is prepared so that its timers are due', () => {
  test('in a follower', () => {
    const state = run(LEADER, 1, 0, [[0, leads2]])
    expect(answers(LEADER, state, 'nothing', { type: 'tick' })).toEqual([])
    expect(answers(LEADER, state, 'everything', { type: 'tick' })).toEqual(['probe', 'probe'])
    const probe = from2({ type: 'probe', round: 1, chosen: 0 })
    const missing = (due: Due) => {
      const copy = structuredClone(state)
      setTimes(copy, due)
      return Paxos.load(paxosConfig(LEADER, 1), copy).step(probe, NOW_MS).messages[0]?.message
    }
    expect(missing('nothing')).toMatchObject({ missing: false })
    expect(missing('everything')).toMatchObject({ missing: true })
  })

  test('in a leaderless proposer', () => {
    const value = new Uint8Array([1])
    const state = run(LEADERLESS, 1, 0, [[0, { type: 'propose', proposals: [{ id: 1, value }] }]])
    const tick: Input = { type: 'tick' }
    expect(answers(LEADERLESS, state, 'nothing', tick)).toEqual([])
    expect(answers(LEADERLESS, state, 'hole', tick)).toEqual([])
    expect(answers(LEADERLESS, state, 'heartbeat', tick)).toEqual(['heartbeat', 'heartbeat'])
    expect(answers(LEADERLESS, state, 'place', tick)).toEqual(['prepare', 'prepare'])
  })

  test('in one of two leaderless instances', () => {
    const proposals = [1, 2].map((id) => ({ id, value: new Uint8Array([id]) }))
    const waiting = run(LEADERLESS, 1, 0, [[0, { type: 'propose', proposals }]])
    // One request finds its slot with each tick.
    let state = waiting
    for (let slot = 1; slot <= 2; slot++) {
      setTimes(state, 'place')
      const paxos = Paxos.load(paxosConfig(LEADERLESS, 1), state)
      paxos.step({ type: 'tick' }, NOW_MS)
      state = paxos.save()
    }
    const slots = (due: Due) => {
      setTimes(state, due)
      const { messages } = Paxos.load(paxosConfig(LEADERLESS, 1), state).step({ type: 'tick' }, NOW_MS)
      return new Set(messages.flatMap(({ message }) => (message.type === 'prepare' ? [message.slot] : [])))
    }
    expect(slots('slot 1')).toEqual(new Set([1]))
    expect(slots('slot 2')).toEqual(new Set([2]))
    expect(slots('everything')).toEqual(new Set([1, 2]))
  })
})
