import { InMemory } from 'synod-testing'
import { afterEach, describe, expect, test } from 'vitest'
import { StoreClient, type StoreError, op, when } from '../src/client/index.js'
import { type Compare, Store } from '../src/index.js'

const controllers: AbortController[] = []

afterEach(() => {
  for (const controller of controllers.splice(0)) controller.abort()
})

function signal(): AbortSignal {
  const controller = new AbortController()
  controllers.push(controller)
  return controller.signal
}

function open(): { state: InMemory<Store>; client: StoreClient } {
  const state = new InMemory(new Store())
  return { state, client: new StoreClient(state) }
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'no error',
    (error: unknown) => (error as StoreError).code,
  )
}

describe('keys', () => {
  test('are put, got and deleted, with their revisions', async () => {
    const { client } = open()
    expect(await client.put('a', 'first')).toEqual({ revision: 2, previous: undefined })
    const { previous } = await client.put('a', 'second')
    expect(previous?.value.toString()).toBe('first')
    const entry = await client.get('a')
    expect(entry).toMatchObject({ createRevision: 2, modRevision: 3, version: 2, lease: 0n })
    expect([entry?.key.toString(), entry?.value.toString()]).toEqual(['a', 'second'])
    expect((await client.get('a', { revision: 2 }))?.value.toString()).toBe('first')
    expect(await client.delete('a')).toEqual({ revision: 4, deleted: 1 })
    expect(await client.get('a')).toBeUndefined()
    expect((await client.get('a', { revision: 3 }))?.value.toString()).toBe('second')
  })

  test('are bytes, in the order of their bytes', async () => {
    const { client } = open()
    for (const key of [Buffer.of(0xff), Buffer.of(0xff, 0), Buffer.of(1), Buffer.from('ü')])
      await client.put(key, key)
    const { entries } = await client.range({ prefix: '' })
    expect(entries.map(({ key }) => key.toString('hex'))).toEqual(['01', 'c3bc', 'ff', 'ff00'])
    const after = await client.range({ from: 'ü', to: Buffer.of(0xff, 0) })
    expect(after.entries.map(({ key }) => key.toString('hex'))).toEqual(['c3bc', 'ff'])
    const high = await client.range({ prefix: Buffer.of(0xff) })
    expect(high.entries.map(({ key }) => key.toString('hex'))).toEqual(['ff', 'ff00'])
  })

  test('are scanned page by page, as of one revision', async () => {
    const { client } = open()
    const value = 'v'.repeat(300_000)
    for (let i = 0; i < 9; i++) await client.put(`k${String(i)}`, value)
    const seen: string[] = []
    for await (const { key } of client.scan({ prefix: 'k' })) {
      seen.push(key.toString())
      await client.delete('k8')
      await client.put('k55', '')
    }
    expect(seen).toEqual(Array.from({ length: 9 }, (_, i) => `k${String(i)}`))
  })

  test('are counted with', async () => {
    const { client } = open()
    expect(await client.increment('n', 5n)).toBe(5n)
    expect(await client.increment('n', -7n)).toBe(-2n)
    await client.put('n', 'seven')
    expect(await codeOf(client.increment('n'))).toBe('not-an-integer')
  })

  test.each([
    ['an empty key', (client: StoreClient) => client.put('', 'x'), 'empty-key'],
    ['a long key', (client: StoreClient) => client.put('k'.repeat(70_000), 'x'), 'key-too-long'],
    [
      'a lease that is not there',
      (client: StoreClient) => client.put('k', 'x', { lease: 5n }),
      'lease-not-found',
    ],
    ['a revision to come', (client: StoreClient) => client.get('k', { revision: 9 }), 'future-revision'],
    ['a compaction of it', (client: StoreClient) => client.compact(9), 'future-revision'],
    ['a small quota', (client: StoreClient) => client.setQuota(1), 'invalid-quota'],
  ])('%s is refused', async (_, call, code) => {
    expect(await codeOf(call(open().client))).toBe(code)
  })
})

