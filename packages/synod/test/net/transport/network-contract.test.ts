import { createServer } from 'node:net'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Address,
  DRAIN_MARK_BYTES,
  type Listener,
  type Network,
  type OpenSocket,
  type Socket,
  type SocketClosed,
} from '../../../src/net/transport/network.js'
import { tcpNetwork } from '../../../src/net/transport/tcp.js'
import { Descriptors } from '../../../../testing/src/simulator/hardware/descriptors.js'
import { StepClock } from '../../../../testing/src/simulator/hardware/clock.js'
import { MemoryNetwork } from '../../../../testing/src/simulator/hardware/network.js'
import { Process } from '../../../../testing/src/simulator/hardware/process.js'

/*
 * The promises of the interface, checked on the real network and on its doubles.
 */

interface Bench {
  readonly network: Network
  /** Where this machine may listen. */
  readonly host: string
  /** Lets things happen until something holds; a test that waits for ever fails. */
  until(holds: () => boolean): Promise<void>
  /** The process stands still while this work is done and what it sends arrives. */
  standStill(work: () => void): void
  /** A port at which nothing listens. */
  freePort(): Promise<number>
}

const realBench: Bench = {
  network: tcpNetwork,
  host: '127.0.0.1',
  async until(holds) {
    // After the sockets of this turn have told all.
    while (!holds()) await new Promise((done) => setImmediate(done))
  },
  standStill(work) {
    work()
  },
  async freePort() {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    await new Promise((done) => server.close(done))
    return typeof address === 'object' && address !== null ? address.port : 0
  },
}

function simulatedBench(
  latencyMs: number,
  process = (network: MemoryNetwork): Pick<Process, 'network' | 'pause' | 'resume'> => ({
    network: network.host('a'),
    pause: () => undefined,
    resume: () => undefined,
  }),
): Bench {
  const clock = new StepClock()
  const { network, ...running } = process(new MemoryNetwork(clock, { latencyMs }))
  return {
    network,
    host: 'a',
    async until(holds) {
      for (let steps = 0; !holds(); steps++) {
        if (steps > 10_000) throw new Error(`never: ${holds.toString()}`)
        clock.step(clock.now() + 1)
        await new Promise((done) => setImmediate(done))
      }
    },
    standStill(work) {
      running.pause()
      work()
      const untilMs = clock.now() + 10
      while (clock.step(untilMs));
      running.resume()
    },
    freePort: async () => 1,
  }
}

/** As a simulated replica has it. */
function withinProcess(network: MemoryNetwork): Pick<Process, 'network' | 'pause' | 'resume'> {
  const { clock } = network
  const process = new Process({ clock, network: network.host('a') })
  return {
    network: new Descriptors(1000).network(process.network, clock),
    pause: () => {
      process.pause()
    },
    resume: () => {
      process.resume()
    },
  }
}

const makers: [string, () => Bench][] = [
  ['the real network', () => realBench],
  ['the simulated network', () => simulatedBench(1)],
  ['the simulated network at once', () => simulatedBench(0)],
  ['the simulated network of a process', () => simulatedBench(1, withinProcess)],
]

/** One end of a connection, and what it has been told. */
class End {
  readonly socket: Socket
  readonly chunks: Uint8Array[] = []
  readonly log: string[] = []
  closed: SocketClosed | undefined
  receivedBytes = 0
  onData: () => void = () => undefined
  #isCalling = true

  constructor(open: OpenSocket) {
    this.socket = open({
      data: (chunk) => {
        this.#told('data')
        this.chunks.push(chunk)
        this.receivedBytes += chunk.length
        this.onData()
      },
      drained: () => {
        this.#told('drained')
      },
      closed: (reason) => {
        this.#told(`closed ${reason}`)
        this.closed = reason
      },
    })
    this.#isCalling = false
  }

  /** What it was told but for data, and how often. */
  get events(): string[] {
    return this.log.filter((event) => event !== 'data')
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString()
  }

  write(bytes: string | Uint8Array): void {
    this.call((socket) => {
      socket.write(typeof bytes === 'string' ? Buffer.from(bytes) : bytes)
    })
  }

