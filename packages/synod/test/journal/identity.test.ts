import { expect, test } from 'vitest'
import {
  checkIdentity,
  loadIdentity,
  newIdentity,
  saveIdentity,
  withAddresses,
} from '../../src/journal/identity.js'
import type { Identity } from '../../src/journal/identity.js'
import { CLUSTER_ID, DIRECTORY, S1 } from './harness.js'
import { MemoryDisk } from '../../../testing/src/simulator/hardware/disk.js'

const A1 = '01'.repeat(16)
const A2 = '02'.repeat(16)
const formed: Identity = { ...S1, acceptor: A1, clusterId: CLUSTER_ID, peers: { 1: A1, 2: A2 } }

async function emptyDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk()
  await disk.makeDirectory(DIRECTORY)
  return disk
}

async function fileOf(identity: Identity): Promise<string> {
  const disk = await emptyDisk()
  await saveIdentity(disk, DIRECTORY, identity)
  return disk.snapshot(DIRECTORY).get('identity')!.toString()
}

async function load(text: string): Promise<Identity | null> {
  const disk = await emptyDisk()
  disk.put(`${DIRECTORY}/identity`, Buffer.from(text))
  return loadIdentity(disk, DIRECTORY)
}

test.each([
  formed,
  { ...formed, clusterId: null, peers: null },
  { ...formed, founders: [], parameters: { ...S1.parameters, quorums: { phase1: 3, phase2: 1 } } },
  { ...formed, cluster: 'Größe "1"\n' },
])('an identity is read as it was saved', async (identity) => {
  expect(await load(await fileOf(identity))).toEqual(identity)
})

test('an empty directory has no identity', async () => {
  expect(await loadIdentity(await emptyDisk(), DIRECTORY)).toBe(null)
})

test('a new identity has a new acceptor, and no peers', () => {
  const identity = newIdentity(S1, (size) => new Uint8Array(size).fill(0xab))
  expect(identity).toEqual({ ...S1, acceptor: 'ab'.repeat(16), clusterId: null, peers: null })
})

test.each(['', 'x'.repeat(256), '\ud800'])('the name %j of a cluster is refused', (cluster) => {
  expect(() => newIdentity({ ...S1, cluster }, (size) => new Uint8Array(size))).toThrow(
    expect.objectContaining({ code: 'invalid-options' }),
  )
})

test('any changed character of an identity is found', async () => {
  const text = await fileOf(formed)
  for (let i = 0; i < text.length; i++) {
    if (/\s/.test(text[i]!)) continue
    const changed = text.slice(0, i) + String.fromCharCode(text.charCodeAt(i) ^ 1) + text.slice(i + 1)
    await expect(load(changed), changed).rejects.toMatchObject({ name: 'IdentityFault', kind: 'damaged' })
  }
})

test.each(['', '[]', 'null', '{}', '"x"'])('the text %j is not an identity', async (text) => {
  await expect(load(text)).rejects.toMatchObject({ name: 'IdentityFault', kind: 'damaged' })
})

test.each<Partial<Record<keyof Identity, unknown>>>([
  { cluster: 1 },
  { parameters: { ...S1.parameters, mode: 'other' } },
  { parameters: { ...S1.parameters, window: 0 } },
  { parameters: { ...S1.parameters, quorums: { phase1: 0, phase2: 3 } } },
  { founders: [2, 3] },
  { founders: [1, 1] },
  { clusterId: null },
  { clusterId: 'AB'.repeat(16) },
  { peers: null },
  { server: 0 },
  { acceptor: 'xyz' },
  { peers: [] },
  { peers: { 2: A2 } },
  { peers: { 1: A2 } },
  { peers: { 1: A1, 0: A2 } },
  { addresses: undefined },
  { addresses: [] },
  { addresses: { 0: 'host:1' } },
  { addresses: { 1: '' } },
  { addresses: { 1: 1 } },
  { addresses: { 1: 'x'.repeat(263) } },
])('an identity with %j is damaged, even with the right checksum', async (field) => {
  const text = await fileOf({ ...formed, ...field } as Identity)
  await expect(load(text)).rejects.toMatchObject({ kind: 'damaged' })
})

test('a later start may change addresses, and founders that it does not name keep theirs', () => {
  const { 1: first, 3: third } = S1.addresses
  expect(withAddresses(formed, { ...S1.addresses })).toBe(formed)
  expect(withAddresses(formed, { 1: 'a:1', 3: third!, 4: 'd:4' })).toEqual({
    ...formed,
    addresses: { 1: 'a:1', 2: '10.0.0.2:2380', 3: third, 4: 'd:4' },
  })
  const joined = { ...formed, founders: [], addresses: { 1: first!, 4: 'd:4' } }
  expect(withAddresses(joined, { 1: 'a:1', 5: 'e:5' }).addresses).toEqual({ 1: 'a:1', 5: 'e:5' })
})

test('after a crash the identity is the old one or the new one', async () => {
  const old = { ...formed, clusterId: null, peers: null }
  const seen = new Set<string>()
  for (let seed = 0; seed < 64; seed++) {
    const disk = await emptyDisk()
    await saveIdentity(disk, DIRECTORY, old)
    disk.failNext('syncDirectory')
    await expect(saveIdentity(disk, DIRECTORY, formed)).rejects.toThrow('EIO')
    let n = seed
    disk.crash(() => ((n = (n * 69069 + 1) >>> 0) % 1024) / 1024)
    const found = await loadIdentity(disk, DIRECTORY)
    expect([old, formed]).toContainEqual(found)
    seen.add(JSON.stringify(found))
  }
  expect(seen.size).toBe(2)
})

test.each([
  ['wrong-cluster', { ...S1, cluster: 'other' }, /'test'.*'other'/],
  ['wrong-acceptor', { ...S1, server: 2 }, /s1.*s2/],
  [
    'wrong-mode',
    { ...S1, parameters: { ...S1.parameters, mode: 'leaderless' as const } },
    /leader mode.*leaderless/,
  ],
])('%s names the value on disk and the value that was asked for', (code, asked, message) => {
  expect(() => checkIdentity(formed, asked, DIRECTORY)).toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(message) }),
  )
  checkIdentity(formed, S1, DIRECTORY)
})
