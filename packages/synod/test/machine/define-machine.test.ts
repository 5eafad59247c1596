import { describe, expect, test } from 'vitest'
import { connect, defineMachine } from '../../src/index.js'
import type { ApplyContext } from '../../src/machine/machine.js'
import { World } from '../../../testing/src/simulator/world.js'

const bank = defineMachine({
  version: 2,
  state: () => new Map<string, number>(),
  commands: {
    deposit: (accounts, to: string, amount: number) => {
      const balance = (accounts.get(to) ?? 0) + amount
      accounts.set(to, balance)
      return balance
    },
    withdraw(accounts, from: string, amount: number) {
      const balance = accounts.get(from) ?? 0
      if (balance < amount) throw new Error(`${from} has ${balance}`)
      accounts.set(from, balance - amount)
      return { left: balance - amount, at: this.timeMs }
    },
  },
  queries: {
    balance: (accounts, of: string) => accounts.get(of) ?? 0,
    names: (accounts) => [...accounts.keys()],
  },
  since: { withdraw: 2 },
  snapshot: (accounts) => [Buffer.from(JSON.stringify([...accounts]))],
  async restore(chunks) {
    const bytes: Uint8Array[] = []
    for await (const chunk of chunks) bytes.push(chunk)
    return new Map(JSON.parse(Buffer.concat(bytes).toString()) as [string, number][])
  },
})

const context: ApplyContext = { position: { slot: 1, index: 0 }, timeMs: 5, version: 2 }

describe('a machine with named commands', () => {
  test('calls a command by its name, with its arguments and the context', () => {
    const machine = bank.create()
    expect(machine.apply(['deposit', 'ann', 5], context)).toBe(5)
    expect(machine.apply(['withdraw', 'ann', 2], context)).toEqual({ left: 3, at: 5 })
    expect(machine.query(['balance', 'ann'])).toBe(3)
    expect(machine.query(['names'])).toEqual(['ann'])
  })

  test('has its own state', () => {
    const [one, other] = [bank.create(), bank.create()]
    one.apply(['deposit', 'ann', 5], context)
    expect(other.query(['balance', 'ann'])).toBe(0)
  })

  test.each([[['steal', 'ann', 5]], [['constructor']], [[5]], ['deposit'], [null], [{}]])(
    'refuses %j, which names no command',
    (command) => {
      expect(() => bank.create().apply(command as never, context)).toThrow(/there is no command '/)
      expect(() => bank.create().query(command as never)).toThrow(/there is no query '/)
      expect(bank.versionOf(command as never)).toBe(1)
    },
  )

  test('knows a command from the version of that command on', () => {
    expect(bank.create()).toMatchObject({ version: 2 })
    expect(bank.versionOf(['withdraw', 'ann', 5])).toBe(2)
    expect(bank.versionOf(['deposit', 'ann', 5])).toBe(1)
  })

  test('takes and restores snapshots of its state', async () => {
    const [one, other] = [bank.create(), bank.create()]
    one.apply(['deposit', 'ann', 5], context)
    const chunks = [...one.snapshot!()]
    await other.restore!(
      (async function* () {
        yield* chunks
      })(),
    )
    expect(other.query(['balance', 'ann'])).toBe(5)
  })

  test('has no snapshots unless they are defined', () => {
    const machine = defineMachine({ state: () => 0, commands: {}, queries: {} }).create()
    expect(Object.keys(machine)).not.toContain('snapshot')
    expect(Object.keys(machine)).not.toContain('restore')
  })

  test.each([
    [{ commands: { add: 5 } }, 'commands.add must be a function, not 5'],
    [{ queries: [] }, 'queries must be an object, not'],
    [{ since: { sub: 1 } }, 'since must be an object of versions by command'],
    [{ since: { add: 2 } }, 'since.add must be a whole number from 1 to 1, not 2'],
    [{ state: undefined }, 'state must be a function, not undefined'],
    [{ apply: () => 1 }, 'apply is no option'],
  ])('the definition %j is refused, with the reason', (parts, message) => {
    const whole = { state: () => 0, commands: { add: () => 1 }, queries: {}, ...parts }
    expect(() => defineMachine(whole as never)).toThrow(message)
  })

  test('is replicated, and its results have the types of its commands', async () => {
    const world = new World({ servers: 1, machine: () => bank.create() })
    await world.openAll()
    const replica = world.replica(1)
    await world.run(() => replica.status().versions.agreed.machine === 2)
    const balance: number = await world.settled(replica.execute(['deposit', 'ann', 5]))
    expect(balance).toBe(5)
    const { left }: { left: number } = await world.settled(replica.execute(['withdraw', 'ann', 1]))
    expect(left).toBe(4)
    const names: string[] = await world.settled(replica.read(['names']))
    expect(names).toEqual(['ann'])
    expect(await world.failure(replica.execute(['withdraw', 'ann', 9]))).toMatchObject({
      ...{ code: 'command-failed', message: 'ann has 4' },
    })
  })

  test('has codecs and versions for clients', async () => {
    const client = connect(bank, { endpoints: ['127.0.0.1:1'] })
    await client.close()
    // @ts-expect-error -- there is no such command
    await expect(client.execute(['steal', 'ann'])).rejects.toMatchObject({ code: 'closed' })
    // @ts-expect-error -- an amount is a number
    await expect(client.execute(['deposit', 'ann', '5'])).rejects.toMatchObject({ code: 'closed' })
  })
})
