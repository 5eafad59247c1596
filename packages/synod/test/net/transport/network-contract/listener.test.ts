import { describe, expect, it } from 'vitest'
import { onEachNetwork } from './networks.js'

onEachNetwork((rig) => {
  describe('a listener', () => {
    it('has a port of its own if it asks for port 0', async () => {
      const [first, second] = [await rig.listen(() => undefined), await rig.listen(() => undefined)]
      expect(first.address.host).toBe(rig.host)
      expect(first.address.port).toBeGreaterThan(0)
      expect(first.address.port).not.toBe(second.address.port)
    })

    it('is refused a port in use, until the first listener is closed', async () => {
      const { address, close } = await rig.listen(() => undefined)
      await expect(rig.listen(() => undefined, address.port)).rejects.toMatchObject({
        name: 'SynodError',
        code: 'invalid-options',
        message: `cannot listen at ${rig.host}:${address.port}: listen EADDRINUSE: address already in use ${rig.host}:${address.port}`,
      })
      expect(close).toBeTypeOf('function')
      await rig.happens(rig.listeners[0]!.close())
      await rig.listen(() => undefined, address.port)
    })

    it('is refused the address of another machine', async () => {
      // For documentation only.
      const listening = rig.network.listen({ host: '192.0.2.1', port: 0 }, () => undefined)
      await expect(rig.happens(listening)).rejects.toMatchObject({
        code: 'invalid-options',
        message: expect.stringContaining('EADDRNOTAVAIL'),
      })
    })

    it('that closes keeps its connections, and waits for them', async () => {
      const { a, b, listener } = await rig.connect()
      let isClosed = false
      const closed = [listener.close(), listener.close()].map((promise) =>
        promise.then(() => {
          isClosed = true
          return b.closed
        }),
      )
      const refused = rig.dial(listener.address)
      await rig.until(() => refused.closed !== undefined)
      await rig.exchanged(a, b)
      await rig.exchanged(b, a)
      expect([refused.closed, isClosed]).toEqual(['refused', false])
      a.call((socket) => socket.close())
      expect(await rig.happens(Promise.all(closed)), 'what the last socket has told by then').toEqual([
        'ended',
        'ended',
      ])
    })

    it('that closes also waits for destroyed connections', async () => {
      const { b, listener } = await rig.connect()
      b.call((socket) => socket.destroy())
      const closed = listener.close().then(() => b.closed)
      expect(await rig.happens(closed)).toBe('closed')
    })
  })
})
