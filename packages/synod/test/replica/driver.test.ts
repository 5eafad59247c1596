import { describe, expect, test } from 'vitest'
import type { Journal } from '../../src/journal/journal.js'
import type { PeerLink } from '../../src/net/peer/link.js'
import type { Envelope, Output } from '../../src/paxos/effects.js'
import type { Message } from '../../src/paxos/messages.js'
import type { Input, Paxos } from '../../src/paxos/paxos.js'
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
  return { to: server, message: { type: 'probe', round: 1, chosen: 0 }, afterDurable }
}

/** A driver whose core says what the test has it say. */
class Rig {
  readonly clock = new ManualClock()
  readonly sent: number[] = []
  readonly received: string[] = []
  flushes = 0
  #next: Partial<Output> = {}
  #position = 0
  capacity = 1
  readonly journal = {
    durable: 0,
    writingMs: 0,
    waitingBytes: 0,
    append: () => 0,
    flush: () => {
      this.flushes++
    },
  }
  readonly driver: Driver

  constructor() {
    const step = (input: Input) => this.#step(input)
    const paxos = Object.defineProperty({ step, log: { state: { voted: 0 } } }, 'capacity', {
      get: () => this.capacity,
    })
    const link = { send: () => this.sent.push(2), flush: () => undefined }
    this.driver = new Driver({
      mode: 'leader',
      paxos: paxos as unknown as Paxos,
      journal: this.journal as unknown as Journal,
      links: new Map([[2, link as unknown as PeerLink]]),
      clock: this.clock,
      trace: undefined,
      groupCountReports: undefined,
    })
  }

  step(output: Partial<Output>): void {
    this.#next = output
    this.driver.step({ type: 'tick' })
    this.driver.flush()
  }

  durable(position: number): void {
    this.journal.durable = position
    this.driver.durable(position)
  }

  #step(input: Input): Output {
    if (input.type === 'message') this.received.push(input.message.type)
    const { awaited = 0, messages = [], records = [] } = this.#next
    this.#next = {}
    this.#position += records.length
    return {
      messages,
      reads: [],
      behind: undefined,
      records,
      recordCount: this.#position,
      awaited,
      deadlineMs: Infinity,
    }
  }
}

describe('the driver of a replica', () => {
  test('holds a message until the records before it are durable', () => {
    const rig = new Rig()
    rig.step({ records: [VOTE], messages: [to(2, true)] })
    expect(rig.flushes).toBe(1)
    expect(rig.sent).toEqual([])
    rig.durable(1)
    expect(rig.sent).toEqual([2])
  })

  test('sends a message at once if it needs no record', () => {
    const rig = new Rig()
    rig.step({ records: [VOTE], messages: [to(2, false)] })
    expect(rig.sent).toEqual([2])
  })

  test('does not write records for which no message waits', () => {
    const rig = new Rig()
    rig.step({ records: [CHOSEN] })
    expect(rig.flushes).toBe(0)
  })

  test('PITFALL 24: writes earlier records as soon as a message waits for them', () => {
    const rig = new Rig()
    rig.step({ records: [CHOSEN] })
    // An answer given again, say: it has no record of its own, and waits for all before it.
    rig.step({ messages: [to(2, true)] })
    expect(rig.flushes).toBe(1)
    rig.durable(1)
    expect(rig.sent).toEqual([2])
  })

  test('PITFALL 24: writes earlier records as soon as an answer of this server to itself waits for them', () => {
    const rig = new Rig()
    rig.step({ records: [CHOSEN] })
    rig.step({ awaited: 1 })
    expect(rig.flushes).toBe(1)
    rig.durable(1)
    rig.step({ awaited: 1 })
    expect(rig.flushes).toBe(1)
  })

  test('writes records for which no message waits when they have many bytes', () => {
    const rig = new Rig()
    rig.journal.waitingBytes = (4 << 20) - 1
    rig.step({ records: [CHOSEN] })
    expect(rig.flushes).toBe(0)
    rig.journal.waitingBytes++
    rig.step({ records: [CHOSEN] })
    expect(rig.flushes).toBe(1)
  })
})

describe('at its limits, the driver drops', () => {
  const DISK_WORK: Message[] = [
    { type: 'prepare', ballot: { seq: 1, server: 2 }, scope: 'log', slot: 1 },
    { type: 'accept', ballot: { seq: 1, server: 2 }, first: 1, values: [new Uint8Array(1)] },
    { type: 'decided', first: 1, values: [new Uint8Array(1)] },
  ]
  const FORWARD: Message = { type: 'forward', values: [new Uint8Array(1)] }
  const OTHER: Message = { type: 'probe', round: 1, chosen: 0 }

  const received = (rig: Rig) => {
    for (const message of [...DISK_WORK, FORWARD, OTHER]) rig.driver.receive(2, message)
    return rig.received.splice(0)
  }

  test('forwards, if the queue for slots is full', () => {
    const rig = new Rig()
    expect(received(rig)).toEqual(['prepare', 'accept', 'decided', 'forward', 'probe'])
    rig.capacity = 0
    expect(received(rig)).toEqual(['prepare', 'accept', 'decided', 'probe'])
    expect(rig.driver.refused).toBe(1)
  })

  test('every message that causes a write, if the disk is too far behind, and proposes nothing', () => {
    const rig = new Rig()
    rig.journal.waitingBytes = (64 << 20) + 1
    expect(rig.driver.capacity).toBe(0)
    expect(rig.driver.capacityBytes).toBeLessThanOrEqual(0)
    expect(received(rig)).toEqual(['probe'])
    rig.journal.waitingBytes = 3 << 20
    expect(rig.driver.capacityBytes).toBe(5 << 20)
    expect(received(rig)).toHaveLength(5)
  })

  test('every message that causes a write, if too many messages wait for the disk', () => {
    const rig = new Rig()
    rig.step({ records: [VOTE], messages: Array.from({ length: 16_384 }, () => to(2, true)) })
    expect(received(rig)).toEqual(['probe'])
    rig.durable(1)
    expect(received(rig)).toHaveLength(5)
  })
})
