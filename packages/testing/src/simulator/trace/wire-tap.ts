import { MalformedError, Reader } from 'synod/internal/bytes/reader.js'
import { SynodError } from 'synod/internal/errors.js'
import { clientSide, replicaSide } from 'synod/internal/net/client/codec.js'
import type { ClientMessage, ReplicaMessage } from 'synod/internal/net/client/messages.js'
import { FrameReader } from 'synod/internal/net/transport/frame.js'
import { type Handshake, decodeHandshake } from 'synod/internal/net/hello.js'
import { peerReceiver } from 'synod/internal/net/peer/codec.js'
import type { PeerMessage } from 'synod/internal/net/peer/messages.js'
import type { Direction } from '../hardware/socket.js'
import { PEER_PORT } from '../world.js'

/** What servers and clients say to each other, once they have introduced themselves. */
export type SentMessage = PeerMessage | ClientMessage | ReplicaMessage

/** One direction of a connection that is listened to. */
interface Line {
  readonly frames: FrameReader
  readonly codec: { decode(reader: Reader): SentMessage }
  greeting: Handshake | undefined
  /** Something was garbled: what follows cannot be read. */
  lost: boolean
}

/** Understands what servers and clients say to each other, from the bytes that pass. */
export class WireTap {
  readonly #lines = new Map<string, Line>()

  /** How the sender on this way has introduced itself. */
  greeting(way: Direction): Handshake | undefined {
    return this.#line(way).greeting
  }

  /** The messages that these bytes complete, after the handshake. */
  messages(way: Direction, chunk: Uint8Array): SentMessage[] {
    const line = this.#line(way)
    if (line.lost) return []
    const messages: SentMessage[] = []
    try {
      line.frames.push(chunk)
      for (let payload = line.frames.next(); payload !== undefined; payload = line.frames.next()) {
        if (line.greeting === undefined) {
          line.greeting = decodeHandshake(payload)
          continue
        }
        const reader = new Reader(payload)
        while (reader.remaining > 0) messages.push(line.codec.decode(reader))
      }
    } catch (error) {
      if (!(error instanceof SynodError) && !(error instanceof MalformedError)) throw error
      line.lost = true
    }
    return messages
  }

  #line(way: Direction): Line {
    const key = `${way.connection} ${way.from}`
    let line = this.#lines.get(key)
    if (line === undefined) this.#lines.set(key, (line = openLine(way)))
    return line
  }
}

function openLine({ from, port }: Direction): Line {
  const kind = port === PEER_PORT ? 'peer' : 'client'
  const fromServer = /^s\d+$/.test(from)
  const codec = kind === 'peer' ? peerReceiver : fromServer ? clientSide : replicaSide
  return { frames: new FrameReader(kind), codec, greeting: undefined, lost: false }
}
