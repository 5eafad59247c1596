import { expect, test } from 'vitest'
import { NO_OWNER, type Socket, type SocketEvents } from 'synod/internal/net/transport/network.js'
import { DelayQueue } from './delay-queue.js'
import { MAX_HELD_BYTES, openDelayedConnection } from './delayed-connection.js'

const DELAY_MS = 10
const ADDRESS = { host: 'target', port: 1 }

/** Time that goes on only when it is told to. */
class ManualTiming {
  #nowMs = 0
  readonly timers: { readonly atMs: number; readonly run: () => void }[] = []

  now(): number {
    return this.#nowMs
  }

  timer(delayMs: number, run: () => void): void {
    this.timers.push({ atMs: this.#nowMs + delayMs, run })
  }

  advance(durationMs: number): void {
    this.#nowMs += durationMs
    const due = this.timers.filter(({ atMs }) => atMs <= this.#nowMs)
    for (const timer of due) {
      this.timers.splice(this.timers.indexOf(timer), 1)
      timer.run()
    }
  }
}

/** A socket of the proxy, with what the proxy has done to it. */
class FakeSocket implements Socket {
  readonly remote = 'fake'
  events: SocketEvents = NO_OWNER
  unsentBytes = 0
  isStuck = false
  isPaused = false
  readonly received: (number | 'closed' | 'destroyed')[] = []

  write(bytes: Uint8Array): void {
    this.received.push(bytes[0] ?? -1)
    if (this.isStuck) this.unsentBytes += bytes.length
  }

  drain(): void {
    this.unsentBytes = 0
    this.events.drained()
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
  }

  close(): void {
    this.received.push('closed')
  }

  destroy(): void {
    this.received.push('destroyed')
  }
}

function connected() {
  const timing = new ManualTiming()
  const sockets = { dialler: new FakeSocket(), target: new FakeSocket() }
  let carriedBytes = 0
  const { dialler, target } = sockets
  const opened = (socket: FakeSocket, events: SocketEvents) => Object.assign(socket, { events })
  openDelayedConnection(
    {
      network: {
        connect: (_address, events) => opened(target, events),
        listen: () => Promise.reject(new Error('the proxy listens elsewhere')),
      },
      queue: new DelayQueue(timing, DELAY_MS),
      target: ADDRESS,
      onCarried: (bytes) => {
        carriedBytes += bytes
      },
    },
    (events) => opened(dialler, events),
  )
  return { ...sockets, timing, carriedBytes: () => carriedBytes }
}

test('bytes arrive after the delay, in both directions, and not before', () => {
  const { carriedBytes, dialler, target, timing } = connected()
  dialler.events.data(Uint8Array.of(1))
  timing.advance(4)
  target.events.data(Uint8Array.of(2))
  timing.advance(5.9)
  expect([target.received, dialler.received]).toEqual([[], []])
  timing.advance(0.1)
  expect([target.received, dialler.received]).toEqual([[1], []])
  timing.advance(4)
  expect(dialler.received).toEqual([2])
  expect(carriedBytes()).toBe(2)
})

test('the order stays, and one timer is enough for all that waits', () => {
  const { dialler, target, timing } = connected()
  const numbers = Array.from({ length: 100 }, (_, index) => index)
  for (const number of numbers) {
    dialler.events.data(Uint8Array.of(number))
    timing.advance(0.05)
    expect(timing.timers).toHaveLength(1)
  }
  for (let step = 0; step < 20; step++) timing.advance(1)
  expect(target.received).toEqual(numbers)
  expect(timing.timers).toHaveLength(0)
})

test('what arrives late also delivers what is due', () => {
  const { dialler, target, timing } = connected()
  const { timers } = timing
  dialler.events.data(Uint8Array.of(1))
  timers.length = 0
  timing.advance(DELAY_MS)
  target.events.data(Uint8Array.of(2))
  expect(target.received).toEqual([1])
})

test('no more is read while the bound is reached, by bytes that wait or by bytes that do not leave', () => {
  const { dialler, target, timing } = connected()
  target.isStuck = true
  dialler.events.data(new Uint8Array(MAX_HELD_BYTES - 1))
  expect(dialler.isPaused).toBe(false)
  dialler.events.data(new Uint8Array(1))
  expect([dialler.isPaused, target.isPaused]).toEqual([true, false])
  timing.advance(DELAY_MS)
  expect(target.unsentBytes).toBe(MAX_HELD_BYTES)
  expect(dialler.isPaused).toBe(true)
  target.drain()
  expect(dialler.isPaused).toBe(false)
})

test('the end of a connection arrives after all that was sent before', () => {
  const { dialler, target, timing } = connected()
  dialler.events.data(Uint8Array.of(1))
  dialler.events.closed('ended')
  expect(target.received).toEqual([])
  timing.advance(DELAY_MS)
  expect(target.received).toEqual([1, 'closed'])
})

test('a connection that breaks off, or is refused, is broken off on the other side', () => {
  const { dialler, target, timing } = connected()
  target.events.closed('refused')
  timing.advance(DELAY_MS)
  expect(dialler.received).toEqual(['destroyed'])
})
