// The store on three real replicas in one process, over real connections.
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Replica } from 'synod'
import { Store } from 'synod-store'
import { StoreClient, keepTime } from 'synod-store/client'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

interface Server {
  readonly store: Store
  readonly replica: Replica<Store>
}

let directory: string
let servers: Map<number, Server>
let endpoints: string[]
let over: AbortController

async function freePorts(count: number): Promise<number[]> {
  const open = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer().listen(0, '127.0.0.1', () => {
            resolve(server)
          })
        }),
    ),
  )
  const ports = open.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(open.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

async function start(mode: 'leader' | 'leaderless'): Promise<void> {
  const ports = await freePorts(6)
  const addresses = ports.map((port) => `127.0.0.1:${String(port)}`)
  endpoints = addresses.slice(3)
  const cluster = { servers: { 1: addresses[0]!, 2: addresses[1]!, 3: addresses[2]! } }
  await Promise.all(
    [1, 2, 3].map(async (id) => {
      const store = new Store()
      const dataDir = join(directory, String(id))
      const clients = addresses[id + 2]!
      const replica = await Replica.open({ id, cluster, mode, dataDir, machine: store, clients })
      servers.set(id, { store, replica })
      void keepTime(replica, store, { signal: over.signal })
    }),
  )
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'synod-store-'))
  servers = new Map()
  over = new AbortController()
})

afterEach(async () => {
  over.abort()
  await Promise.all([...servers.values()].map(({ replica }) => replica.close()))
  await rm(directory, { recursive: true, force: true })
})

describe.each(['leader', 'leaderless'] as const)('in %s mode', (mode) => {
  test('a watch gets every change, once and in order, while replicas come and go', async () => {
    await start(mode)
    await using client = StoreClient.connect({ endpoints })
    const seen: string[] = []
    const watching = (async () => {
      for await (const { changes } of client.watch({ prefix: 'k' }, { from: 2, signal: over.signal })) {
        for (const { entry } of changes) seen.push(entry.value.toString())
        if (seen.length === 60) return
      }
    })()
    for (let i = 0; i < 60; i++) {
      await client.put(`k${String(i % 7)}`, String(i))
      if (i !== 20) continue
      // It may be the one of which the watch asks.
      const [id, { replica }] = [...servers.entries()][0]!
      servers.delete(id)
      await replica.close()
    }
    await watching
    expect(seen).toEqual(Array.from({ length: 60 }, (_, i) => String(i)))
  })

  test('a lease lasts while it is kept alive, and ends when its holder is gone', async () => {
    await start(mode)
    await using client = StoreClient.connect({ endpoints })
    const holder = StoreClient.connect({ endpoints })
    const lease = await holder.lease(2)
    await holder.put('service/1', 'here', { lease: lease.id })
    const gone = client.watch({ prefix: 'service/' }, { only: 'deletes', signal: over.signal }).next()
    await new Promise((resolve) => setTimeout(resolve, 4500))
    expect(lease.lost.aborted).toBe(false)
    expect(await client.get('service/1')).toBeDefined()
    await holder.close()
    expect((await gone).value).toMatchObject({ changes: [{ type: 'delete' }] })
    expect(lease.lost.aborted).toBe(true)
  })

  test('a lock passes on, with a higher fence, when its holder is gone', async () => {
    await start(mode)
    await using client = StoreClient.connect({ endpoints })
    const holder = StoreClient.connect({ endpoints })
    const first = await holder.lock('door', { ttlSeconds: 2 })
    const second = client.lock('door', { ttlSeconds: 2 })
    await holder.close()
    const { fence, unlock } = await second
    expect(fence).toBeGreaterThan(first.fence)
    expect(first.lost.aborted).toBe(true)
    await unlock()
  })
})