test.each([
  [
    'a time to live with a fraction',
    (client: StoreClient) => client.lease(1.5),
    /ttlSeconds must be a whole/,
  ],
  ['a negative time to live', (client: StoreClient) => client.lease(-1), /ttlSeconds must be a whole/],
  [
    'a revision below 0',
    (client: StoreClient) => client.get('k', { revision: -1 }),
    /revision must be a whole/,
  ],
  [
    'a limit that is none',
    (client: StoreClient) => client.range('k', { limit: NaN }),
    /limit must be a whole/,
  ],
])('%s is refused before it is sent', async (_, call, message) => {
  await expect(call(open().client)).rejects.toMatchObject({
    code: 'invalid-options',
    message: expect.stringMatching(message) as string,
  })
})

test('a key that is given as other text than bytes is refused', async () => {
  const { state } = open()
  const put = { type: 'put', key: '\u4e2d', value: Buffer.of(1), lease: 0n, previous: false } as const
  await expect(state.execute(put)).rejects.toMatchObject({ code: 'invalid-options' })
})

describe('a transaction', () => {
  test('does one of its branches, in one revision', async () => {
    const { client } = open()
    const claim = client
      .txn()
      .if(when.missing('a'))
      .do(op.put('a', '1'), op.put('b', '2'))
      .otherwise(op.get('a'))
    expect(await claim.commit()).toMatchObject({ succeeded: true, revision: 2 })
    const again = await claim.commit()
    expect(again).toMatchObject({ succeeded: false, revision: 2 })
    const [read] = again.did
    expect(read?.type === 'range' && read.entries[0]?.value.toString()).toBe('1')
  })

  test('compares values, versions, revisions and leases', async () => {
    const { client } = open()
    await client.put('a', '5')
    const holds = async (...compares: readonly Compare[]) =>
      (
        await client
          .txn()
          .if(...compares)
          .commit()
      ).succeeded
    expect(await holds(when.value('a', 'equal', '5'), when.version('a', 'equal', 1))).toBe(true)
    expect(await holds(when.value('a', 'greater', '5'))).toBe(false)
    expect(await holds(when.modRevision({ prefix: '' }, 'less', 3), when.exists('a'))).toBe(true)
    expect(await holds(when.lease('a', 'not-equal', 0n))).toBe(false)
    expect(await holds(when.value('missing', 'not-equal', '5'))).toBe(false)
  })

  test('that changes a key twice is refused', async () => {
    const { client } = open()
    expect(
      await codeOf(
        client
          .txn()
          .do(op.put('a', '1'), op.delete({ prefix: 'a' }))
          .commit(),
      ),
    ).toBe('duplicate-key')
  })
})

describe('a watch', () => {
  test('gets all changes, revision by revision, from any that is not compacted', async () => {
    const { client } = open()
    await client.put('a', '1')
    await client.txn().do(op.put('a', '2'), op.put('b', '3')).commit()
    await client.put('c', '4')
    await client.delete('a')
    const seen: string[] = []
    for await (const { changes, revision } of client.watch(
      { prefix: '' },
      { from: 3, previous: true, signal: signal() },
    )) {
      for (const { entry, isCreate, previous, type } of changes)
        seen.push(
          `${String(revision)} ${type} ${entry.key.toString()} ${isCreate ? 'new' : (previous?.value.toString() ?? '')}`,
        )
      if (revision === 4) await client.put('a', '5')
      if (revision === 6) break
    }
    expect(seen).toEqual(['3 put a 1', '3 put b new', '4 put c new', '5 delete a 2', '6 put a new'])
  })

  test('begins with the next change unless told otherwise', async () => {
    const { client } = open()
    await client.put('a', '1')
    const changes = client.watch('a', { signal: signal() })
    const next = changes.next()
    await client.status()
    await client.status()
    await client.put('b', '2')
    await client.put('a', '3')
    expect((await next).value).toMatchObject({ revision: 4 })
  })

  test('of what is compacted fails', async () => {
    const { client } = open()
    for (let i = 0; i < 5; i++) await client.put('a', String(i))
    await client.compact(4)
    expect(await codeOf(client.watch('a', { from: 3, signal: signal() }).next())).toBe('compacted')
  })

  test('ends with its signal', async () => {
    const { client } = open()
    const controller = new AbortController()
    const next = client.watch('a', { signal: controller.signal }).next()
    controller.abort()
    expect(await next).toEqual({ done: true, value: undefined })
  })

  test('gets a revision that is larger than an answer in one piece', async () => {
    const { client } = open()
    const value = 'v'.repeat(100_000)
    await client
      .txn()
      .do(...Array.from({ length: 40 }, (_, i) => op.put(`k${String(i)}`, value)))
      .commit()
    await client.put('k0', 'last')
    const sizes: number[] = []
    for await (const { changes } of client.watch({ prefix: 'k' }, { from: 2, signal: signal() }))
      if (sizes.push(changes.length) === 2) break
    expect(sizes).toEqual([40, 1])
  })
})

