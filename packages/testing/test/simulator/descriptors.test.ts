import { describe, expect, it } from 'vitest'
import type { SocketClosed, SocketEvents } from 'synod/internal/net/transport/network.js'
import { Descriptors } from '../../src/simulator/hardware/descriptors.js'
import { MemoryDisk } from '../../src/simulator/hardware/disk.js'
import { Rig } from './rig.js'

const PORT = 2380
const DIRECTORY = '/data'

/** The descriptors that are open from the start, and `spare` more. */
function descriptors(spare: number): Descriptors {
  return new Descriptors(new Descriptors(0).open + spare)
}

async function files(spare: number) {
  const disk = new MemoryDisk()
  await disk.makeDirectory(DIRECTORY)
  const counted = descriptors(spare)
  return { counted, disk: counted.disk(disk) }
}

/** A host with `spare` descriptors, one of them for listening. */
function listening(spare: number) {
  const rig = new Rig()
  const counted = descriptors(spare + 1)
  const sockets: { destroy(): void }[] = []
  const network = counted.network(rig.network.host('b'), rig.clock)
  const events: SocketEvents = { data: () => undefined, drained: () => undefined, closed: () => undefined }
  void network.listen({ host: 'b', port: PORT }, (open) => sockets.push(open(events)))
  return { rig, counted, network, sockets }
}

describe('a file', () => {
  it('takes a descriptor while it is open, and fails without one', async () => {
    const { disk } = await files(2)
    const first = await disk.open(`${DIRECTORY}/a`, 'create')
    await disk.open(`${DIRECTORY}/b`, 'create')
    await expect(disk.open(`${DIRECTORY}/c`, 'create')).rejects.toThrow('EMFILE')
    await first.close()
    await first.close()
    await disk.open(`${DIRECTORY}/c`, 'create')
    await expect(disk.open(`${DIRECTORY}/d`, 'create')).rejects.toThrow('EMFILE')
  })

  it('that cannot be opened for lack of a descriptor is reported', async () => {
    let shortages = 0
    const disk = new Descriptors(new Descriptors(0).open, () => shortages++).disk(new MemoryDisk())
    await expect(disk.list(DIRECTORY)).rejects.toThrow('EMFILE')
    expect(shortages).toBe(1)
  })

  it('that does not exist takes no descriptor', async () => {
    const { counted, disk } = await files(1)
    const before = counted.open
    await expect(disk.open(`${DIRECTORY}/a`, 'existing')).rejects.toThrow('ENOENT')
    expect(counted.open).toBe(before)
  })

  it('takes a descriptor while its directory is locked', async () => {
    const { counted, disk } = await files(1)
    const before = counted.open
    const release = await disk.lock(DIRECTORY)
    expect(counted.open).toBe(before + 1)
    await expect(disk.lock(DIRECTORY)).rejects.toThrow('EMFILE')
    for (let n = 0; n < 2; n++) await release()
    expect(counted.open).toBe(before)
  })

  it('takes a descriptor while it is read', async () => {
    const { counted, disk } = await files(1)
    const file = await disk.open(`${DIRECTORY}/a`, 'create')
    await expect(disk.read(`${DIRECTORY}/a`)).rejects.toThrow('EMFILE')
    await file.close()
    const before = counted.open
    expect(await disk.read(`${DIRECTORY}/a`)).toHaveLength(0)
    expect(counted.open).toBe(before)
  })
})

describe('a connection', () => {
  it('is dropped if no descriptor is left for it', async () => {
    const { rig, sockets } = listening(1)
    await Promise.resolve()
    const [first, second] = [rig.dial('a', 'b'), rig.dial('a', 'b')]
    rig.advance()
    expect([first.closed, second.closed, sockets.length]).toEqual([[], ['ended'], 1])
  })

  it('frees its descriptor when either side ends it', async () => {
    const { rig, counted, sockets } = listening(1)
    await Promise.resolve()
    const before = counted.open
    for (const end of [() => sockets[0]?.destroy(), () => undefined]) {
      const dialled = rig.dial('a', 'b')
      rig.advance()
      expect(counted.open).toBe(before + 1)
      end()
      dialled.socket.destroy()
      rig.advance()
      expect(counted.open).toBe(before)
    }
  })

  it('cannot be dialled without a descriptor', async () => {
    const { rig, network } = listening(0)
    await Promise.resolve()
    const closed: SocketClosed[] = []
    const events = { data: () => undefined, drained: () => undefined }
    network.connect({ host: 'a', port: PORT }, { ...events, closed: (reason) => closed.push(reason) })
    expect(closed).toEqual([])
    rig.advance()
    expect(closed).toEqual(['failed'])
    network
      .connect({ host: 'a', port: PORT }, { ...events, closed: (reason) => closed.push(reason) })
      .destroy()
    rig.advance()
    expect(closed).toEqual(['failed', 'closed'])
  })
})
