import { crc32 } from 'synod/internal/bytes/checksum.js'
import { Writer } from 'synod/internal/bytes/writer.js'
import type { ClusterId } from 'synod/internal/cluster/cluster-id.js'
import { type Request, encodeRequest } from 'synod/internal/machine/request.js'
import { newSessionKey } from 'synod/internal/machine/session-key.js'
import { encodeClientMessage } from 'synod/internal/net/client/codec.js'
import type { ClientMessage } from 'synod/internal/net/client/messages.js'
import { encodeHandshake } from 'synod/internal/net/hello.js'
import { MAX_CLIENT_FRAME_BYTES } from 'synod/internal/net/transport/client-load.js'
import { PREAMBLE_BYTES, writePreamble } from 'synod/internal/net/transport/preamble.js'
import type { Chance } from '../../chance.js'
import { FOREIGN_COMMAND, FOREIGN_QUERY } from '../checks/watched-machine.js'

/*
 * The grammar of what hostile clients send. Most of it is right as far as it goes, since what is
 * wrong from the first byte on gets nowhere.
 */

/** What a hostile client knows of its connection. */
export interface Memory {
  /** The highest number of a request so far. */
  request: number
  /** What it sent last: it may come again. */
  last: Uint8Array
  /** The rest of a frame of which the beginning was sent. */
  rest: Uint8Array
  readonly allowance: Allowance
}

/**
 * What all clients of a fault together may still send in floods: simulating them takes its time.
 */
export interface Allowance {
  messages: number
}

/** No slot is that high: a read that waits for it waits for ever. */
const NEVER = 2 ** 50

/** Keys of sessions that no client has opened: none draws one with this many zeros. */
const FOREIGN_KEYS = [1, 2, 3, 4].map((last) =>
  newSessionKey((size) => Buffer.alloc(size).fill(last, size - 1)),
)

const UNNUMBERED = {
  timeMs: 0,
  opening: 0,
  sequence: 0,
  acknowledged: 0,
  version: 0,
  command: Buffer.alloc(0),
} as const

/** The most messages of a flood. */
const FLOOD = 12_000

type Draw = (chance: Chance, memory: Memory) => Uint8Array

/** How a connection begins. Only the first of them is welcome. */
export const OPENINGS: Readonly<Record<string, Draw>> = {
  right: () => Buffer.concat([preamble(), hello('')]),
  'wrong-cluster': () => Buffer.concat([preamble(), hello('another')]),
  'another-id': () => Buffer.concat([preamble(), hello('', 'ab'.repeat(16))]),
  'hello-twice': () => Buffer.concat([preamble(), hello(''), hello('')]),
  'no-hello': (chance, memory) => Buffer.concat([preamble(), flood(chance, memory, 20, statuses)]),
  'half-preamble': (chance) => preamble().subarray(0, chance.below(PREAMBLE_BYTES)),
  'half-hello': (chance) => cut(chance, Buffer.concat([preamble(), hello('')])),
  'giant-hello': (chance) => Buffer.concat([preamble(), frame(garbage(chance, 5000))]),
  'of-a-peer': () => {
    const writer = new Writer()
    writePreamble(writer, 'peer')
    return Buffer.concat([writer.take(), hello('')])
  },
  garbage: (chance) => garbage(chance, 1 + chance.below(200)),
  silence: () => Buffer.alloc(0),
}

/** What is said once the connection stands. */
export const ACTS: Readonly<Record<string, Draw>> = {
  statuses: (chance, memory) => flood(chance, memory, FLOOD / 2, statuses),
  reads: (chance, memory) => flood(chance, memory, FLOOD / 8, reads),
  // They are not answered.
  'reads-of-never': (chance, memory) => flood(chance, memory, FLOOD, readsOfNever),
  // More of them than may be under way, and nearly all of them given up again.
  'reads-and-cancels': (chance, memory) => {
    const first = memory.request + 1
    const asked = flood(chance, memory, FLOOD, readsOfNever)
    const count = memory.request - first + 1
    return Buffer.concat([asked, frame(messages(count, (at) => ({ type: 'cancel', request: first + at })))])
  },
  cancels: (chance, memory) =>
    flood(chance, memory, FLOOD, () => ({ type: 'cancel', request: chance.below(2 * memory.request + 2) })),
  opens: (chance, memory) => flood(chance, memory, 8, executes(opening)),
  'commands-of-no-session': (chance, memory) => flood(chance, memory, 30, executes(command)),
  'command-twice': (chance, memory) => {
    const value = encodeRequest(command(chance))
    return flood(chance, memory, 6, (request) => ({ type: 'execute', request, value }))
  },
  'malformed-commands': (chance, memory) =>
    flood(chance, memory, FLOOD / 4, (request) => ({
      type: 'execute',
      request,
      value: malformed(chance),
    })),
  'large-commands': (chance, memory) =>
    flood(chance, memory, 2, (request) => ({
      type: 'execute',
      request,
      value: Buffer.alloc(chance.below(900_000), 0xff),
    })),
  'same-number': (chance, memory) => {
    const request = ++memory.request
    return flood(chance, memory, FLOOD / 8, () => readsOfNever(request))
  },
  transfer: (_, memory) => frame(messages(1, () => ({ type: 'transfer', request: ++memory.request, to: 0 }))),
  'half-frame': (chance, memory) => {
    const whole = frame(garbage(chance, 20 + chance.below(chance.pick([100, 10_000, 400_000]))))
    const sent = cut(chance, whole)
    memory.rest = whole.subarray(sent.length)
    return sent
  },
  'half-announced': (chance) =>
    cut(chance, frame(garbage(chance, 2000), { announced: MAX_CLIENT_FRAME_BYTES })),
  'too-large-announced': (chance) =>
    frame(garbage(chance, 100), { announced: MAX_CLIENT_FRAME_BYTES + 1 + chance.below(2 ** 31) }),
  'wrong-checksum': (chance, memory) =>
    frame(
      messages(3, () => statuses(++memory.request)),
      { checksum: chance.below(2 ** 32) },
    ),
  'empty-frames': (chance) =>
    Buffer.concat(Array.from({ length: 1 + chance.below(50) }, () => frame(Buffer.alloc(0)))),
  'malformed-message': (chance, memory) =>
    frame(
      Buffer.concat([messages(chance.below(100), () => statuses(++memory.request)), garbage(chance, 30)]),
    ),
  garbage: (chance) => garbage(chance, 1 + chance.below(2000)),
  repeated: (_, memory) => memory.last,
  // The end comes before the beginning.
  'out-of-order': (chance, memory) => {
    const whole = flood(chance, memory, 20, statuses)
    const first = cut(chance, whole)
    return Buffer.concat([whole.subarray(first.length), first])
  },
}

