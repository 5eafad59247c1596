import { expect, test } from 'vitest'
import { Budget } from '../../src/net/budget.js'
import type { SynodError } from '../../src/errors.js'
import { MAX_HELD_AT_ALL_BYTES } from '../../src/net/intake.js'
import { type Reader, Unread } from '../../src/replica/unread.js'

const LIMIT_BYTES = 1000

class Client implements Reader {
  held_bytes = 0
  looks = 0
  ended: SynodError | undefined
  #unsent_bytes = 0

  readonly connection = this

  get unsent_bytes(): number {
    this.looks++
    return this.#unsent_bytes
  }

  set unsent_bytes(bytes: number) {
    this.#unsent_bytes = bytes
  }

  end(error: SynodError): void {
    this.ended = error
  }
}

function rig() {
  const clock = { now_ms: 0 }
  const budget = new Budget(LIMIT_BYTES)
  const unread = new Unread(budget, () => clock.now_ms)
  const leave = (client: Client, bytes: number) => {
    client.unsent_bytes = bytes
    unread.settle(client)
  }
  return { budget, clock, leave, unread }
}

test('what clients have not read counts until they have', () => {
  const { budget, leave, unread } = rig()
  const [one, other] = [new Client(), new Client()]
  leave(one, 400)
  leave(other, 500)
  expect(budget.heldBytes).toBe(900)
  unread.check()
  leave(one, 100)
  expect(budget.heldBytes).toBe(600)
  unread.forget(other)
  unread.forget(other)
  expect(budget.heldBytes).toBe(100)
  leave(one, 0)
  expect(budget.heldBytes).toBe(0)
})

test('while they do not read, nothing more is taken, and they are looked at only now and then', () => {
  const { clock, leave, unread } = rig()
  const client = new Client()
  leave(client, LIMIT_BYTES)
  client.looks = 0
  const check = () => {
    unread.check()
  }
  for (let count = 0; count < 100; count++)
    expect(check).toThrow(expect.objectContaining({ code: 'overloaded', retryAfter_ms: 100 }))
  expect(client.looks).toBe(1)
  client.unsent_bytes = 10
  expect(check).toThrow()
  clock.now_ms = 10
  check()
})

test('what has to be said all the same is kept for the others, and the one with the most unread goes', () => {
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
