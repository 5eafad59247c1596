import { describe, expect, test } from 'vitest'
import type { Journal } from '../../src/journal/journal.js'
import type { PeerLink } from '../../src/net/peer-link.js'
import type { Envelope, Output } from '../../src/paxos/effects.js'
import type { Paxos } from '../../src/paxos/paxos.js'
import type { JournalRecord } from '../../src/paxos/records.js'
import { Driver } from '../../src/replica/driver.js'
import { ManualClock } from '../net/manual-clock.js'

const CHOSEN: JournalRecord = { type: 'chosen', first: 1, last: 1 }
const VOTE: JournalRecord = {
  type: 'vote',
  ballot: { seq: 1, server: 1 },
  first: 1,
  values: [new Uint8Array(1)],
}

function to(server: number, afterDurable: boolean): Envelope {
  return { to: server, message: { type: 'probe', round: 1 }, afterDurable }
}

/** A driver whose core says what the test has it say. */
class Rig {
  readonly clock = new ManualClock()
  readonly sent: number[] = []
  flushes = 0
  #next: Partial<Output> = {}
  #position = 0
  readonly #journal = {
    durable: 0,
    writing_ms: 0,
    append: () => 0,
    flush: () => {
      this.flushes++
    },
  }
  readonly driver: Driver

  constructor() {
    const paxos = { step: () => this.#step() }
    const link = { send: () => this.sent.push(2), flush: () => undefined }
    this.driver = new Driver({
      paxos: paxos as unknown as Paxos,
      journal: this.#journal as unknown as Journal,
      links: new Map([[2, link as unknown as PeerLink]]),
      clock: this.clock,
      diskPatience_ms: 1000,
      trace: undefined,
      onStep: () => undefined,
      onReadable: () => undefined,
      onBehind: () => undefined,
      onTurnEnd: () => undefined,
      onFatal: (error) => {
        throw error
      },
    })
  }

  step(output: Partial<Output>): void {
    this.#next = output
    this.driver.step({ type: 'tick' })
    this.clock.advance(1)
  }

  durable(position: number): void {
    this.#journal.durable = position
    this.driver.durable(position)
  }

  #step(): Output {
    const { messages = [], records = [] } = this.#next
    this.#next = {}
    this.#position += records.length
    return {
      messages,
      reads: [],
      behind: undefined,
      records,
      position: this.#position,
      deadline_ms: Infinity,
    }
  }
}

describe('the driver of a replica', () => {
  test('holds a message back until what it rests on is durable', () => {
    const rig = new Rig()
    rig.step({ records: [VOTE], messages: [to(2, true)] })
    expect(rig.flushes).toBe(1)
    expect(rig.sent).toEqual([])
    rig.durable(1)
    expect(rig.sent).toEqual([2])
  })

  test('sends at once what rests on nothing', () => {
    const rig = new Rig()
    rig.step({ records: [VOTE], messages: [to(2, false)] })
    expect(rig.sent).toEqual([2])
  })

  test('does not write what nobody waits for', () => {
    const rig = new Rig()
    rig.step({ records: [CHOSEN] })
    expect(rig.flushes).toBe(0)
  })

  test('PITFALL 24: writes what a message has come to wait for, though it was written down lazily', () => {
    const rig = new Rig()
    rig.step({ records: [CHOSEN] })
    // An answer given again, say: it has no record of its own, and waits for all before it.
    rig.step({ messages: [to(2, true)] })
    expect(rig.flushes).toBe(1)
    rig.durable(1)
    expect(rig.sent).toEqual([2])
  })
})
