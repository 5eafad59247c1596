import { describe, expect, it } from 'vitest'
import { Writer } from 'synod/internal/bytes/writer.js'
import { POLITE_REFUSALS } from 'synod/internal/net/transport/channel-listener.js'
import { encodeClientMessage, encodeReplicaMessage } from 'synod/internal/net/client/codec.js'
import type { ClientMessage, ReplicaMessage } from 'synod/internal/net/client/messages.js'
import { MAX_HELD_AT_ALL_BYTES } from 'synod/internal/net/transport/client-load.js'
import type { Socket } from 'synod/internal/net/transport/network.js'
import { FRAME_TIMEOUT_MS, MAX_UNFINISHED_BYTES } from 'synod/internal/net/transport/unfinished-frames.js'
import { MAX_UNDER_WAY, MAX_UNREAD_BYTES } from 'synod/internal/replica/client-service.js'
import type { ReplicaStatus } from 'synod/internal/status.js'
import { Chance } from '../../src/chance.js'
import { ClientPortWatch } from '../../src/simulator/checks/client-port-watch.js'
import { OPENINGS, frame } from '../../src/simulator/faults/hostile-frames.js'
import { CLIENT_PORT } from '../../src/simulator/world.js'
import { Rig } from './rig.js'

const LIMIT = 2
const NOTHING = new Uint8Array(0)

/** That of a client; to the watch it is as good as that of the replica. */
const HANDSHAKE = OPENINGS.right!(new Chance(1), {
  request: 0,
  last: NOTHING,
  rest: NOTHING,
  allowance: { messages: 0 },
})

/** A replica that does what the test says with what arrives, and is watched. */
async function port(onData: (socket: Socket) => void = () => undefined) {
  const rig = new Rig({ windowBytes: 1024 })
  const violations: string[] = []
  const watch = new ClientPortWatch('s1', rig.clock, LIMIT, ({ message }) => violations.push(message))
  const sockets: Socket[] = []
  const network = watch.network(rig.network.host('s1'))
  const nothing = () => undefined
  await network.listen({ host: 's1', port: CLIENT_PORT }, (open) => {
    const data = () => {
      onData(socket)
    }
    const socket: Socket = open({ data, drained: nothing, closed: nothing })
    sockets.push(socket)
  })
  const dial = () => {
    const events = { data: nothing, drained: nothing, closed: nothing }
    const socket = rig.network.host('h1').connect({ host: 's1', port: CLIENT_PORT }, events)
    socket.write(HANDSHAKE)
    rig.advance(100)
    return socket
  }
  const status = (held: Partial<ReplicaStatus['held']>, waiting = 0) => {
    watch.check({ held: { bytes: 0, mostBytes: 0, unfinishedBytes: 0, ...held }, waiting } as ReplicaStatus)
  }
  return { rig, violations, sockets, dial, status }
}

function asked(...messages: ClientMessage[]): Buffer {
  const writer = new Writer()
  for (const message of messages) encodeClientMessage(writer, message)
  return frame(writer.take())
}

function frameOf(message: ReplicaMessage): Buffer {
  const writer = new Writer()
  encodeReplicaMessage(writer, message)
  return frame(writer.take())
}