/** A frame, as it should be unless something else is asked for. */
export function frame(
  payload: Uint8Array,
  { announced = payload.length, checksum }: { readonly announced?: number; readonly checksum?: number } = {},
): Buffer {
  const writer = new Writer()
  writer.u32(announced)
  writer.u32(checksum ?? crc32(payload))
  writer.u32(writer.crc32(0))
  writer.raw(payload)
  return writer.take()
}

/** Frames of up to this many messages. */
function flood(
  chance: Chance,
  memory: Memory,
  most: number,
  message: (request: number, chance: Chance) => ClientMessage,
): Buffer {
  const { allowance } = memory
  const size = chance.happens(0.3) ? most : chance.below(most)
  const count = 1 + Math.min(chance.below(1 + size), allowance.messages)
  allowance.messages -= count - 1
  const perFrame = chance.happens(0.5) ? count : 1 + chance.below(count)
  const frames: Buffer[] = []
  for (let left = count; left > 0; left -= perFrame)
    frames.push(frame(messages(Math.min(left, perFrame), () => message(++memory.request, chance))))
  return Buffer.concat(frames)
}

function messages(count: number, message: (at: number) => ClientMessage): Buffer {
  const writer = new Writer()
  for (let at = 0; at < count; at++) encodeClientMessage(writer, message(at))
  return writer.take()
}

function statuses(request: number): ClientMessage {
  return { type: 'status', request }
}

function reads(request: number): ClientMessage {
  return { type: 'read', request, query: FOREIGN_QUERY }
}

function readsOfNever(request: number): ClientMessage {
  return { type: 'stale-read', request, atLeast: NEVER, query: FOREIGN_QUERY }
}

function executes(draw: (chance: Chance) => Request): (request: number, chance: Chance) => ClientMessage {
  return (request, chance) => ({ type: 'execute', request, value: encodeRequest(draw(chance)) })
}

function opening(chance: Chance): Request {
  const session = newSessionKey((size) => Buffer.alloc(size).map(() => chance.below(256)))
  return { ...UNNUMBERED, kind: 'open', session }
}

/** Of a session that no client has opened, by numbers that a client may have: it guesses them. */
function command(chance: Chance): Request {
  const sequence = 1 + chance.below(40)
  return {
    ...UNNUMBERED,
    kind: 'command',
    session: chance.pick(FOREIGN_KEYS),
    opening: 1 + chance.below(200),
    sequence,
    acknowledged: chance.below(sequence),
    version: 1,
    command: FOREIGN_COMMAND,
  }
}

function malformed(chance: Chance): Uint8Array {
  const dice = chance.next()
  if (dice < 0.5) return Buffer.alloc(0)
  if (dice < 0.8) return encodeRequest({ ...command(chance), opening: 0 })
  return Buffer.from([5 + chance.below(200), 1, 2, 3])
}

function preamble(): Buffer {
  const writer = new Writer()
  writePreamble(writer, 'client')
  return writer.take()
}

function hello(cluster: string, clusterId: ClusterId | null = null): Buffer {
  const writer = new Writer()
  encodeHandshake(writer, { type: 'client-hello', cluster, clusterId })
  return frame(writer.take())
}

function garbage(chance: Chance, size: number): Buffer {
  const bytes = Buffer.alloc(size, chance.below(256))
  for (let left = Math.min(size, 64); left > 0; left--) bytes[chance.below(size)] = chance.below(256)
  return bytes
}

function cut(chance: Chance, bytes: Buffer): Buffer {
  return bytes.subarray(0, chance.below(bytes.length))
}
