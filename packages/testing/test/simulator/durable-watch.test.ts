import { coreConfig } from '../../src/core-config.js'
import { beforeEach, expect, it } from 'vitest'
import type { DiskFile } from 'synod/internal/storage/disk.js'
import { GroupWriter, groupMarker } from 'synod/internal/journal/group.js'
import { encodeSegmentHeader } from 'synod/internal/journal/segment.js'
import { ClusterHistory } from 'synod/internal/paxos/invariants.js'
import type { JournalRecord } from 'synod/internal/paxos/records.js'
import { DurableWatch } from '../../src/simulator/checks/durable-watch.js'
import { MemoryDisk } from '../../src/simulator/hardware/disk.js'
import { promise, vote } from '../../../synod/test/journal/harness.js'

const ACCEPTOR = 'ac'.repeat(16)
const CHOSEN: JournalRecord = { type: 'chosen', first: 1, last: 1 }

let told: string[] = []
let violations: Error[] = []
let watch = new DurableWatch(
  new ClusterHistory(coreConfig(1, [1], 'leader')),
  () => undefined,
  () => undefined,
)

beforeEach(() => {
  told = []
  violations = []
  watch = new DurableWatch(
    new ClusterHistory(coreConfig(1, [1, 2, 3], 'leader')),
    (server, _, records) => told.push(`s${server} ${records.map(({ type }) => type).join(' ')}`),
    (error) => violations.push(error),
  )
})

/** The first segment of the journal of a server. */
class Segment {
  readonly disk = new MemoryDisk()
  readonly #file: DiskFile
  readonly #groups = new GroupWriter(groupMarker(ACCEPTOR))
  #sequence = 0
  #sizeBytes = 0

  private constructor(file: DiskFile, disk: MemoryDisk) {
    this.#file = file
    this.disk = disk
  }

  static async begin(server: number): Promise<Segment> {
    const disk = new MemoryDisk()
    watch.watch(server, disk)
    await disk.makeDirectory('/data')
    const segment = new Segment(await disk.open('/data/00000001.journal', 'create'), disk)
    await segment.write(
      encodeSegmentHeader({ number: 1, first: 1, firstSequence: 1, acceptor: ACCEPTOR, cluster: 'test' }),
    )
    return segment
  }

  group(...records: readonly JournalRecord[]): Buffer {
    for (const record of records) this.#groups.add(record)
    return this.#groups.seal(++this.#sequence)
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#file.write(bytes, this.#sizeBytes)
    this.#sizeBytes += bytes.length
  }

  async sync(): Promise<void> {
    await this.#file.sync()
  }

  /** Each record in a group and a sync of its own. */
  async append(...records: readonly JournalRecord[]): Promise<void> {
    for (const record of records) {
      await this.write(this.group(record))
      await this.sync()
    }
  }
}

it('each group is reported once, as soon as it is durable', async () => {
  const segment = await Segment.begin(1)
  await segment.sync()
  await segment.write(segment.group(promise(1)))
  expect(told, 'not durable yet').toEqual([])
  await segment.sync()
  expect(told.splice(0)).toEqual(['s1 promise'])
  await segment.write(segment.group(vote(1, 'a'), CHOSEN))
  await segment.write(segment.group(vote(2, 'b')))
  await segment.sync()
  expect(told.splice(0)).toEqual(['s1 vote chosen', 's1 vote'])
  await segment.sync()
  expect(told).toEqual([])
})

it('a group is reported when its last byte is durable', async () => {
  const segment = await Segment.begin(1)
  const group = segment.group(vote(1, 'a'))
  await segment.write(group.subarray(0, -1))
  await segment.sync()
  expect(told).toEqual([])
  await segment.write(group.subarray(-1))
  await segment.sync()
  expect(told).toEqual(['s1 vote'])
})

it('a group of a failed sync is not reported', async () => {
  const segment = await Segment.begin(1)
  await segment.sync()
  await segment.write(segment.group(promise(1)))
  segment.disk.failNext('sync')
  await expect(segment.sync()).rejects.toThrow('EIO')
  await segment.sync()
  expect(told).toEqual([])
})

it('other files are ignored', async () => {
  const { disk } = await Segment.begin(1)
  const file = await disk.open('/data/identity', 'create')
  await file.write(Buffer.from('identity'), 0)
  await file.sync()
  expect([told, violations]).toEqual([[], []])
})

it('a new disk is read from its beginning', async () => {
  await (await Segment.begin(1)).append(promise(1))
  await (await Segment.begin(1)).append(promise(2))
  expect(told).toEqual(['s1 promise', 's1 promise'])
})

it('a vote below a promise is found', async () => {
  await (await Segment.begin(1)).append(promise(2), vote(1, 'a'))
  expect(violations.map(({ message }) => message)).toEqual([
    expect.stringMatching(/s1 voted at .* in slot 1 after promising/),
  ])
})

it('a promise that goes down is found, and later records are reported', async () => {
  await (await Segment.begin(1)).append(promise(2), promise(1), promise(3))
  expect(violations.map(({ message }) => message)).toEqual([expect.stringContaining('s1 promised')])
  expect(told.length).toBe(3)
})

it('two values at one ballot are found', async () => {
  await (await Segment.begin(1)).append(vote(1, 'a'))
  await (await Segment.begin(2)).append(vote(1, 'b'))
  expect(violations.map(({ message }) => message)).toEqual([expect.stringContaining('two values at ballot')])
})

it('a chosen value may rest on votes on all disks', async () => {
  await (await Segment.begin(1)).append(vote(1, 'a'))
  await (await Segment.begin(2)).append(vote(1, 'a'), CHOSEN)
  await (await Segment.begin(3)).append({ type: 'decided', first: 1, values: [Buffer.from('a')] })
  expect(violations).toEqual([])
})

it.each<[string, JournalRecord]>([
  ['voted for', CHOSEN],
  ['learned', { type: 'decided', first: 1, values: [Buffer.from('a')] }],
])('a value that was %s and called chosen without a quorum is found', async (_, record) => {
  await (await Segment.begin(2)).append(vote(1, 'a'), record)
  expect(violations.map(({ message }) => message)).toEqual([expect.stringContaining('no quorum voted for')])
})
