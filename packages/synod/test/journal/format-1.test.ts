import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { inspectJournal } from '../../src/journal/inspect.js'
import { nodeDisk } from '../../src/storage/node-disk.js'
import { Replica } from '../../src/replica/replica.js'
import type { SnapshotOwner } from '../../src/snapshots/format.js'
import { SnapshotStore } from '../../src/snapshots/snapshot-store.js'
import { Notes } from '../replica/notes.js'

/**
 * A data directory as version 1 of the formats has it: one replica, with a snapshot and two
 * segments.
 */
const FIXTURE = fileURLToPath(new URL('../fixtures/format-1', import.meta.url))
const VERSIONS = 'has format version 1, and this version of Synod reads 2'

const OWNER: SnapshotOwner = {
  cluster: 'first',
  clusterId: null,
  parameters: { mode: 'leader', quorums: null, leaseMs: 0, window: 8192 },
}

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'synod-format-1-'))
  cpSync(FIXTURE, directory, { recursive: true })
})
afterEach(() => {
  rmSync(directory, { recursive: true })
})

function contents(of: string): ReadonlyMap<string, string> {
  return new Map(readdirSync(of).map((name) => [name, readFileSync(join(of, name)).toString('hex')]))
}

test('a directory of format 1 is refused with the reason, and is not changed', async () => {
  const opening = Replica.open({
    cluster: { name: 'first', servers: { 1: '127.0.0.1:0' } },
    id: 1,
    dataDir: directory,
    machine: new Notes(),
  })
  await expect(opening).rejects.toMatchObject({
    code: 'journal-damaged',
    message:
      `the data directory ${directory} is of another version of Synod: the identity ${VERSIONS}; nothing in it was changed: ` +
      'start the server with the version of Synod that wrote it, or found a new cluster on empty directories',
  })
  expect(contents(directory)).toEqual(contents(FIXTURE))
})

test('the inspection of a directory of format 1 names the format', async () => {
  const { finding, segments } = await inspectJournal(directory)
  expect(finding).toMatchObject({
    case: 'unsupported-version',
    outcome: 'refuse',
    message: `the identity ${VERSIONS}`,
  })
  expect(segments.map(({ header }) => header)).toEqual([null, null])
  expect(contents(directory)).toEqual(contents(FIXTURE))
})

test('a snapshot of format 1 is refused, and not taken for a damaged one', async () => {
  await expect(SnapshotStore.open(nodeDisk, directory, OWNER)).rejects.toMatchObject({
    code: 'journal-damaged',
    message:
      `the data directory ${directory} is of another version of Synod: 0000000000000020.snapshot: it has format version 1; ` +
      'this version of Synod reads 2; nothing in it was changed: start the server with the version of Synod that wrote it',
  })
  expect(contents(directory)).toEqual(contents(FIXTURE))
})
