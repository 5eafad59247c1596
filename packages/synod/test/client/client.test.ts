import { describe, expect, test } from 'vitest'
import { SESSION_WINDOW } from '../../src/machine/request.js'
import { World } from '../replica/world.js'

const MODES = ['leader', 'leaderless'] as const

describe.each(MODES)('a client, in %s mode', (mode) => {
  test('executes commands and reads', async () => {
    const world = await World.formed({ mode })
    const client = await world.connect()
    expect(await world.settled(client.execute('a'))).toBe(1)
    expect(await world.settled(client.execute('b'))).toBe(2)
    expect(await world.settled(client.read(0))).toEqual(['a', 'b'])
    await world.converged()
    for (const id of world.ids) expect(world.texts(id)).toEqual(['a', 'b'])
  })

  test('rejects with the error of the state machine', async () => {
    const world = await World.formed({ mode })
    const client = await world.connect()
    expect(await world.failure(client.execute('!bad'))).toMatchObject({
      code: 'command-failed',
      message: 'refused: !bad',
    })
    expect(await world.failure(client.read(-1))).toMatchObject({ code: 'command-failed' })
    expect(await world.settled(client.execute('good'))).toBe(1)
  })

  test('takes more calls at once than its session has room for', async () => {
    const world = await World.formed({ mode })
    const client = await world.connect()
    const count = SESSION_WINDOW + 300
    const calls = Array.from({ length: count }, (_, index) => client.execute(`${index}`))
    const results = await world.settled(Promise.all(calls))
    expect(new Set(results).size).toBe(count)
    await world.converged()
    expect(world.texts(1)).toHaveLength(count)
  })

  test('has a session apart from those of other clients', async () => {
    const world = await World.formed({ mode })
    const [a, b] = [await world.connect('a'), await world.connect('b')]
    const results = await world.settled(Promise.all([a.execute('a'), b.execute('b')]))
    expect([...results].sort()).toEqual([1, 2])
    await world.converged()
    // There may be more: a session that was asked for twice is opened twice, and one of the two is
    // used.
    expect(world.status(1).sessions).toBeGreaterThanOrEqual(2)
  })

  test('needs only one endpoint', async () => {
    const world = await World.formed({ mode })
    for (const id of world.ids) {
      const client = await world.connect(`c${id}`, { endpoints: [`s${id}:2379`] })
      await world.settled(client.execute(`through s${id}`))
      expect((await world.settled(client.read(0))).at(-1)).toBe(`through s${id}`)
    }
  })

  test('refuses a command that is too large, and takes later ones', async () => {
    const world = await World.formed({ mode })
    const client = await world.connect()
    const limit = 1 << 20
    expect(await world.settled(client.execute('x'.repeat(limit - 2)))).toBe(1)
    expect(await world.failure(client.execute('x'.repeat(limit)))).toMatchObject({ code: 'too-large' })
    expect(await world.settled(client.execute('a'))).toBe(2)
  })

  test('a result or answer that is too large fails its call alone, and the replica goes on', async () => {
    const world = new World({ servers: 1, mode })
    const huge = 'x'.repeat(40 << 20)
    const machine = {
      apply: (text: string) => (text === 'huge' ? huge : text),
      query: (from: number) => (from === 1 ? huge : from),
    }
    await world.open(1, { machine: machine as never })
    const client = await world.connect('client', { timeoutMs: 1000 })
    expect(await world.failure(client.read(1))).toMatchObject({
      code: expect.stringMatching(/too-large|failed/),
    })
    expect(await world.settled(client.read(2))).toBe(2)
    expect(await world.failure(client.execute('huge'))).toMatchObject({
      code: expect.stringMatching(/too-large|failed/),
    })
    expect(await world.settled(client.execute('small'))).toBe('small')
    expect(world.running).toEqual([1])
  })

  test('shows the status of every endpoint, or why it has none', async () => {
    const world = await World.formed({ mode })
    const client = await world.connect()
    await world.run(() => world.ids.every((id) => world.status(id).clients === 1))
    world.crash(3)
    await world.wait(100)
    const statuses = await world.settled(client.status())
    expect(statuses.map(({ endpoint }) => endpoint)).toEqual(['s1:2379', 's2:2379', 's3:2379'])
    expect(statuses[0]).toMatchObject({ status: { server: 1, mode } })
    expect(statuses[2]).toMatchObject({ error: { code: 'unreachable' } })
  })

  test('rejects calls under way and later calls once it is closed', async () => {
    const world = await World.formed({ mode })
    const client = await world.connect()
    world.isolate(1)
    world.partition(2, 3)
    const calls = [client.execute('a'), client.read(0)]
    for (const call of calls) call.catch(() => undefined)
    await world.wait(10)
    await client.close()
    for (const call of calls) expect(await world.failure(call)).toMatchObject({ code: 'closed' })
    expect(await world.failure(client.execute('b'))).toMatchObject({ code: 'closed' })
    await world.run(() => world.ids.every((id) => world.status(id).clients === 0))
    world.heal()
  })

  test('is closed by await using', async () => {
    const world = await World.formed({ mode })
    let kept
    {
      await using client = await world.connect()
      kept = client
      await world.settled(client.execute('a'))
    }
    expect(await world.failure(kept.execute('b'))).toMatchObject({ code: 'closed' })
  })
})
