import { describe, expect, it } from 'vitest'
import type { OpenSocket } from 'synod/internal/net/transport/network.js'
import { Chance } from '../../src/chance.js'
import { MemoryDisk } from '../../src/simulator/hardware/disk.js'
import { Process, type ProcessEnvironment } from '../../src/simulator/hardware/process.js'
import { Timeline } from '../../src/simulator/timeline.js'
import { forSeeds } from '../../../synod/test/paxos/replay.js'
import { End, Rig } from './rig.js'

const B = { host: 'b', port: 2380 }

/** A process on host a, with a connection to b. */
function connected(): { rig: Rig; process: Process; a: End; b: End } {
  const rig = new Rig()
  const process = new Process({ clock: rig.clock, network: rig.network.host('a') })
  const accepted = rig.listen('b')
  const a = new End((events) => process.network.connect(B, events))
  rig.advance()
  return { rig, process, a, b: accepted[0]! }
}

/** A process with a file, whose fsyncs take what `syncMs` says. */
async function writing(syncMs: () => number) {
  const rig = new Rig()
  const timeline = new Timeline()
  const disk = new MemoryDisk()
  const { clock } = timeline
  const process = new Process({ clock, network: rig.network.host('a'), disk, syncMs })
  const durable: string[] = []
  disk.onSynced = (_, content) => durable.push(content.toString())
  await disk.makeDirectory('/data')
  const file = await process.disk!.open('/data/file', 'create')
  await file.write(Buffer.from('text'), 0)
  const log: string[] = []
  const sync = () => {
    void file.sync().then(() => log.push('synced'))
  }
  return { timeline, disk, process, file, durable, log, sync }
}

function alone(around: Partial<ProcessEnvironment> = {}): { rig: Rig; process: Process } {
  const rig = new Rig()
  return { rig, process: new Process({ clock: rig.clock, network: rig.network.host('a'), ...around }) }
}

describe('a process that is paused', () => {
  it('gets all events when it resumes, in order', () => {
    const { rig, process, a, b } = connected()
    const seen: string[] = []
    process.clock.timer(20, () => seen.push(`timer, after ${a.text}`))
    process.pause()
    b.write('one ')
    rig.advance(10)
    b.write('two')
    rig.advance(100)
    b.socket.close()
    rig.advance(100)
    expect([a.text, seen, a.closed]).toEqual(['', [], []])
    process.resume()
    rig.advance(0)
    expect([a.text, seen, a.closed]).toEqual(['one two', ['timer, after one two'], ['ended']])
  })

  it('gets the missed events before the events of its resumption', () => {
    const { rig, process } = alone()
    const seen: string[] = []
    process.pause()
    process.clock.timer(1, () => seen.push('missed'))
    rig.clock.timer(2, () => process.resume())
    process.clock.timer(2, () => seen.push('due at that moment'))
    rig.advance(2)
    expect(seen).toEqual(['missed', 'due at that moment'])
  })

  it('hears of a reset at once, also on a connection from which it does not read', () => {
    const { rig, process, a, b } = connected()
    process.pause()
    b.write('unread')
    rig.advance(10)
    a.socket.pause()
    process.resume()
    rig.advance(10)
    expect([a.text, a.closed]).toEqual(['', []])
    rig.network.breakConnections('a', 'b')
    rig.advance(10)
    expect([a.text, a.closed]).toEqual(['', ['reset']])
    a.socket.resume()
    rig.advance(10)
    expect([a.text, a.closed]).toEqual(['', ['reset']])
  })

  it('may be paused again before it got all missed events', () => {
    const { rig, process } = alone()
    const seen: number[] = []
    process.pause()
    for (let n = 1; n <= 4; n++) {
      process.clock.timer(n, () => {
        seen.push(n)
        if (n === 2) process.pause()
      })
    }
    rig.advance(10)
    process.resume()
    rig.advance(10)
    expect(seen).toEqual([1, 2])
    process.resume()
    rig.advance(10)
    expect(seen).toEqual([1, 2, 3, 4])
  })

  it('accepts connections dialled meanwhile when it resumes', async () => {
    const { rig, process } = alone()
    const accepted: End[] = []
    await process.network.listen({ host: 'a', port: 2380 }, (open) => accepted.push(new End(open)))
    process.pause()
    const b = rig.dial('b', 'a')
    b.write('hello')
    rig.advance()
    b.socket.close()
    rig.advance()
    expect(accepted).toEqual([])
    process.resume()
    rig.advance()
    expect(accepted.map(({ text, closed }) => [text, closed])).toEqual([['hello', ['ended']]])
    expect(b.closed).toEqual(['closed'])
  })

  it('gets the end of an fsync later', async () => {
    const { timeline, process, durable, log, sync } = await writing(() => 5)
    sync()
    process.pause()
    await timeline.wait(100)
    expect([durable, log], 'the disk goes on').toEqual([['text'], []])
    process.resume()
    await timeline.wait(0)
    expect(log).toEqual(['synced'])
  })
})

