import { describe, expect, test } from 'vitest'
import { crc32 } from 'node:zlib'
import { findGroup, groupMarker, GroupWriter } from '../../src/journal/group.js'
import { type IdentityOptions, loadIdentity, saveIdentity } from '../../src/journal/identity.js'
import type { Identity } from '../../src/journal/identity.js'
import { saveOutdated } from '../../src/journal/outdated.js'
import { RECOVERY_TABLE } from '../../src/journal/recovery-table.js'
import type { RecoveryCase, RecoveryRule } from '../../src/journal/recovery-table.js'
import { decodeSegmentHeader, encodeSegmentHeader, segmentName } from '../../src/journal/segment.js'
import {
  CLUSTER_ID,
  appendGroup,
  DIRECTORY,
  open,
  openUsable,
  plain,
  promise,
  S1,
  vote,
  written,
} from './harness.js'
import { LOSE_ALL, MemoryDisk } from '../../../testing/src/simulator/hardware/disk.js'

const GROUPS = [
  [promise(1), vote(1, 'a')],
  [vote(2, 'b', 'c')],
  [{ type: 'chosen', first: 1, last: 3 } as const],
  [vote(4, 'd')],
]
const RECORDS = GROUPS.flat()
const SMALL = { segmentSizeBytes: 80 }

const first = `${DIRECTORY}/${segmentName(1)}`

interface Scene {
  readonly disk: MemoryDisk
  /** Of the first segment. */
  readonly bytes: Buffer
  readonly identity: Identity
  readonly last: { readonly name: string; readonly bytes: Buffer }
  /** Where the groups of the first segment begin. */
  readonly offsets: readonly number[]
}

async function scene({ segmentSizeBytes = 1 << 20, formed = false } = {}): Promise<Scene> {
  const disk = new MemoryDisk()
  let identity = await written(disk, GROUPS, { segmentSizeBytes })
  if (formed) {
    identity = { ...identity, clusterId: CLUSTER_ID, peers: { 1: identity.acceptor } }
    await saveIdentity(disk, DIRECTORY, identity)
  }
  const files = disk.snapshot(DIRECTORY)
  const bytes = files.get(segmentName(1))!
  const name = [...files.keys()]
    .filter((file) => file.endsWith('.journal'))
    .sort()
    .at(-1)!
  const marker = groupMarker(identity.acceptor)
  const offsets: number[] = []
  for (
    let group = findGroup(bytes, 0, marker, 1);
    group;
    group = findGroup(bytes, group.offset + 1, marker, 1)
  ) {
    offsets.push(group.offset)
  }
  return { disk, bytes, identity, last: { name, bytes: files.get(name)! }, offsets }
}

function flip(bytes: Buffer, at: number): Buffer {
  const flipped = Buffer.from(bytes)
  flipped[at]! ^= 0x10
  return flipped
}