  /** Writes until this much is unsent: the system takes a lot by itself. */
  fill(unsentBytes: number, pieceBytes: number): number {
    let writtenBytes = 0
    for (; this.socket.unsentBytes < unsentBytes; writtenBytes += pieceBytes)
      this.write(Buffer.alloc(pieceBytes))
    return writtenBytes
  }

  call(work: (socket: Socket) => void): void {
    this.#isCalling = true
    work(this.socket)
    this.#isCalling = false
  }

  #told(event: string): void {
    if (this.#isCalling) throw new Error(`told ${event} from within a call`)
    if (this.closed !== undefined) throw new Error(`told ${event} after the end`)
    this.log.push(event)
  }
}

describe.each(makers)('%s', (_, make) => {
  let bench: Bench
  const ends: End[] = []
  const listeners: Listener[] = []
  beforeEach(() => {
    bench = make()
  })
  afterEach(async () => {
    const closed = Promise.all(listeners.splice(0).map((listener) => listener.close()))
    for (const end of ends) end.socket.destroy()
    await happens(closed)
    await bench.until(() => ends.every((end) => end.closed !== undefined))
    ends.length = 0
  })

  /** Lets things happen until a promise is settled. */
  async function happens<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false
    const settle = () => {
      isSettled = true
    }
    promise.then(settle, settle)
    await bench.until(() => isSettled)
    return promise
  }

  async function listen(onSocket: (open: OpenSocket) => void, port = 0): Promise<Listener> {
    const listener = await happens(bench.network.listen({ host: bench.host, port }, onSocket))
    listeners.push(listener)
    return listener
  }

  function dial(address: Address): End {
    const end = new End((events) => bench.network.connect(address, events))
    ends.push(end)
    return end
  }

  function accept(open: OpenSocket): End {
    const end = new End(open)
    ends.push(end)
    return end
  }

  /** A connection that stands. */
  async function connect(): Promise<{ readonly a: End; readonly b: End; readonly listener: Listener }> {
    let accepted: End | undefined
    const listener = await listen((open) => {
      accepted = accept(open)
      accepted.write('!')
    })
    const a = dial(listener.address)
    await bench.until(() => a.receivedBytes > 0)
    a.chunks.length = a.receivedBytes = a.log.length = 0
    return { a, b: accepted!, listener }
  }

  /** What the one writes now has arrived at the other. */
  async function exchanged(from: End, to: End): Promise<void> {
    const beforeBytes = to.receivedBytes
    from.write('.')
    await bench.until(() => to.receivedBytes > beforeBytes)
  }

  /** Time enough for what has left before to arrive. */
  async function othersTalked(): Promise<void> {
    const { a, b } = await connect()
    for (let n = 0; n < 3; n++) {
      await exchanged(a, b)
      await exchanged(b, a)
    }
  }

  describe('a connection', () => {
    it('carries bytes in order, in both directions', async () => {
      const { a, b } = await connect()
      const numbers = Array.from({ length: 5000 }, (__, n) => `${n} `)
      for (const text of numbers) {
        a.write(text)
        b.write(text)
      }
      const whole = numbers.join('')
      await bench.until(() => a.text.length >= whole.length && b.text.length >= whole.length)
      expect([a.text === whole, b.text === whole]).toEqual([true, true])
    })

    it('carries bytes that were written before it was established', async () => {
      let b: End | undefined
      const { address } = await listen((open) => {
        b = accept(open)
      })
      const a = dial(address)
      const bytes = Buffer.alloc(2 * DRAIN_MARK_BYTES, 'x')
      a.write(bytes)
      expect(a.socket.unsentBytes).toBe(bytes.length)
      a.call((socket) => socket.close())
      await bench.until(() => b?.closed !== undefined && a.closed !== undefined)
      expect([b?.text === bytes.toString(), b?.closed, a.events]).toEqual([true, 'ended', ['closed closed']])
    })

    it('names the remote address', async () => {
      const { a, b, listener } = await connect()
      expect(a.socket.remote).toBe(`${bench.host}:${listener.address.port}`)
      expect(b.socket.remote).toMatch(new RegExp(`^${bench.host}:\\d+$`))
    })

    it('gives the receiver buffers of its own', async () => {
      const { a, b } = await connect()
      const bytes = Buffer.from('as they were sent')
      a.write(bytes)
      await bench.until(() => b.text.length === bytes.length)
      for (const chunk of b.chunks) chunk.fill(0)
      expect(bytes.toString()).toBe('as they were sent')
    })

    it('sends nothing for an empty write', async () => {
      const { a, b } = await connect()
      a.write('')
      await exchanged(a, b)
      expect(b.text).toBe('.')
    })
  })

  describe('a dial', () => {
    it('is refused if no server listens', async () => {
      const a = dial({ host: bench.host, port: await bench.freePort() })
      a.write('anyone?')
      expect(a.log).toEqual([])
      await bench.until(() => a.closed !== undefined)
      expect([a.log, a.socket.unsentBytes]).toEqual([['closed refused'], 0])
    })

    it.each<'close' | 'destroy'>(['close', 'destroy'])(
      'that is given up with %s reports closed',
      async (how) => {
        const a = dial({ host: bench.host, port: await bench.freePort() })
        a.call((socket) => socket[how]())
        await bench.until(() => a.closed !== undefined)
        expect(a.log).toEqual(['closed closed'])
      },
    )
  })

  describe('a paused connection', () => {
    it('delivers nothing until it is resumed', async () => {
      const { a, b } = await connect()
      b.call((socket) => socket.pause())
      a.write('text')
      a.call((socket) => socket.close())
      await othersTalked()
      expect([b.log, a.log]).toEqual([[], []])
      b.call((socket) => socket.resume())
      await bench.until(() => a.closed !== undefined && b.closed !== undefined)
      expect([b.text, b.events, a.log]).toEqual(['text', ['closed ended'], ['closed closed']])
    })

    it('reports its end if no bytes wait before the end', async () => {
      const { a, b } = await connect()
      b.call((socket) => socket.pause())
      a.call((socket) => socket.close())
      await bench.until(() => a.closed !== undefined && b.closed !== undefined)
      expect([b.log, a.log]).toEqual([['closed ended'], ['closed closed']])
    })

    it('may be paused inside the data callback', async () => {
      const { a, b } = await connect()
      b.onData = () => {
        b.socket.pause()
      }
      for (let n = 0; n < 100; n++) a.write(Buffer.alloc(DRAIN_MARK_BYTES))
      await bench.until(() => b.chunks.length > 0)
      await exchanged(b, a)
      expect(b.chunks.length).toBe(1)
      b.onData = () => undefined
      b.call((socket) => socket.resume())
      await bench.until(() => b.receivedBytes === 100 * DRAIN_MARK_BYTES)
    })

    it('holds bytes that arrived while the process stood still, and the end after them', async () => {
      const { a, b } = await connect()
      b.onData = () => {
        b.socket.pause()
      }
      bench.standStill(() => {
        for (let n = 0; n < 3; n++) a.write(Buffer.alloc(DRAIN_MARK_BYTES))
        a.call((socket) => socket.close())
      })
      await bench.until(() => b.chunks.length > 0)
      await othersTalked()
      expect(b.log).toEqual(['data'])
      b.call((socket) => socket.resume())
      await bench.until(() => b.chunks.length > 1)
      await othersTalked()
      expect(b.log, 'paused again').toEqual(['data', 'data'])
      b.onData = () => undefined
      b.call((socket) => socket.resume())
      await bench.until(() => b.closed !== undefined)
      expect([b.receivedBytes, b.events]).toEqual([3 * DRAIN_MARK_BYTES, ['closed ended']])
    })

    it.each([false, true])(
      'ends after it is resumed, even if it is paused at each chunk and the last one (stood still: %s)',
      async (standsStill) => {
        const { a, b } = await connect()
        b.onData = () => {
          b.socket.pause()
        }
        const send = () => {
          for (let n = 0; n < 3; n++) a.write(Buffer.alloc(DRAIN_MARK_BYTES))
          a.call((socket) => socket.close())
        }
        if (standsStill) bench.standStill(send)
        else send()
        for (let chunks = 1; b.closed === undefined; chunks++) {
          await bench.until(() => b.chunks.length === chunks || b.closed !== undefined)
          await othersTalked()
          b.call((socket) => socket.resume())
        }
        expect([b.receivedBytes, b.events]).toEqual([3 * DRAIN_MARK_BYTES, ['closed ended']])
      },
    )

    it.each<'close' | 'destroy'>(['close', 'destroy'])(
      'holds bytes that arrived while the process stood still until %s discards them',
      async (how) => {
        const { a, b } = await connect()
        b.onData = () => {
          b.socket.pause()
        }
        bench.standStill(() => {
          for (let n = 0; n < 3; n++) a.write(Buffer.alloc(DRAIN_MARK_BYTES))
          a.call((socket) => socket.close())
        })
        await bench.until(() => b.chunks.length > 0)
        await othersTalked()
        b.call((socket) => socket[how]())
        await bench.until(() => b.closed !== undefined && a.closed !== undefined)
        expect(b.log).toEqual(['data', 'closed closed'])
      },
    )

    it('stops the writer, who is notified when all bytes are sent', async () => {
      const { a, b } = await connect()
      b.call((socket) => socket.pause())
      const writtenBytes = a.fill(DRAIN_MARK_BYTES, DRAIN_MARK_BYTES)
      await exchanged(b, a)
      expect(a.events).toEqual([])
      expect(a.socket.unsentBytes).toBeGreaterThan(0)
      b.call((socket) => socket.resume())
      await bench.until(() => a.events.length > 0)
      expect([a.events, a.socket.unsentBytes]).toEqual([['drained'], 0])
      await bench.until(() => b.receivedBytes === writtenBytes)
    })

    it('does not notify a writer below the mark', async () => {
      const { a, b } = await connect()
      b.call((socket) => socket.pause())
      // More than a stream of Node holds before it wants to drain.
      const writtenBytes = a.fill(20_000, 4096)
      expect(a.socket.unsentBytes).toBeLessThan(DRAIN_MARK_BYTES)
      b.call((socket) => socket.resume())
      await bench.until(() => b.receivedBytes === writtenBytes)
      await exchanged(a, b)
      await exchanged(b, a)
      expect([a.events, a.socket.unsentBytes]).toEqual([[], 0])
    })
  })

  describe('close()', () => {
    it('delivers bytes that were written before, and takes no more', async () => {
      const { a, b } = await connect()
      b.call((socket) => socket.pause())
      const writtenBytes = a.fill(2 * DRAIN_MARK_BYTES, DRAIN_MARK_BYTES)
      a.call((socket) => {
        socket.close()
        socket.write(Buffer.from('more'))
        socket.close()
      })
      b.call((socket) => socket.resume())
      await bench.until(() => a.closed !== undefined && b.closed !== undefined)
      expect([b.receivedBytes, b.events, a.events]).toEqual([
        writtenBytes,
        ['closed ended'],
        ['closed closed'],
      ])
      a.write('after the end')
    })

    it('discards bytes that still arrive, also on a paused connection', async () => {
      const { a, b } = await connect()
      a.call((socket) => socket.pause())
      b.write('before')
      await exchanged(a, b)
      b.fill(DRAIN_MARK_BYTES, DRAIN_MARK_BYTES)
      a.call((socket) => {
        socket.close()
        socket.pause()
      })
      await bench.until(() => a.closed !== undefined && b.closed !== undefined)
      expect([a.log, b.closed]).toEqual([['closed closed'], 'ended'])
    })

    it('on both sides at once is reported to both', async () => {
      const { a, b } = await connect()
      for (const end of [a, b]) end.call((socket) => socket.close())
      await bench.until(() => a.closed !== undefined && b.closed !== undefined)
      expect([a.log, b.events]).toEqual([['closed closed'], ['closed closed']])
    })

    it('inside the data callback ends the connection there', async () => {
      const { a, b } = await connect()
      b.onData = () => {
        b.socket.close()
      }
      for (let n = 0; n < 20; n++) a.write(Buffer.alloc(DRAIN_MARK_BYTES))
      await bench.until(() => a.closed !== undefined && b.closed !== undefined)
      expect([b.chunks.length, a.closed, b.closed]).toEqual([1, 'ended', 'closed'])
    })

    it('is reported as closed, even if the other side destroys the connection', async () => {
      const { a, b } = await connect()
      b.call((socket) => socket.pause())
      a.call((socket) => socket.close())
      b.call((socket) => socket.destroy())
      await bench.until(() => a.closed !== undefined)
      expect(a.log).toEqual(['closed closed'])
    })
  })

  describe('destroy()', () => {
    it('is reported to the other side as the end, after the bytes that had left', async () => {
      const { a, b } = await connect()
      a.write('last words')
      a.call((socket) => {
        socket.destroy()
        socket.write(Buffer.from('more'))
        socket.pause()
        socket.resume()
        socket.close()
        socket.destroy()
      })
      expect([a.log, a.socket.unsentBytes]).toEqual([[], 0])
      await bench.until(() => a.closed !== undefined && b.closed !== undefined)
      expect([a.log, b.text, b.events]).toEqual([['closed closed'], 'last words', ['closed ended']])
    })

    it('is reported to a paused receiver when it resumes', async () => {
      const { a, b } = await connect()
      b.call((socket) => socket.pause())
      a.write('last words')
      a.call((socket) => socket.destroy())
      await othersTalked()
      expect(b.log).toEqual([])
      b.call((socket) => socket.resume())
      await bench.until(() => b.closed !== undefined)
      expect([b.text, b.closed]).toEqual(['last words', 'ended'])
    })

    it('with many unread bytes is reported as a reset', async () => {
      const { a, b } = await connect()
      a.call((socket) => socket.pause())
      b.fill(DRAIN_MARK_BYTES, DRAIN_MARK_BYTES)
      await exchanged(a, b)
      a.call((socket) => socket.destroy())
      await bench.until(() => b.closed !== undefined)
      expect([b.closed, b.socket.unsentBytes]).toEqual(['reset', 0])
    })

    it('is reported as a reset to a side that writes before it has received the end', async () => {
      const { a, b } = await connect()
      b.call((socket) => socket.pause())
      a.write('last words')
      a.call((socket) => socket.destroy())
      await othersTalked()
      expect(b.log).toEqual([])
      await bench.until(() => {
        b.write('anyone?')
        return b.closed !== undefined
      })
      expect(b.log).toEqual(['closed reset'])
    })
  })

  describe('a listener', () => {
    it('has a port of its own if it asks for port 0', async () => {
      const [first, second] = [await listen(() => undefined), await listen(() => undefined)]
      expect(first.address.host).toBe(bench.host)
      expect(first.address.port).toBeGreaterThan(0)
      expect(first.address.port).not.toBe(second.address.port)
    })

    it('is refused a port in use, until the first listener is closed', async () => {
      const { address, close } = await listen(() => undefined)
      await expect(listen(() => undefined, address.port)).rejects.toMatchObject({
        name: 'SynodError',
        code: 'invalid-options',
        message: `cannot listen at ${bench.host}:${address.port}: listen EADDRINUSE: address already in use ${bench.host}:${address.port}`,
      })
      expect(close).toBeTypeOf('function')
      await happens(listeners[0]!.close())
      await listen(() => undefined, address.port)
    })

    it('is refused the address of another machine', async () => {
      // For documentation only.
      const listening = bench.network.listen({ host: '192.0.2.1', port: 0 }, () => undefined)
      await expect(happens(listening)).rejects.toMatchObject({
        code: 'invalid-options',
        message: expect.stringContaining('EADDRNOTAVAIL'),
      })
    })

    it('that closes keeps its connections, and waits for them', async () => {
      const { a, b, listener } = await connect()
      let isClosed = false
      const closed = [listener.close(), listener.close()].map((promise) =>
        promise.then(() => {
          isClosed = true
          return b.closed
        }),
      )
      const refused = dial(listener.address)
      await bench.until(() => refused.closed !== undefined)
      await exchanged(a, b)
      await exchanged(b, a)
      expect([refused.closed, isClosed]).toEqual(['refused', false])
      a.call((socket) => socket.close())
      expect(await happens(Promise.all(closed)), 'what the last socket has told by then').toEqual([
        'ended',
        'ended',
      ])
    })

    it('that closes also waits for destroyed connections', async () => {
      const { b, listener } = await connect()
      b.call((socket) => socket.destroy())
      const closed = listener.close().then(() => b.closed)
      expect(await happens(closed)).toBe('closed')
    })
  })
})
