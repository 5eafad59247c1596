import { describe, expect, test, vi } from 'vitest'
import type { CallOptions } from '../src/call.js'
import { Client, connect } from '../src/client/client.js'
import { systemClock } from '../src/clock.js'
import { Replica } from '../src/replica/replica.js'
import { Notes } from './replica/notes.js'
import { World } from './replica/world.js'

/** The values that a caller in JavaScript may give as an option, but for undefined. */
const NONSENSE: Readonly<Record<string, unknown>> = {
  NaN: NaN,
  'a negative number': -1,
  zero: 0,
  'a huge number': 1e12,
  'minus Infinity': -Infinity,
  text: 'text',
  null: null,
  true: true,
  'an object': {},
  'an array': [],
  'a function': () => undefined,
  'a bigint': 5n,
  'a symbol': Symbol('s'),
  'a promise': Promise.resolve(1),
  'a bare object': Object.create(null),
}

/**
 * That a call with these options is refused as it should be: by a promise, with the name of what is
 * wrong.
 */
async function expectRefused(call: () => Promise<unknown>, name: RegExp): Promise<void> {
  const promise = call()
  expect(promise).toBeInstanceOf(Promise)
  await expect(promise).rejects.toMatchObject({
    name: 'SynodError',
    code: 'invalid-options',
    message: expect.stringMatching(new RegExp(`^${name.source} must be .+, not .+$`)),
  })
}

const cluster = { servers: { 1: '127.0.0.1:1' } }
const open = (more: object) =>
  Replica.open({ id: 1, cluster, dataDir: '/none', machine: new Notes(), ...more })
const connected = async (more: object) => connect({ endpoints: ['127.0.0.1:1'], ...more })

/** By option, what is sound of the nonsense above. */
const OPEN: Readonly<Record<string, readonly string[]>> = {
  id: [],
  join: ['true'],
  cluster: [],
  dataDir: ['text'],
  machine: [],
  mode: [],
  clients: [],
  listen: [],
  heartbeatMs: [],
  electionTimeoutMs: [],
  requestTimeoutMs: [],
  maxWaiting: [],
  snapshots: ['an object', 'a bare object', 'a promise'],
  logger: [],
  trace: ['a function'],
  onFatal: ['a function'],
  host: ['an object', 'a bare object', 'a promise'],
}
const CONNECT: Readonly<Record<string, readonly string[]>> = {
  endpoints: [],
  cluster: ['text'],
  codecs: ['an object', 'a bare object', 'a promise'],
  timeoutMs: [],
  retryOverloaded: ['true'],
  logger: [],
  host: ['an object', 'a bare object', 'a promise'],
}

const cases = (rules: Readonly<Record<string, readonly string[]>>) =>
  Object.entries(rules).flatMap(([option, sound]) =>
    Object.keys(NONSENSE).flatMap((what) => (sound.includes(what) ? [] : [[option, what] as const])),
  )

describe('the options of Replica.open', () => {
  test.each(cases(OPEN))('the option %s may not be %s', async (option, what) => {
    await expectRefused(() => open({ [option]: NONSENSE[what] }), /(an address|[\w.]+)/)
  })

  test.each<[object, string]>([
    [{ hearbeatMs: 5 }, 'hearbeatMs is no option: there are id, join, cluster'],
    [{ cluster: { ...cluster, lease: 5 } }, 'cluster.lease is no option: there are cluster.name, '],
    [
      { cluster: { servers: null } },
      'cluster.servers must be an object with the addresses of 1 to 31 servers',
    ],
    [
      { cluster: { servers: { x: 'a:1' } } },
      'an id in cluster.servers must be a whole number from 1 to 65,535, not NaN',
    ],
    [{ cluster: { servers: { 1: 5 } } }, 'an address must be text such as'],
    [
      { cluster: { ...cluster, quorums: { phase1: 'one' } } },
      'cluster.quorums.phase1 must be a whole number',
    ],
    [{ id: 2 }, "id must be one of the cluster's servers, 1, not 2"],
    [
      { heartbeatMs: 100, electionTimeoutMs: 150 },
      'electionTimeoutMs must be at least twice the heartbeat, 200, not 150',
    ],
    [
      { snapshots: { everySlots: 1.5 } },
      'snapshots.everySlots must be a whole number from 1 to 1,000,000,000, not 1.5',
    ],
    [
      { logger: { info: () => undefined } },
      'logger must be an object with the methods info, warn, error, not an object',
    ],
    [
      { machine: { apply: () => 1 } },
      'machine must be an object with the methods apply, query, not an object',
    ],
    [
      { machine: { apply: () => 1, query: () => 1, snapshot: () => [] } },
      'machine has snapshot and no restore',
    ],
    [
      { machine: { apply: () => 1, query: () => 1, codecs: { command: { encode: 1 } } } },
      'machine.codecs.command must be',
    ],
    [{ machine: undefined }, 'machine must be an object with the methods apply, query, not undefined'],
    [{ host: { clock: {} } }, 'host.clock must be an object with the methods now'],
  ])('with %o are refused, with the reason', async (more, message) => {
    await expect(open(more)).rejects.toMatchObject({
      code: 'invalid-options',
      message: expect.stringContaining(message),
    })
  })

  test.each([undefined, null, 5, 'text', []])('must be an object, not %o', async (options) => {
    await expectRefused(() => Replica.open(options as never), /the options of Replica.open/)
  })
})