describe('a process that is killed', () => {
  it('gets no events', () => {
    const { rig, process, a, b } = connected()
    const seen: string[] = []
    process.clock.timer(10, () => seen.push('timer'))
    process.clock.next(() => seen.push('next'))
    process.clock.soon(() => seen.push('soon'))
    b.write('data')
    process.kill()
    b.socket.close()
    rig.advance()
    expect([seen, a.text, a.closed]).toEqual([[], '', []])
  })

  it('forgets events that it missed while it was paused', () => {
    const { rig, process, a, b } = connected()
    process.pause()
    b.write('data')
    rig.advance()
    process.resume()
    process.kill()
    rig.advance()
    expect(a.text).toBe('')
  })

  it('accepts no connection, and runs no timer', async () => {
    const disk = new MemoryDisk()
    const { rig, process } = alone({ disk })
    const accepted: unknown[] = []
    await process.network.listen({ host: 'a', port: 2380 }, (open) => accepted.push(new End(open)))
    process.kill()
    rig.dial('b', 'a')
    void process.disk?.makeDirectory('/data')
    rig.advance()
    expect(accepted).toEqual([])
    await expect(disk.list('/data')).rejects.toThrow('ENOENT')
  })

  it('leaves its fsync undone', async () => {
    const { timeline, process, durable, log, sync } = await writing(() => 5)
    sync()
    process.kill()
    await timeline.wait(100)
    expect([durable, log]).toEqual([[], []])
  })
})

describe('an fsync', () => {
  it('takes time', async () => {
    const { timeline, durable, log, sync } = await writing(() => 5)
    sync()
    await timeline.wait(4)
    expect([durable, log]).toEqual([[], []])
    await timeline.wait(1)
    expect([durable, log]).toEqual([['text'], ['synced']])
  })

  it('that is stuck ends when it is released', async () => {
    const { timeline, process, durable, log, sync } = await writing(() => Infinity)
    sync()
    await timeline.wait(1e9)
    expect([durable, log]).toEqual([[], []])
    process.unstick()
    await timeline.wait(0)
    expect([durable, log]).toEqual([['text'], ['synced']])
  })

  it('that is stuck in an ended process remains undone', async () => {
    const { timeline, process, durable, log, sync } = await writing(() => Infinity)
    sync()
    process.kill()
    process.unstick()
    await timeline.wait(1)
    expect([durable, log]).toEqual([[], []])
  })
})

describe('a file of a process', () => {
  it('is closed when the fsync under way has ended', async () => {
    const { timeline, file, durable, log, sync } = await writing(() => 5)
    sync()
    void file.close().then(() => log.push('closed'))
    await timeline.wait(4)
    expect(log).toEqual([])
    await timeline.wait(1)
    expect([durable, log]).toEqual([['text'], ['synced', 'closed']])
  })
})

