import fc from 'fast-check'
import type { SynodError } from '../../src/errors.js'
import type { Identity, IdentityOptions } from '../../src/journal/identity.js'
import type { Journal } from '../../src/journal/journal.js'
import { openJournal } from '../../src/journal/open-journal.js'
import type { JournalOptions, UsableJournal } from '../../src/journal/open-journal.js'
import type { JournalRecord } from '../../src/paxos/records.js'
import type { MemoryDisk } from '../../../testing/src/simulator/hardware/disk.js'

export const DIRECTORY = '/data'
export const S1: IdentityOptions = {
  cluster: 'test',
  parameters: { mode: 'leader', quorums: null, leaseMs: 0, window: 8192 },
  founders: [1, 2, 3],
  server: 1,
  addresses: { 1: '10.0.0.1:2380', 2: '10.0.0.2:2380', 3: '[::1]:2380' },
}
export const CLUSTER_ID = 'c1'.repeat(16)

/** Listens to a journal: what it reported durable, how it failed, and when. */
export class Listener {
  readonly durable: number[] = []
  readonly failures: SynodError[] = []
  #waiting: (() => void)[] = []

  readonly onDurable = (upTo: number) => {
    this.durable.push(upTo)
    this.#wake()
  }

  readonly onFailure = (error: SynodError) => {
    this.failures.push(error)
    this.#wake()
  }

  /**
   * Resolves once the journal says that everything up to `position` is durable, or that it has
   * failed.
   */
  async until(position: number): Promise<void> {
    while ((this.durable.at(-1) ?? 0) < position && this.failures.length === 0) {
      await new Promise<void>((done) => this.#waiting.push(done))
    }
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const done of waiting) done()
  }
}

/** Counts up, so that every acceptor id is another one. */
let drawn = 0
function randomBytes(size: number): Uint8Array {
  const bytes = Buffer.alloc(size, 0xac)
  bytes.writeUInt32BE(++drawn)
  return bytes
}

export function optionsFor(
  disk: MemoryDisk,
  listener: Listener,
  more: Partial<JournalOptions> = {},
): JournalOptions {
  const { onDurable, onFailure } = listener
  let timeMs = 0
  return {
    disk,
    directory: DIRECTORY,
    identity: S1,
    randomBytes,
    now: () => timeMs++,
    onDurable,
    onFailure,
    ...more,
  }
}

export function open(disk: MemoryDisk, more: Partial<JournalOptions> = {}) {
  return openJournal(optionsFor(disk, new Listener(), more))
}

export async function openUsable(
  disk: MemoryDisk,
  more: Partial<JournalOptions> = {},
): Promise<UsableJournal & { listener: Listener }> {
  const listener = new Listener()
  const opened = await openJournal(optionsFor(disk, listener, more))
  if (opened.damage) throw new Error(`${opened.damage.case}: ${opened.damage.message}`)
  return { ...opened, listener }
}

/** Begins a journal with the given groups and closes it. */
export async function written(
  disk: MemoryDisk,
  groups: readonly (readonly JournalRecord[])[],
  more: Partial<JournalOptions> = {},
): Promise<Identity> {
  const { journal, listener, identity } = await openUsable(disk, more)
  for (const group of groups) await appendGroup(journal, listener, group)
  await journal.close()
  return identity
}

export async function appendGroup(
  journal: Journal,
  listener: Listener,
  group: readonly JournalRecord[],
): Promise<void> {
  const position = journal.append(group)
  journal.flush()
  await listener.until(position)
}

/** The fields by which two recoveries are compared: values as they are, in any class of bytes. */
export function plain(records: readonly JournalRecord[]): unknown[] {
  return records.map((record) =>
    'values' in record
      ? { ...record, values: record.values.map((value) => Buffer.from(value).toString('hex')) }
      : record,
  )
}

export function vote(first: number, ...texts: readonly string[]): JournalRecord {
  return {
    type: 'vote',
    ballot: { seq: 1, server: 1 },
    first,
    values: texts.map((text) => Buffer.from(text)),
  }
}

export function trim(slot: number, seq = 0): JournalRecord {
  const ballot = { seq, server: seq === 0 ? 0 : 2 }
  return { type: 'trim', slot, promised: ballot, voted: ballot }
}

export function promise(seq: number): JournalRecord {
  return { type: 'promise', scope: 'log', slot: 0, ballot: { seq, server: 2 } }
}

const slot = fc.maxSafeNat().map((n) => Math.max(1, n - 1000))
const ballot = fc.record({ seq: fc.maxSafeNat(), server: fc.maxSafeNat() })
const values = fc.array(fc.uint8Array({ maxLength: 600 }), { minLength: 1, maxLength: 5 })

export const anyRecord: fc.Arbitrary<JournalRecord> = fc.oneof(
  fc.record({ type: fc.constant('promise' as const), scope: fc.constant('slot' as const), slot, ballot }),
  fc.record({
    type: fc.constant('promise' as const),
    scope: fc.constant('log' as const),
    slot: fc.constant(0),
    ballot,
  }),
  fc.record({ type: fc.constant('vote' as const), ballot, first: slot, values }),
  fc.record({ type: fc.constant('decided' as const), first: slot, values }),
  fc
    .tuple(slot, fc.nat(1000))
    .map(([first, more]) => ({ type: 'chosen' as const, first, last: first + more })),
)

export const anyGroups = fc.array(fc.array(anyRecord, { minLength: 1, maxLength: 5 }), { maxLength: 12 })