describe('the options of connect', () => {
  test.each(cases(CONNECT))('the option %s may not be %s', async (option, what) => {
    await expectRefused(() => connected({ [option]: NONSENSE[what] }), /(an address|[\w.]+)/)
  })

  test('take addresses that are text, up to a limit', async () => {
    await expectRefused(() => connected({ endpoints: [5] }), /an address/)
    await expectRefused(() => connected({ endpoints: Array(32).fill('a:1') }), /endpoints/)
    await expect(connected({ timeout: 5 })).rejects.toThrow('timeout is no option')
    await expectRefused(async () => connect(undefined as never), /the options of connect/)
    expect(() => new Client(null as never)).toThrow('the options of connect must be an object, not null')
  })
})

describe('the options of a call', () => {
  const TIMEOUTS = Object.entries(NONSENSE)
  const calls: readonly [
    string,
    (door: 'replica' | 'client', world: World, options: unknown) => Promise<unknown>,
  ][] = [
    [
      'execute',
      async (door, world, options) =>
        door === 'replica'
          ? world.replica(1).execute('a', options as CallOptions)
          : (await client(world)).execute('a', options as CallOptions),
    ],
    ['read', async (door, world, options) => (await doorOf(door, world)).read(0, options as CallOptions)],
    [
      'readStale',
      async (door, world, options) => (await doorOf(door, world)).readStale(0, options as CallOptions),
    ],
    [
      'transferLeadership',
      async (door, world, options) => (await doorOf(door, world)).transferLeadership(options as CallOptions),
    ],
    [
      'changeMembership',
      async (door, world, options) =>
        (await doorOf(door, world)).changeMembership({ remove: 9 }, options as CallOptions),
    ],
  ]
  const clients = new WeakMap<World, ReturnType<World['connect']>>()
  const client = (world: World) => {
    const known = clients.get(world) ?? world.connect()
    clients.set(world, known)
    return known
  }
  const doorOf = async (door: 'replica' | 'client', world: World) =>
    door === 'replica' ? world.replica(1) : client(world)

  const DOORS = ['replica', 'client'] as const
  test.each(calls.flatMap(([method, call]) => DOORS.map((door) => [method, door, call] as const)))(
    'refuse invalid values by name: %s of a %s',
    async (_, door, call) => {
      const world = await World.formed()
      await client(world)
      for (const [what, value] of TIMEOUTS) {
        const refused = (options: unknown, name: RegExp) =>
          expectRefused(() => call(door, world, options), name)
        await refused({ timeoutMs: value }, /timeoutMs/)
        await refused({ signal: value }, /signal/)
        const isOptions = ['an object', 'a bare object', 'a promise'].includes(what)
        if (!isOptions) await refused(value, /the options of \w+/)
      }
      await expect(call(door, world, { timeout: 5 })).rejects.toThrow('timeout is no option: there are ')
      // A call that was refused leaves nothing behind that would fail later without a handler.
      await world.wait(20_000)
    },
  )

  test('take Infinity for no timeout, and undefined for the default', async () => {
    const world = await World.formed()
    world.isolate(1)
    const forever = world.replica(1).execute('a', { timeoutMs: Infinity })
    const usual = world.replica(1).execute('b', { timeoutMs: undefined, signal: undefined })
    usual.catch(() => undefined)
    await world.wait(4_000_000)
    await expect(usual).rejects.toMatchObject({ code: 'no-quorum' })
    world.heal()
    expect(await world.settled(forever)).toBeGreaterThan(0)
  })

  test('default to the timeout of the replica or client, which may be Infinity', async () => {
    const world = await World.formed({ options: { requestTimeoutMs: Infinity } })
    const patient = await world.connect('patient', { timeoutMs: Infinity })
    for (const id of [1, 2]) world.isolate(id)
    const calls = [world.replica(1).execute('a'), patient.execute('b')]
    await world.wait(100_000)
    world.heal()
    await world.settled(Promise.all(calls))
  })

  test('refuse invalid servers, slots and changes', async () => {
    const world = await World.formed()
    for (const door of DOORS) {
      const it = await doorOf(door, world)
      for (const to of [0, 70_000, 1.5, '2', null, NaN])
        await expectRefused(() => it.transferLeadership({ to } as never), /to/)
      for (const atLeast of [-1, 1.5, '2', null, NaN, Infinity])
        await expectRefused(() => it.readStale(0, { atLeast } as never), /atLeast/)
      for (const change of [null, 5, 'text', undefined, []])
        await expectRefused(() => it.changeMembership(change as never), /a change of the membership/)
      await expectRefused(() => it.changeMembership({} as never), /add/)
      await expectRefused(() => it.changeMembership({ remove: '2' } as never), /remove/)
      await expectRefused(() => it.changeMembership({ add: 4 } as never), /address/)
      await expectRefused(() => it.changeMembership({ add: 4, address: 5 } as never), /address/)
      await expectRefused(
        () => it.changeMembership({ add: 4, address: 'a:1', learner: 1 } as never),
        /learner/,
      )
      await expect(it.changeMembership({ add: 4, address: 'a:1', remove: 2 })).rejects.toThrow(
        'add is no option',
      )
    }
  })

  test('a value that the codec cannot encode is refused, and named', async () => {
    const world = await World.formed()
    const circle: unknown[] = []
    circle.push(circle)
    for (const door of DOORS) {
      const it = await doorOf(door, world)
      await expect(it.read(5n as never)).rejects.toMatchObject({
        code: 'invalid-options',
        message: expect.stringMatching(/^the query cannot be encoded: .*BigInt/),
      })
      await expect(it.readStale(circle as never)).rejects.toMatchObject({ code: 'invalid-options' })
    }
    await expect(world.replica(1).execute(circle as never)).rejects.toMatchObject({
      code: 'invalid-options',
      message: expect.stringMatching(/^the command cannot be encoded: /),
    })
  })
})

describe('the system clock', () => {
  test.each([1000, 2 ** 31 - 1, 2 ** 31, 2 ** 33])(
    'runs a timer of %i ms at that time, and not before',
    (delayMs) => {
      vi.useFakeTimers()
      let runs = 0
      systemClock.timer(delayMs, () => runs++)
      const cancel = systemClock.timer(delayMs, () => expect.fail('cancelled'))
      vi.advanceTimersByTime(delayMs / 2)
      cancel()
      if (delayMs > 0) vi.advanceTimersByTime(delayMs / 2 - 1)
      if (delayMs > 2) expect(runs).toBe(0)
      vi.advanceTimersByTime(2)
      expect(runs).toBe(1)
      expect(vi.getTimerCount()).toBe(0)
      vi.useRealTimers()
    },
  )

  test('never runs a timer of Infinity, and refuses NaN', () => {
    vi.useFakeTimers()
    systemClock.timer(Infinity, () => expect.fail('run'))()
    expect(vi.getTimerCount()).toBe(0)
    vi.useRealTimers()
    expect(() => systemClock.timer(NaN, () => undefined)).toThrow(RangeError)
    expect(() => new World().clock.timer(NaN, () => undefined)).toThrow(RangeError)
  })
})