describe('a lease', () => {
  test('takes its keys with it', async () => {
    const { client } = open()
    const lease = await client.lease(30)
    await client.put('a', '1', { lease: lease.id })
    expect(await client.leaseStatus(lease.id, { keys: true })).toMatchObject({ ttlSeconds: 30, keys: ['a'] })
    await lease.revoke()
    expect(lease.lost.aborted).toBe(true)
    expect(await client.get('a')).toBeUndefined()
    expect(await client.leases()).toEqual([])
  })

  test('ends in the time of the log, after a grace', async () => {
    const { client, state } = open()
    const lease = await client.lease(5, { signal: signal() })
    await client.put('a', '1', { lease: lease.id })
    const tick = async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 500) {
        state.advance(500)
        await state.execute({ type: 'tick' })
      }
    }
    await tick(5500)
    expect(await client.get('a')).toBeDefined()
    await tick(1000)
    expect(await client.get('a')).toBeUndefined()
  })

  test('outlives an outage of the cluster', async () => {
    const { client, state } = open()
    const lease = await client.lease(5, { signal: signal() })
    await client.put('a', '1', { lease: lease.id })
    state.advance(3_600_000)
    await state.execute({ type: 'tick' })
    expect(await client.get('a')).toBeDefined()
  })
})

describe('a lock', () => {
  test('has one holder at a time, each with a higher fence', async () => {
    const { client } = open()
    const fences: number[] = []
    let holders = 0
    const work = async () => {
      const lock = await client.lock('door')
      expect(++holders).toBe(1)
      fences.push(lock.fence)
      await client.status()
      holders--
      await lock.unlock()
    }
    await Promise.all([work(), work(), work(), work()])
    expect(fences).toHaveLength(4)
    expect([...fences].sort((a, b) => a - b)).toEqual(fences)
  })

  test('is lost when its key is deleted', async () => {
    const { client } = open()
    const lock = await client.lock('door')
    const lost = new Promise<void>((resolve) => {
      lock.lost.addEventListener('abort', () => {
        resolve()
      })
    })
    await client.delete({ prefix: 'door/' })
    await lost
    expect((lock.lost.reason as StoreError).code).toBe('lock-lost')
    await lock.unlock()
  })

  test('that is waited for no longer leaves nothing behind', async () => {
    const { client } = open()
    const lock = await client.lock('door')
    const controller = new AbortController()
    const waiting = client.lock('door', { signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow()
    expect((await client.range({ prefix: 'door/' })).count).toBe(1)
    await lock.unlock()
  })
})

describe('an election', () => {
  test('has one leader, who proclaims, and another when that one resigns', async () => {
    const { client } = open()
    const election = client.election('chair')
    const first = await election.campaign('ann')
    const second = election.campaign('bob')
    const seen: string[] = []
    const observing = (async () => {
      for await (const { value } of election.observe({ signal: signal() }))
        if (seen.push(value.toString()) === 3) return
    })()
    await first.proclaim('ann again')
    await new Promise((resolve) => setImmediate(resolve))
    expect((await election.leader())?.value.toString()).toBe('ann again')
    await first.resign()
    const { fence } = await second
    expect(fence).toBeGreaterThan(first.fence)
    expect(await codeOf(first.proclaim('too late'))).toBe('leadership-lost')
    await (await second).proclaim('bob again')
    await (await second).resign()
    void observing
    expect(seen.length).toBeGreaterThan(0)
  })
})
