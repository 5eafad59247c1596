import { describe, expect, it } from 'vitest'
import { DRAIN_MARK_BYTES } from '../../../../src/net/transport/network.js'
import { onEachNetwork } from './networks.js'

onEachNetwork((rig) => {
  describe('a paused connection', () => {
    it('delivers nothing until it is resumed', async () => {
      const { a, b } = await rig.connect()
      b.call((socket) => socket.pause())
      a.write('text')
      a.call((socket) => socket.close())
      await rig.delivered()
      expect([b.log, a.log]).toEqual([[], []])
      b.call((socket) => socket.resume())
      await rig.until(() => a.closed !== undefined && b.closed !== undefined)
      expect([b.text, b.events, a.log]).toEqual(['text', ['closed ended'], ['closed closed']])
    })

    it('reports its end if no bytes wait before the end', async () => {
      const { a, b } = await rig.connect()
      b.call((socket) => socket.pause())
      a.call((socket) => socket.close())
      await rig.until(() => a.closed !== undefined && b.closed !== undefined)
      expect([b.log, a.log]).toEqual([['closed ended'], ['closed closed']])
    })

    it('may be paused inside the data callback', async () => {
      const { a, b } = await rig.connect()
      b.onData = () => {
        b.socket.pause()
      }
      for (let n = 0; n < 100; n++) a.write(Buffer.alloc(DRAIN_MARK_BYTES))
      await rig.until(() => b.chunks.length > 0)
      await rig.exchanged(b, a)
      expect(b.chunks.length).toBe(1)
      b.onData = () => undefined
      b.call((socket) => socket.resume())
      await rig.until(() => b.receivedBytes === 100 * DRAIN_MARK_BYTES)
    })

    it('holds bytes that arrived while the process stood still, and the end after them', async () => {
      const { a, b } = await rig.connect()
      b.onData = () => {
        b.socket.pause()
      }
      rig.standStill(() => {
        for (let n = 0; n < 3; n++) a.write(Buffer.alloc(DRAIN_MARK_BYTES))
        a.call((socket) => socket.close())
      })
      await rig.until(() => b.chunks.length > 0)
      await rig.delivered()
      expect(b.log).toEqual(['data'])
      b.call((socket) => socket.resume())
      await rig.until(() => b.chunks.length > 1)
      await rig.delivered()
      expect(b.log, 'paused again').toEqual(['data', 'data'])
      b.onData = () => undefined
      b.call((socket) => socket.resume())
      await rig.until(() => b.closed !== undefined)
      expect([b.receivedBytes, b.events]).toEqual([3 * DRAIN_MARK_BYTES, ['closed ended']])
    })

    it.each([false, true])(
      'ends after it is resumed, even if it is paused at each chunk and the last one (stood still: %s)',
      async (standsStill) => {
        const { a, b } = await rig.connect()
        b.onData = () => {
          b.socket.pause()
        }
        const send = () => {
          for (let n = 0; n < 3; n++) a.write(Buffer.alloc(DRAIN_MARK_BYTES))
          a.call((socket) => socket.close())
        }
        if (standsStill) rig.standStill(send)
        else send()
        for (let chunks = 1; b.closed === undefined; chunks++) {
          await rig.until(() => b.chunks.length === chunks || b.closed !== undefined)
          await rig.delivered()
          b.call((socket) => socket.resume())
        }
        expect([b.receivedBytes, b.events]).toEqual([3 * DRAIN_MARK_BYTES, ['closed ended']])
      },
    )

    it.each<'close' | 'destroy'>(['close', 'destroy'])(
      'holds bytes that arrived while the process stood still until %s discards them',
      async (how) => {
        const { a, b } = await rig.connect()
        b.onData = () => {
          b.socket.pause()
        }
        rig.standStill(() => {
          for (let n = 0; n < 3; n++) a.write(Buffer.alloc(DRAIN_MARK_BYTES))
          a.call((socket) => socket.close())
        })
        await rig.until(() => b.chunks.length > 0)
        await rig.delivered()
        b.call((socket) => socket[how]())
        await rig.until(() => b.closed !== undefined && a.closed !== undefined)
        expect(b.log).toEqual(['data', 'closed closed'])
      },
    )

    it('stops the writer, who is notified when all bytes are sent', async () => {
      const { a, b } = await rig.connect()
      b.call((socket) => socket.pause())
      const writtenBytes = a.fill(DRAIN_MARK_BYTES, DRAIN_MARK_BYTES)
      await rig.exchanged(b, a)
      expect(a.events).toEqual([])
      expect(a.socket.unsentBytes).toBeGreaterThan(0)
      b.call((socket) => socket.resume())
      await rig.until(() => a.events.length > 0)
      expect([a.events, a.socket.unsentBytes]).toEqual([['drained'], 0])
      await rig.until(() => b.receivedBytes === writtenBytes)
    })

    it('does not notify a writer below the mark', async () => {
      const { a, b } = await rig.connect()
      b.call((socket) => socket.pause())
      // More than a stream of Node holds before it wants to drain.
      const writtenBytes = a.fill(20_000, 4096)
      expect(a.socket.unsentBytes).toBeLessThan(DRAIN_MARK_BYTES)
      b.call((socket) => socket.resume())
      await rig.until(() => b.receivedBytes === writtenBytes)
      await rig.exchanged(a, b)
      await rig.exchanged(b, a)
      expect([a.events, a.socket.unsentBytes]).toEqual([[], 0])
    })
  })
})