/** For every case of the table: a directory in that state. */
const SCENES: Readonly<Record<RecoveryCase, () => Promise<MemoryDisk>>> = {
  new: async () => new MemoryDisk(),
  unused: async () => {
    const { disk } = await scene()
    await disk.remove(first)
    return disk
  },
  clean: async () => (await scene(SMALL)).disk,
  'torn-tail': async () => {
    const { disk, bytes } = await scene({ formed: true })
    disk.put(first, bytes.subarray(0, bytes.length - 1))
    return disk
  },
  'torn-segment': async () => {
    const { disk, last } = await scene({ ...SMALL, formed: true })
    const next = segmentName(Number.parseInt(last.name) + 1)
    disk.put(`${DIRECTORY}/${next}`, last.bytes.subarray(0, 20))
    return disk
  },
  'damaged-group': async () => {
    const { disk, bytes, offsets } = await scene()
    disk.put(first, flip(bytes, offsets[1]! + 25))
    return disk
  },
  'missing-group': async () => {
    const { disk, bytes, offsets } = await scene()
    disk.put(first, Buffer.concat([bytes.subarray(0, offsets[1]), bytes.subarray(offsets[2])]))
    return disk
  },
  'missing-segment': async () => {
    const { disk } = await scene(SMALL)
    await disk.remove(`${DIRECTORY}/${segmentName(2)}`)
    return disk
  },
  'damaged-header': async () => {
    const { disk, bytes } = await scene()
    disk.put(first, flip(bytes, 17))
    return disk
  },
  'malformed-record': async () => {
    const { disk, bytes, identity } = await scene()
    const group = new GroupWriter(groupMarker(identity.acceptor))
    group.add({ type: 'chosen', first: 3, last: 2 })
    disk.put(first, Buffer.concat([bytes, group.seal(GROUPS.length + 1)]))
    return disk
  },
  'foreign-segment': async () => {
    const { disk } = await scene()
    disk.put(first, (await scene()).bytes)
    return disk
  },
  'unsupported-version': async () => {
    const { disk, bytes } = await scene()
    const size = decodeSegmentHeader(bytes)!.sizeBytes
    const later = Buffer.from(bytes)
    later.writeUInt32LE(3, 8)
    later.writeUInt32LE(crc32(later.subarray(0, size - 4)), size - 4)
    disk.put(first, later)
    return disk
  },
  outdated: async () => {
    const { disk } = await scene()
    await saveOutdated(disk, DIRECTORY, { groupCount: 3, heard: 4 })
    return disk
  },
  'missing-identity': async () => {
    const { disk } = await scene()
    await disk.remove(`${DIRECTORY}/identity`)
    return disk
  },
  'damaged-identity': async () => {
    const { disk } = await scene()
    disk.put(`${DIRECTORY}/identity`, disk.snapshot(DIRECTORY).get('identity')!.subarray(0, 40))
    return disk
  },
  'missing-journal': async () => {
    const { disk } = await scene({ formed: true })
    await disk.remove(first)
    return disk
  },
}

/** How much of RECORDS comes back in the cases where the server starts. */
const COMES_BACK: Partial<Record<RecoveryCase, number>> = {
  clean: RECORDS.length,
  'torn-tail': RECORDS.length - 1,
  'torn-segment': RECORDS.length,
}

const CASES = Object.entries(RECOVERY_TABLE) as [RecoveryCase, RecoveryRule][]

describe('recovery cases that start', () => {
  const names = CASES.filter(([, { outcome }]) => outcome !== 'refuse').map(([name]) => name)

  test.each(names)('%s is recognised, and records can be appended', async (name) => {
    const disk = await SCENES[name]()
    const { recovery, records, journal, listener } = await openUsable(disk, SMALL)
    expect(recovery).toMatchObject({ case: name, outcome: RECOVERY_TABLE[name].outcome })
    const expected = RECORDS.slice(0, COMES_BACK[name] ?? 0)
    expect(plain(records)).toEqual(plain(expected))

    await appendGroup(journal, listener, [promise(9)])
    await journal.close()
    disk.crash(LOSE_ALL)
    const again = await openUsable(disk, SMALL)
    expect(again.recovery.case).toBe('clean')
    expect(plain(again.records)).toEqual(plain([...expected, promise(9)]))
  })
})

describe('recovery cases that refuse to start', () => {
  const names = CASES.filter(([, { outcome }]) => outcome === 'refuse').map(([name]) => name)

  test('unsupported-version is recognised without opening or changing the journal', async () => {
    const disk = await SCENES['unsupported-version']()
    const before = disk.snapshot(DIRECTORY)
    for (let times = 0; times < 2; times++)
      await expect(open(disk)).rejects.toMatchObject({
        code: 'journal-damaged',
        message: expect.stringContaining('has format version 3, and this version of Synod reads 2'),
      })
    expect(disk.snapshot(DIRECTORY)).toEqual(before)
  })

  test.each(names.filter((name) => name !== 'unsupported-version'))(
    '%s is recognised, and the journal is not changed',
    async (name) => {
      const disk = await SCENES[name]()
      const before = disk.snapshot(DIRECTORY)
      const { damage, journal, records } = await open(disk)
      const message: unknown = expect.stringContaining('does not vote any more')
      expect(damage).toMatchObject({ case: name, outcome: 'refuse', message })
      expect(journal).toBe(undefined)
      expect(records).toEqual([])
      expect(disk.snapshot(DIRECTORY)).toEqual(before)
      await expect(open(disk)).rejects.toMatchObject({ code: 'directory-in-use' })
    },
  )
})

