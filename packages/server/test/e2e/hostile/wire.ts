import { type Socket, connect } from 'node:net'
import { crc32 } from 'node:zlib'

/** What a client can ask for, with a number of its own (docs/internals/wire.md). */
export type Message =
  | { readonly type: 'execute'; readonly request: number; readonly value: Uint8Array }
  | { readonly type: 'read'; readonly request: number; readonly query: Uint8Array }
  | { readonly type: 'status' | 'cancel'; readonly request: number }

const TAGS = { execute: 1, read: 2, status: 3, cancel: 4 }
const HEADER_BYTES = 12
const PREAMBLE = Buffer.from([...Buffer.from('SYND'), 2, 2, 2, 0, 0, 0, 0])
PREAMBLE.writeUInt32LE(crc32(PREAMBLE.subarray(0, 7)), 7)
/** A hello to any cluster, of a client that knows no id of one. */
const HELLO = Buffer.from([3, 0, 0])

/** A payload as a frame, which may announce more than there is. */
export function frameOf(payload: Uint8Array, announced = payload.length): Buffer {
  const frame = Buffer.alloc(HEADER_BYTES + payload.length)
  frame.writeUInt32LE(announced, 0)
  frame.writeUInt32LE(crc32(payload), 4)
  frame.writeUInt32LE(crc32(frame.subarray(0, 8)), 8)
  frame.set(payload, HEADER_BYTES)
  return frame
}

export function payloadOf(messages: Iterable<Message>): Buffer {
  const parts: Uint8Array[] = []
  for (const message of messages) {
    parts.push(Uint8Array.of(TAGS[message.type], ...varint(message.request)))
    const bytes =
      message.type === 'execute' ? message.value : message.type === 'read' ? message.query : undefined
    if (bytes !== undefined) parts.push(Uint8Array.from(varint(bytes.length)), bytes)
  }
  return Buffer.concat(parts)
}

export function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...varint(Math.floor(value / 0x80))]
}

/** A connection that says what no client of the library would. It reads what it is told to read. */
export class Hostile {
  readonly socket: Socket
  receivedBytes = 0

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', () => undefined)
    socket.on('data', ({ length }) => {
      this.receivedBytes += length
    })
  }

  get isOpen(): boolean {
    return this.socket.writable
  }

  /** Resolves when it is connected; `reads: false`: nothing of what is sent to it is ever read. */
  static open(endpoint: string, { greets = true, reads = true } = {}): Promise<Hostile> {
    const [host = '', port = ''] = endpoint.split(':')
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port: Number(port), noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        const hostile = new Hostile(socket)
        if (!reads) socket.pause()
        if (greets) socket.write(Buffer.concat([PREAMBLE, frameOf(HELLO)]))
        resolve(hostile)
      })
    })
  }

  /** Resolves when the system has taken it, or the connection is over. */
  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      if (!this.isOpen) resolve()
      else {
        const done = () => {
          this.socket.off('close', done)
          resolve()
        }
        this.socket.once('close', done)
        this.socket.write(bytes, done)
      }
    })
  }

  end(): void {
    this.socket.destroy()
  }
}
