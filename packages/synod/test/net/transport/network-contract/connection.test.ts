import { describe, expect, it } from 'vitest'
import { DRAIN_MARK_BYTES } from '../../../../src/net/transport/network.js'
import { type End, onEachNetwork } from './networks.js'

onEachNetwork((rig) => {
  describe('a connection', () => {
    it('carries bytes in order, in both directions', async () => {
      const { a, b } = await rig.connect()
      const numbers = Array.from({ length: 5000 }, (__, n) => `${n} `)
      for (const text of numbers) {
        a.write(text)
        b.write(text)
      }
      const whole = numbers.join('')
      await rig.until(() => a.text.length >= whole.length && b.text.length >= whole.length)
      expect([a.text === whole, b.text === whole]).toEqual([true, true])
    })

    it('carries bytes that were written before it was established', async () => {
      let b: End | undefined
      const { address } = await rig.listen((open) => {
        b = rig.accept(open)
      })
      const a = rig.dial(address)
      const bytes = Buffer.alloc(2 * DRAIN_MARK_BYTES, 'x')
      a.write(bytes)
      expect(a.socket.unsentBytes).toBe(bytes.length)
      a.call((socket) => socket.close())
      await rig.until(() => b?.closed !== undefined && a.closed !== undefined)
      expect([b?.text === bytes.toString(), b?.closed, a.events]).toEqual([true, 'ended', ['closed closed']])
    })

    it('names the remote address', async () => {
      const { a, b, listener } = await rig.connect()
      expect(a.socket.remote).toBe(`${rig.host}:${listener.address.port}`)
      expect(b.socket.remote).toMatch(new RegExp(`^${rig.host}:\\d+$`))
    })

    it('gives the receiver buffers of its own', async () => {
      const { a, b } = await rig.connect()
      const bytes = Buffer.from('as they were sent')
      a.write(bytes)
      await rig.until(() => b.text.length === bytes.length)
      for (const chunk of b.chunks) chunk.fill(0)
      expect(bytes.toString()).toBe('as they were sent')
    })

    it('sends nothing for an empty write', async () => {
      const { a, b } = await rig.connect()
      a.write('')
      await rig.exchanged(a, b)
      expect(b.text).toBe('.')
    })
  })

  describe('a dial', () => {
    it('is refused if no server listens', async () => {
      const a = rig.dial({ host: rig.host, port: await rig.freePort() })
      a.write('anyone?')
      expect(a.log).toEqual([])
      await rig.until(() => a.closed !== undefined)
      expect([a.log, a.socket.unsentBytes]).toEqual([['closed refused'], 0])
    })

    it.each<'close' | 'destroy'>(['close', 'destroy'])(
      'that is given up with %s reports closed',
      async (how) => {
        const a = rig.dial({ host: rig.host, port: await rig.freePort() })
        a.call((socket) => socket[how]())
        await rig.until(() => a.closed !== undefined)
        expect(a.log).toEqual(['closed closed'])
      },
    )
  })
})