describe('the watch over a client port', () => {
  it('finds more connections than the limit plus those being refused', async () => {
    const { violations, dial } = await port()
    for (let client = 0; client < LIMIT + POLITE_REFUSALS; client++) dial()
    expect(violations).toEqual([])
    dial()
    expect(violations).toEqual([
      `s1 has ${LIMIT + POLITE_REFUSALS + 1} connections with clients, where ${LIMIT} may be`,
    ])
  })

  it('finds more held bytes than the limits', async () => {
    const { violations, status } = await port()
    status({ mostBytes: MAX_HELD_AT_ALL_BYTES, unfinishedBytes: MAX_UNFINISHED_BYTES })
    expect(violations).toEqual([])
    status({ mostBytes: 2 * MAX_HELD_AT_ALL_BYTES })
    status({ unfinishedBytes: MAX_UNFINISHED_BYTES + 1 })
    expect(violations).toEqual([
      `s1 held ${2 * MAX_HELD_AT_ALL_BYTES} bytes for clients`,
      `s1 holds ${MAX_UNFINISHED_BYTES + 1} bytes of unfinished frames`,
    ])
  })

  it('finds more requests under way than clients can have', async () => {
    const { rig, violations, sockets, dial, status } = await port()
    const ask = (socket: Socket, thousands: number) => {
      for (let number = 0; number < thousands; number++) {
        const thousand = Array.from({ length: 1000 }, (_, request): ClientMessage => {
          return { type: 'status', request: 1000 * number + request }
        })
        socket.write(asked(...thousand))
        rig.advance(1000)
      }
    }
    ask(dial(), 1)
    status({}, 1000)
    expect(violations).toEqual([])
    status({}, 1100)
    expect(violations.splice(0)).toHaveLength(1)
    ask(dial(), 9)
    status({}, 1000 + MAX_UNDER_WAY)
    expect(violations).toEqual([])
    status({}, 1200 + MAX_UNDER_WAY)
    expect(violations.splice(0)).toHaveLength(1)
    for (const socket of sockets) socket.destroy()
    status({}, 1000)
    expect(violations).toEqual([])
    rig.advance(100)
    status({}, 1000)
    expect(violations).toHaveLength(1)
  })

  it('counts a request whose number was under way, until it is refused', async () => {
    const { rig, violations, sockets, dial, status } = await port()
    const socket = dial()
    const reads = Array.from({ length: 100 }, (_, request): ClientMessage => {
      return { type: 'read', request, query: NOTHING }
    })
    for (const bytes of [asked(...reads), asked(...reads)]) socket.write(bytes)
    rig.advance(1000)
    sockets[0]!.write(HANDSHAKE)
    const refused = { type: 'fail', code: 'wrong-protocol', retryAfterMs: 0, message: '' } as const
    const answer = () => {
      for (const { request } of reads) sockets[0]!.write(frameOf({ ...refused, request }))
    }
    answer()
    status({}, reads.length)
    expect(violations).toEqual([])
    answer()
    status({}, reads.length)
    expect(violations).toHaveLength(1)
  })

  it.each([
    ['kept', 1],
    ['kept while the server reads nothing', 0],
    ['ended with its connection', 0],
  ])('knows how long an unfinished frame may be %s', async (what, expected) => {
    const { rig, violations, sockets, dial } = await port((socket) => {
      if (what.includes('reads nothing')) socket.pause()
    })
    dial().write(asked({ type: 'status', request: 1 }).subarray(0, 13))
    rig.advance(100)
    if (what.includes('ended')) sockets[0]!.destroy()
    rig.advance(FRAME_TIMEOUT_MS + 1)
    expect(violations).toHaveLength(expected)
  })

  it('allows a frame that is finished, and the next unfinished one', async () => {
    const { rig, violations, dial } = await port()
    const socket = dial()
    const whole = asked({ type: 'status', request: 1 })
    socket.write(whole.subarray(0, 13))
    rig.advance(FRAME_TIMEOUT_MS - 1000)
    socket.write(Buffer.concat([whole.subarray(13), whole.subarray(0, 13)]))
    rig.advance(FRAME_TIMEOUT_MS - 1000)
    expect(violations).toEqual([])
  })

  it('finds that a server reads from a client that does not read', async () => {
    const { rig, violations, sockets, dial } = await port()
    const socket = dial()
    socket.pause()
    const result = Buffer.alloc(MAX_UNREAD_BYTES + 4096)
    for (const bytes of [HANDSHAKE, frameOf({ type: 'reply', request: 1, slot: 1, result })])
      sockets[0]!.write(bytes)
    expect(violations).toEqual([])
    socket.write(asked({ type: 'status', request: 2 }))
    rig.advance(100)
    expect(violations).toHaveLength(1)
    expect(violations[0]).toMatch(/^s1 reads from a client that has \d+ bytes unread$/)
  })

  it.each([
    ['waits for an answer', [], 1],
    ['has its answer', [frameOf({ type: 'reply', request: 1, slot: 1, result: NOTHING })], 0],
  ] as const)(
    'finds the eviction of a client that waits, and allows others: one that %s',
    async (_, answers, expected) => {
      const { rig, violations, sockets, dial } = await port()
      dial().write(asked({ type: 'read', request: 1, query: NOTHING }))
      rig.advance(100)
      for (const bytes of [HANDSHAKE, ...answers, frameOf({ type: 'rest' })]) sockets[0]!.write(bytes)
      sockets[0]!.destroy()
      expect(violations).toHaveLength(expected)
    },
  )
})