test('PITFALL 14: the group that proves damage, as opposed to a torn tail, survives a power failure', async () => {
  const { disk, bytes, offsets } = await scene({ formed: true })
  const [, , third, last] = offsets
  // The process was killed while it wrote the last group; then the one before rotted.
  disk.put(first, flip(bytes, third! + 21).subarray(0, last))
  const file = await disk.open(first, 'existing')
  await file.write(bytes.subarray(last), last!)
  expect((await open(disk)).damage?.case).toBe('damaged-group')
  disk.crash(LOSE_ALL)
  expect((await open(disk)).damage?.case).toBe('damaged-group')
})

test('a journal cut at any byte of its last group recovers all earlier groups', async () => {
  const { disk, bytes, offsets } = await scene({ formed: true })
  for (let size = offsets.at(-1)!; size < bytes.length; size++) {
    disk.put(first, bytes.subarray(0, size))
    const { records, recovery, journal } = await openUsable(disk)
    // Nothing but zeros is space that was allocated beforehand.
    const isClean = bytes.subarray(offsets.at(-1), size).every((byte) => byte === 0)
    expect(recovery.case).toBe(isClean ? 'clean' : 'torn-tail')
    expect(plain(records)).toEqual(plain(RECORDS.slice(0, -1)))
    await journal.close()
    expect(disk.snapshot(DIRECTORY).get(segmentName(1))).toEqual(
      bytes.subarray(0, isClean ? size : offsets.at(-1)),
    )
  }
})

test('a group of which only a part has replaced the zeros before it is cut, and zeros follow', async () => {
  const { disk, bytes, offsets } = await scene({ formed: true })
  const from = offsets.at(-1)!
  const zeros = Buffer.alloc(bytes.length - from + 100)
  for (let there = 0; there < bytes.length - from; there++) {
    for (const isFront of [true, false]) {
      const torn = Buffer.concat([bytes.subarray(0, from), zeros])
      if (isFront) bytes.copy(torn, from, from, from + there)
      else bytes.copy(torn, bytes.length - there, bytes.length - there)
      if (torn.subarray(from, bytes.length).equals(bytes.subarray(from))) continue
      const isClean = torn.subarray(from).every((byte) => byte === 0)
      disk.put(first, torn)
      const { records, recovery, journal } = await openUsable(disk)
      expect(recovery.case).toBe(isClean ? 'clean' : 'torn-tail')
      expect(plain(records)).toEqual(plain(RECORDS.slice(0, -1)))
      await journal.close()
    }
  }
})

test('a first segment cut within its header is created again, unless the cluster has formed', async () => {
  for (const formed of [false, true]) {
    const { disk, bytes } = await scene({ formed })
    const { sizeBytes } = decodeSegmentHeader(bytes)!
    for (let size = 0; size < sizeBytes; size++) {
      disk.put(first, bytes.subarray(0, size))
      const opened = await open(disk)
      expect(opened.recovery.case).toBe(formed ? 'damaged-header' : 'torn-segment')
      await (opened.damage ? opened : opened.journal).close()
    }
  }
})

test('PITFALL 14: any byte changed before the last group is damage, and the journal is not cut', async () => {
  const { disk, bytes, offsets } = await scene()
  for (let at = 0; at < offsets.at(-1)!; at++) {
    disk.put(first, flip(bytes, at))
    const before = disk.snapshot(DIRECTORY)
    const opened = await open(disk)
    expect(opened.damage, `byte ${at}`).toBeDefined()
    expect(disk.snapshot(DIRECTORY)).toEqual(before)
    if (opened.damage) await opened.close()
  }
})

test('PITFALL 14: any byte changed or missing in a segment before the last one is damage', async () => {
  const { disk, bytes } = await scene(SMALL)
  for (let at = 0; at < bytes.length; at++) {
    for (const faulty of [flip(bytes, at), bytes.subarray(0, at)]) {
      disk.put(first, faulty)
      const opened = await open(disk)
      expect(opened.damage, `byte ${at}`).toBeDefined()
      if (opened.damage) await opened.close()
    }
  }
})

test('PITFALL 14: the finding names the place of the damage, and the later group that proves it', async () => {
  const { disk, bytes, offsets } = await scene()
  disk.put(first, flip(bytes, offsets[1]! + 4))
  expect((await open(disk)).damage).toMatchObject({
    file: segmentName(1),
    offset: offsets[1],
    message: expect.stringContaining(`group 3 at byte ${offsets[2]}`),
  })
})

