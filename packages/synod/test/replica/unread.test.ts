import { expect, test } from 'vitest'
import { MAX_UNREAD_BYTES, Unread } from '../../src/replica/unread.js'

function rig() {
  const clients = { now_ms: 0, unsent_bytes: 0, counted: 0 }
  const unread = new Unread(
    () => clients.now_ms,
    () => {
      clients.counted++
      return clients.unsent_bytes
    },
  )
  return { clients, unread }
}

test('clients that read are not looked at until there seems to be too much, and then all is well', () => {
  const { clients, unread } = rig()
  unread.said(MAX_UNREAD_BYTES)
  unread.check()
  expect(clients.counted).toBe(0)
  unread.said(1)
  unread.check()
  expect(clients.counted).toBe(1)
  unread.said(MAX_UNREAD_BYTES)
  unread.check()
  expect(clients.counted).toBe(1)
})

test('while they do not read, nothing more is taken, and they are counted now and then', () => {
  const { clients, unread } = rig()
  clients.unsent_bytes = MAX_UNREAD_BYTES + 1
  unread.said(MAX_UNREAD_BYTES + 1)
  for (let count = 0; count < 100; count++)
    expect(() => {
      unread.check()
    }).toThrow(expect.objectContaining({ code: 'overloaded', retryAfter_ms: 1000 }))
  expect(clients.counted).toBe(1)
  clients.now_ms = 10
  clients.unsent_bytes = 0
  unread.check()
})