describe('a listener of a process', () => {
  async function closing() {
    const { rig, process, a, b } = connected()
    const accepted: End[] = []
    const listener = await process.network.listen({ host: 'a', port: 2380 }, (open) =>
      accepted.push(new End(open)),
    )
    rig.dial('b', 'a')
    rig.advance()
    const log: string[] = []
    void listener.close().then(() => log.push('closed'))
    return { rig, process, a, b, accepted, log }
  }

  it('that closes gets the end of its connections only when the process resumes', async () => {
    const { rig, process, accepted, log } = await closing()
    process.pause()
    accepted[0]!.socket.destroy()
    rig.advance()
    await new Promise(setImmediate)
    expect([accepted[0]!.closed, log]).toEqual([[], []])
    process.resume()
    rig.advance()
    await new Promise(setImmediate)
    expect([accepted[0]!.closed, log]).toEqual([['closed'], ['closed']])
  })

  it('that closes refuses connections dialled while the process was paused', async () => {
    const { rig, process } = alone()
    const accepted: unknown[] = []
    const listener = await process.network.listen({ host: 'a', port: 2380 }, (open) =>
      accepted.push(new End(open)),
    )
    process.pause()
    const b = rig.dial('b', 'a')
    rig.advance()
    const log: string[] = []
    void listener.close().then(() => log.push('closed'))
    process.resume()
    rig.advance()
    await new Promise(setImmediate)
    expect([accepted, b.closed, log]).toEqual([[], ['ended'], ['closed']])
  })

  it('that closes gets no events when the process is killed', async () => {
    const { rig, process, log } = await closing()
    process.kill()
    rig.network.kill('a')
    rig.advance()
    await new Promise(setImmediate)
    expect(log).toEqual([])
  })
})

describe('a connection between processes', () => {
  /** Pauses within some of its chunks. */
  class PausingEnd extends End {
    constructor(open: OpenSocket, chance: Chance) {
      super((events) => {
        const socket = open({
          ...events,
          data: (chunk) => {
            if (this.closed.length > 0) throw new Error('told data after the end')
            events.data(chunk)
            if (chance.happens(0.5)) socket.pause()
          },
        })
        return socket
      })
    }
  }

  const endings: [string, (rig: Rig, a: End) => void][] = [
    ['close', (_, a) => a.socket.close()],
    ['destroy', (_, a) => a.socket.destroy()],
    ['a reset', (rig) => rig.network.breakConnections('a', 'b')],
  ]

  it.each(endings)(
    'that ends with %s reports that once to each end, however it was paused',
    (ending, bring) => {
      forSeeds(import.meta.url, 500, (seed) => {
        const chance = new Chance(seed)
        const rig = new Rig({ latencyMs: () => chance.between(0, 2) })
        const [left, right] = ['a', 'b'].map(
          (host) => new Process({ clock: rig.clock, network: rig.network.host(host) }),
        ) as [Process, Process]
        const accepted: End[] = []
        void right.network.listen(B, (open) => accepted.push(new PausingEnd(open, chance)))
        const a = new PausingEnd((events) => left.network.connect(B, events), chance)
        rig.advance()
        const b = accepted[0]!
        let sent = ''
        const write = () => {
          const text = `${sent.length} `
          sent += text
          a.write(text)
        }
        const pausable = [a.socket, b.socket, left, right]
        for (let n = chance.below(40); n > 0; n--) {
          if (chance.happens(0.3)) write()
          else chance.pick(pausable)[chance.pick(['pause', 'resume'] as const)]()
          rig.advance(chance.between(0, 3))
        }
        bring(rig, a)
        for (let n = 0; n < 100; n++) {
          rig.advance(chance.between(0, 3))
          for (const each of pausable) each.resume()
        }
        expect([a.closed.length, b.closed.length]).toEqual([1, 1])
        expect(sent.startsWith(b.text)).toBe(true)
        if (ending === 'close') expect(b.text).toBe(sent)
      })
    },
  )
})

describe('the clock of a process', () => {
  it('runs at its own rate, as do its timers', () => {
    const { rig, process } = alone({ rate: 1.25 })
    const atMs: number[] = []
    process.clock.timer(100, () => atMs.push(process.clock.now(), rig.clock.now()))
    rig.advance()
    expect(atMs).toEqual([100, 80])
  })

  it('has its own wall clock', () => {
    let skewMs = 0
    const { rig, process } = alone({ skewMs: () => skewMs })
    expect(process.clock.wallTime()).toBe(rig.clock.wallTime())
    skewMs = -5000
    expect(process.clock.wallTime()).toBe(rig.clock.wallTime() - 5000)
  })
})