test('a value that looks like a group of another journal does not turn a torn tail into damage', async () => {
  const { bytes: other } = await scene()
  const disk = new MemoryDisk()
  const fake: ReturnType<typeof vote> = {
    type: 'vote',
    ballot: { seq: 1, server: 1 },
    first: 2,
    values: [other],
  }
  await written(disk, [[vote(1, 'a')], [fake]])
  const bytes = disk.snapshot(DIRECTORY).get(segmentName(1))!
  disk.put(first, bytes.subarray(0, bytes.length - 1))
  expect((await open(disk)).recovery.case).toBe('torn-tail')
})

test('a segment that begins after the end of the one before is a gap, even without groups', async () => {
  const { disk, bytes } = await scene()
  const header = { ...decodeSegmentHeader(bytes)!, number: 2, firstSequence: GROUPS.length + 2 }
  disk.put(`${DIRECTORY}/${segmentName(2)}`, encodeSegmentHeader(header))
  expect((await open(disk)).damage).toMatchObject({ case: 'missing-group', file: segmentName(2) })
})

test('a segment with the file name of another one is foreign', async () => {
  const { disk } = await scene()
  const { identity, bytes } = await scene()
  await saveIdentity(disk, DIRECTORY, identity)
  disk.put(first, encodeSegmentHeader({ ...decodeSegmentHeader(bytes)!, number: 2 }))
  expect((await open(disk)).damage?.case).toBe('foreign-segment')
})

test('PITFALL 15: an emptied directory becomes another acceptor', async () => {
  const { disk, identity } = await scene({ formed: true })
  for (const name of await disk.list(DIRECTORY)) await disk.remove(`${DIRECTORY}/${name}`)
  const opened = await openUsable(disk)
  expect(opened.recovery.case).toBe('new')
  expect(opened.identity.acceptor).not.toBe(identity.acceptor)
  expect(opened.identity.peers).toBe(null)
})

test('a start saves its addresses, unless the disk is full or the directory belongs to another server', async () => {
  const { disk, identity } = await scene({ formed: true })
  const addresses = { ...S1.addresses, 2: 'moved:2380' }
  const asked = { ...S1, addresses }
  const reopen = async (options: IdentityOptions) => {
    const { journal } = await openUsable(disk, { identity: options })
    await journal.close()
  }
  disk.fill()
  await reopen(asked)
  expect(await loadIdentity(disk, DIRECTORY)).toEqual(identity)
  disk.fill(Infinity)
  await expect(open(disk, { identity: { ...asked, server: 2 } })).rejects.toThrow('belongs to server s1')
  expect(await loadIdentity(disk, DIRECTORY)).toEqual(identity)
  await reopen(asked)
  expect(await loadIdentity(disk, DIRECTORY)).toEqual({ ...identity, addresses })
})

test('PITFALL 15: a formed identity without its journal is refused, and keeps its acceptor', async () => {
  const { disk, identity } = await scene({ formed: true })
  await disk.remove(first)
  const opened = await open(disk)
  expect(opened.damage?.case).toBe('missing-journal')
  expect(opened.identity).toEqual(identity)
})

test.each([
  ['wrong-cluster', { ...S1, cluster: 'other' }],
  ['wrong-acceptor', { ...S1, server: 7 }],
  ['wrong-mode', { ...S1, parameters: { ...S1.parameters, mode: 'leaderless' as const } }],
])('%s is an error, and the directory is released', async (code, identity) => {
  const { disk } = await scene()
  await expect(open(disk, { identity })).rejects.toMatchObject({ code })
  expect((await open(disk)).damage).toBe(undefined)
})

test.each([
  ['space that was never used', Buffer.alloc(64), 'torn-segment'],
  ['what was written there once', Buffer.alloc(64, 7), 'damaged-group'],
] as const)(
  'after the last group, before a segment that was being created: %s',
  async (_, tail, expected) => {
    const { disk, last } = await scene({ ...SMALL, formed: true })
    disk.put(`${DIRECTORY}/${last.name}`, Buffer.concat([last.bytes, tail]))
    const next = segmentName(Number.parseInt(last.name) + 1)
    disk.put(`${DIRECTORY}/${next}`, last.bytes.subarray(0, 20))
    const opened = await open(disk)
    expect(opened.recovery.case).toBe(expected)
    if (expected === 'torn-segment') expect(plain(opened.records)).toEqual(plain(RECORDS))
  },
)
