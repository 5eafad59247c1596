import { expect, test } from 'vitest'
import { type AnyMachine, connect } from 'synod'
import { KvClient } from 'synod-server'
import { startCluster } from './processes.js'

test('the client puts, gets, lists, swaps, counts and deletes', async () => {
  await using cluster = await startCluster({ mode: 'leader', replicas: 1 })
  await using client = await KvClient.connect({ endpoints: cluster.endpoints, cluster: 'test' })
  const bytes = Buffer.from([0, 255, 10])
  expect(await client.put('bytes', bytes)).toBe(false)
  expect(await client.put('text', 'ä')).toBe(false)
  expect(await client.put('text', 'ö')).toBe(true)
  expect(await client.get('bytes')).toEqual(bytes)
  expect(await client.get('none')).toBe(null)

  expect(await client.cas('text', 'ä', 'x')).toMatchObject({ swapped: false, actual: Buffer.from('ö') })
  expect(await client.cas('text', 'ö', bytes)).toMatchObject({ swapped: true })
  expect(await client.cas('new', null, 'x')).toMatchObject({ swapped: true, actual: null })
  expect(await client.increment('n', 2n ** 60n)).toMatchObject({ done: true, value: 2n ** 60n })
  expect(await client.increment('text')).toMatchObject({ done: false, reason: 'not-an-integer' })

  const first = await client.range('', { limit: 2 })
  expect(first).toMatchObject({ pairs: [{ key: 'bytes', value: bytes }, { key: 'n' }], more: true })
  const rest = await client.range('', { after: 'n', keysOnly: true })
  expect(rest).toMatchObject({
    pairs: [{ key: 'new' }, { key: 'text', value: Buffer.alloc(0) }],
    more: false,
  })
  expect(await client.delete('bytes')).toBe(true)
  expect(await client.delete('bytes')).toBe(false)
  await expect(client.put('', 'x')).rejects.toMatchObject({ code: 'invalid-options' })
})

test('an invalid operation is refused, and changes nothing', async () => {
  await using cluster = await startCluster({ mode: 'leader', replicas: 1 })
  await using stranger = connect<AnyMachine>({ endpoints: cluster.endpoints })
  await expect(stranger.execute({ any: 'JSON' })).rejects.toMatchObject({ code: 'command-failed' })
  await expect(stranger.read({ any: 'JSON' })).rejects.toMatchObject({ code: 'wrong-protocol' })
  await using client = await KvClient.connect({ endpoints: cluster.endpoints })
  expect(await client.range('')).toMatchObject({ pairs: [], more: false })
})
