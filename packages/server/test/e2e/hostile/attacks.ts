import { randomBytes } from 'node:crypto'
import { Hostile, type Message, frameOf, payloadOf } from './wire.js'

/** What a careless or hostile client can send. */
export interface Attack {
  readonly name: string
  /** Goes on until the signal; then drops its connections, with all that is in flight on them. */
  run(endpoint: string, signal: AbortSignal): Promise<void>
}

const CONNECTIONS = 24

/** A read of the key `a`, as the key-value server takes it. */
const QUERY = Buffer.from([1, 1, 0, 97])

function* range(count: number): Generator<number> {
  for (let number = 0; number < count; number++) yield number
}

function* reads(from: number, count: number): Generator<Message> {
  for (const number of range(count)) yield { type: 'read', request: from + number, query: QUERY }
}

function* cancels(from: number, count: number): Generator<Message> {
  for (const number of range(count)) yield { type: 'cancel', request: from + number }
}

function* statuses(count: number): Generator<Message> {
  for (const request of range(count)) yield { type: 'status', request }
}

/** Many connections, each of which goes on saying the same; one that is closed is opened anew. */
function flood(
  name: string,
  bytes: Buffer | (() => Buffer),
  { connections = CONNECTIONS, reads = true, once = false } = {},
): Attack {
  return {
    name,
    async run(endpoint, signal) {
      const open = new Set<Hostile>()
      signal.addEventListener('abort', () => {
        for (const hostile of open) hostile.end()
      })
      await Promise.all(
        Array.from({ length: connections }, async () => {
          const isOver = () => signal.aborted
          while (!isOver()) {
            const hostile = await Hostile.open(endpoint, { reads }).catch(() => undefined)
            if (hostile === undefined) {
              await pause(10)
              continue
            }
            open.add(hostile)
            const write = () => hostile.write(typeof bytes === 'function' ? bytes() : bytes)
            if (once) await write()
            while (!isOver() && hostile.isOpen)
              if (once) await pause(50)
              else await write()
            hostile.end()
            open.delete(hostile)
          }
        }),
      )
    },
  }
}

/**
 * Connections that come, as many as there can be, and say nothing, or greet and say nothing more.
 */
function crowd(name: string, connections: number, greets: boolean): Attack {
  return {
    name,
    async run(endpoint, signal) {
      const open = new Set<Hostile>()
      while (!signal.aborted) {
        for (const hostile of open) if (!hostile.isOpen) open.delete(hostile)
        const missing = Math.min(connections - open.size, 200)
        const more = await Promise.all(
          Array.from({ length: missing }, () => Hostile.open(endpoint, { greets }).catch(() => undefined)),
        )
        for (const hostile of more) if (hostile !== undefined) open.add(hostile)
        if (missing < 200) await pause(20)
      }
      for (const hostile of open) hostile.end()
    },
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

const HALF_FRAME = frameOf(Buffer.alloc(1 << 20), 2 << 20)
const execute = (request: number, size: number): Message => ({
  type: 'execute',
  request,
  value: Buffer.alloc(size),
})

/** Requests to open sessions: a tag, the time in eight bytes, a key of sixteen, and no numbers. */
function* opens(count: number): Generator<Message> {
  for (const request of range(count)) {
    const value = Buffer.from([1, ...Buffer.alloc(8), ...randomBytes(16), 0, 0, 0])
    yield { type: 'execute', request, value }
  }
}

export const ATTACKS: readonly Attack[] = [
  flood('reads and cancels', frameOf(payloadOf([...reads(1, 60_000), ...cancels(1, 20_000)])), {
    connections: 4,
  }),
  flood('cancels of nothing', frameOf(payloadOf(cancels(1, 100_000)))),
  flood('half frames', HALF_FRAME, { connections: 256, once: true }),
  flood('status, unread', frameOf(payloadOf(statuses(50_000))), { connections: 64, reads: false }),
  flood('status, read', frameOf(payloadOf(statuses(50_000)))),
  flood('reads, unread', frameOf(payloadOf(reads(1, 60_000))), { connections: 64, reads: false }),
  flood('reads, read', frameOf(payloadOf(reads(1, 4000))), { connections: 16 }),
  flood('sessions opened', () => frameOf(payloadOf(opens(4000))), { connections: 16 }),
  flood(
    'malformed requests',
    frameOf(payloadOf(Array.from({ length: 100_000 }, (_, index) => execute(index, 0)))),
  ),
  flood(
    'malformed requests, unread',
    frameOf(payloadOf(Array.from({ length: 100_000 }, (_, index) => execute(index, 0)))),
    { reads: false },
  ),
  flood('large malformed requests', frameOf(payloadOf([execute(1, (1 << 20) - 1)])), { connections: 64 }),
  flood('garbage', Buffer.alloc(1 << 20, 0xa5), { connections: 64 }),
  flood('connections that come and go', Buffer.alloc(64, 0xa5), { connections: 64 }),
  crowd('silent connections', 12_000, false),
  crowd('idle clients', 12_000, true),
]
