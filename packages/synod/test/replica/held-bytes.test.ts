import { expect, test } from 'vitest'
import type { SynodError } from '../../src/errors.js'
import { Budget } from '../../src/net/transport/budget.js'
import { MAX_HELD_AT_ALL_BYTES, MAX_HELD_BYTES } from '../../src/net/transport/client-load.js'
import { type Holder, HeldBytes, SMALL_BYTES } from '../../src/replica/held-bytes.js'

const LIMIT_BYTES = 4 * SMALL_BYTES

class Client implements Holder {
  askedBytes = 0
  unreadBytes = 0
  looks = 0
  ended: SynodError | undefined
  #unsentBytes = 0

  readonly connection = this

  get unsentBytes(): number {
    this.looks++
    return this.#unsentBytes
  }

  set unsentBytes(bytes: number) {
    this.#unsentBytes = bytes
  }

  end(error: SynodError): void {
    this.ended = error
  }
}

function rig() {
  const clock = { nowMs: 0 }
  const crowd = { clients: 2 }
  const budget = new Budget(LIMIT_BYTES)
  const held = new HeldBytes(
    budget,
    () => clock.nowMs,
    () => crowd.clients,
  )
  const leave = (client: Client, bytes: number) => {
    client.unsentBytes = bytes
    held.settle(client)
  }
  return { budget, clock, crowd, held, leave }
}

const OVERLOADED = expect.objectContaining({ code: 'overloaded', retryAfterMs: 100 }) as unknown

test('requests count until they are answered, and answers until they are read', () => {
  const { budget, held, leave } = rig()
  const [one, other] = [new Client(), new Client()]
  held.ask(one, 300)
  leave(one, 400)
  leave(other, 500)
  expect(budget.heldBytes).toBe(1200)
  held.answer(one, 300)
  leave(one, 100)
  expect(budget.heldBytes).toBe(600)
  held.forget(other)
  held.forget(other)
  expect(budget.heldBytes).toBe(100)
  leave(one, 0)
  expect(budget.heldBytes).toBe(0)
})

test('clients that hold much and do not read are refused, and checked again after a while', () => {
  const { clock, held, leave } = rig()
  const client = new Client()
  leave(client, LIMIT_BYTES)
  client.looks = 0
  const check = () => {
    held.check(client, 0)
  }
  for (let count = 0; count < 100; count++) expect(check).toThrow(OVERLOADED)
  expect(client.looks).toBe(1)
  client.unsentBytes = 10
  expect(check).toThrow(OVERLOADED)
  clock.nowMs = 10
  check()
})

test('clients that hold little are served beside them', () => {
  const { held, leave } = rig()
  leave(new Client(), LIMIT_BYTES)
  const modest = new Client()
  held.ask(modest, SMALL_BYTES / 2)
  leave(modest, SMALL_BYTES / 2 - 1)
  held.check(modest, 0)
  expect(() => {
    held.check(modest, 1)
  }).toThrow(OVERLOADED)
})

test('with many clients each may hold less, so that all together stay within the limit', () => {
  const { crowd, held, leave } = rig()
  leave(new Client(), LIMIT_BYTES)
  crowd.clients = 10_000
  const check = (bytes: number) => () => {
    held.check(new Client(), bytes)
  }
  const smallBytes = (MAX_HELD_AT_ALL_BYTES - MAX_HELD_BYTES) / crowd.clients
  check(smallBytes - 1)()
  expect(check(smallBytes)).toThrow(OVERLOADED)
})

test('an answer that must be sent is kept, and the client with the most unread bytes is disconnected', () => {
  const { budget, leave } = rig()
  const clients = [100, MAX_HELD_AT_ALL_BYTES - LIMIT_BYTES, 200].map((bytes) => ({
    bytes,
    client: new Client(),
  }))
  for (const { bytes, client } of clients) leave(client, bytes)
  expect(clients.map(({ client }) => client.ended?.code)).toEqual([undefined, undefined, undefined])
  leave(new Client(), LIMIT_BYTES)
  expect(clients.map(({ client }) => client.ended?.code)).toEqual([undefined, 'overloaded', undefined])
  expect(budget.heldBytes).toBe(300 + LIMIT_BYTES)
})
