import { expect, test } from 'vitest'
import type { Machine } from '../../src/machine/machine.js'
import { World } from '../../../testing/src/simulator/world.js'

/** Adds up; in an older version of its code a negative amount is added only later. */
class Sum implements Machine<number, number, 'sum' | 'later', number> {
  #sum = 0
  readonly #isMended: () => boolean

  constructor(isMended: () => boolean) {
    this.#isMended = isMended
  }

  apply(amount: number): number {
    if (amount >= 0 || this.#isMended()) return (this.#sum += amount)
    return Promise.reject(new Error('this must not end the process')) as never
  }

  query(what: 'sum' | 'later'): number {
    if (what === 'sum') return this.#sum
    return Promise.reject(new Error('nor this')) as never
  }
}

test('each replica that executes a command whose apply returns a promise stops, and the next version executes it', async () => {
  let isMended = false
  const world = new World({ machine: () => new Sum(() => isMended) })
  await world.openAll()
  await world.ready()
  expect(await world.settled(world.replica(1).execute(5))).toBe(5)
  const error = await world.failure(world.replica(1).execute(-2))
  expect(error).toMatchObject({
    code: 'invalid-machine',
    message: expect.stringMatching(/^apply returned a promise: it must be done when it returns/),
  })
  // With the second one the quorum is gone: the third may never learn that the command is chosen.
  const ended = () => world.ids.filter((id) => world.server(id).fatal?.code === 'invalid-machine')
  await world.run(() => ended().length >= 2)
  for (const id of world.ids) world.kill(id)

  // The command is in the log: until the state machine is mended, each start comes to it again.
  for (const id of world.ids) world.begin(id).catch(() => undefined)
  for (const id of world.ids) world.server(id).fatal = undefined
  await world.run(() => ended().length >= 2)
  for (const id of world.ids) world.kill(id)
  isMended = true
  await world.openAll()
  await world.ready()
  expect(await world.settled(world.replica(2).read('sum'))).toBe(3)
})

test('a query that returns a promise is refused, and the replica goes on', async () => {
  const world = new World({ machine: () => new Sum(() => true) })
  await world.openAll()
  await world.ready()
  const client = await world.connect()
  for (const door of [world.replica(1), client])
    expect(await world.failure(door.read('later'))).toMatchObject({ code: 'invalid-machine' })
  expect(await world.settled(client.execute(1))).toBe(1)
  expect(await world.settled(client.read('sum'))).toBe(1)
})
