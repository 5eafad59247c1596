import { describe, expect, it } from 'vitest'
import { DRAIN_MARK_BYTES } from '../../../../src/net/transport/network.js'
import { onEachNetwork } from './networks.js'

onEachNetwork((rig) => {
  describe('close()', () => {
    it('delivers bytes that were written before, and takes no more', async () => {
      const { a, b } = await rig.connect()
      b.call((socket) => socket.pause())
      const writtenBytes = a.fill(2 * DRAIN_MARK_BYTES, DRAIN_MARK_BYTES)
      a.call((socket) => {
        socket.close()
        socket.write(Buffer.from('more'))
        socket.close()
      })
      b.call((socket) => socket.resume())
      await rig.until(() => a.closed !== undefined && b.closed !== undefined)
      expect([b.receivedBytes, b.events, a.events]).toEqual([
        writtenBytes,
        ['closed ended'],
        ['closed closed'],
      ])
      a.write('after the end')
    })

    it('discards bytes that still arrive, also on a paused connection', async () => {
      const { a, b } = await rig.connect()
      a.call((socket) => socket.pause())
      b.write('before')
      await rig.exchanged(a, b)
      b.fill(DRAIN_MARK_BYTES, DRAIN_MARK_BYTES)
      a.call((socket) => {
        socket.close()
        socket.pause()
      })
      await rig.until(() => a.closed !== undefined && b.closed !== undefined)
      expect([a.log, b.closed]).toEqual([['closed closed'], 'ended'])
    })

    it('on both sides at once is reported to both', async () => {
      const { a, b } = await rig.connect()
      for (const end of [a, b]) end.call((socket) => socket.close())
      await rig.until(() => a.closed !== undefined && b.closed !== undefined)
      expect([a.log, b.events]).toEqual([['closed closed'], ['closed closed']])
    })

    it('inside the data callback ends the connection there', async () => {
      const { a, b } = await rig.connect()
      b.onData = () => {
        b.socket.close()
      }
      for (let n = 0; n < 20; n++) a.write(Buffer.alloc(DRAIN_MARK_BYTES))
      await rig.until(() => a.closed !== undefined && b.closed !== undefined)
      expect([b.chunks.length, a.closed, b.closed]).toEqual([1, 'ended', 'closed'])
    })

    it('is reported as closed, even if the other side destroys the connection', async () => {
      const { a, b } = await rig.connect()
      b.call((socket) => socket.pause())
      a.call((socket) => socket.close())
      b.call((socket) => socket.destroy())
      await rig.until(() => a.closed !== undefined)
      expect(a.log).toEqual(['closed closed'])
    })
  })

  describe('destroy()', () => {
    it('is reported to the other side as the end, after the bytes that had left', async () => {
      const { a, b } = await rig.connect()
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
      await rig.until(() => a.closed !== undefined && b.closed !== undefined)
      expect([a.log, b.text, b.events]).toEqual([['closed closed'], 'last words', ['closed ended']])
    })

    it('is reported to a paused receiver when it resumes', async () => {
      const { a, b } = await rig.connect()
      b.call((socket) => socket.pause())
      a.write('last words')
      a.call((socket) => socket.destroy())
      await rig.delivered()
      expect(b.log).toEqual([])
      b.call((socket) => socket.resume())
      await rig.until(() => b.closed !== undefined)
      expect([b.text, b.closed]).toEqual(['last words', 'ended'])
    })

    it('with many unread bytes is reported as a reset', async () => {
      const { a, b } = await rig.connect()
      a.call((socket) => socket.pause())
      b.fill(DRAIN_MARK_BYTES, DRAIN_MARK_BYTES)
      await rig.exchanged(a, b)
      a.call((socket) => socket.destroy())
      await rig.until(() => b.closed !== undefined)
      expect([b.closed, b.socket.unsentBytes]).toEqual(['reset', 0])
    })

    it('is reported as a reset to a side that writes before it has received the end', async () => {
      const { a, b } = await rig.connect()
      b.call((socket) => socket.pause())
      a.write('last words')
      a.call((socket) => socket.destroy())
      await rig.delivered()
      expect(b.log).toEqual([])
      await rig.until(() => {
        b.write('anyone?')
        return b.closed !== undefined
      })
      expect(b.log).toEqual(['closed reset'])
    })
  })
})
