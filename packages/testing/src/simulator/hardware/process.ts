import type { Clock } from 'synod/internal/clock.js'
import { basename } from 'node:path'
import type { Disk, DiskFile } from 'synod/internal/storage/disk.js'
import type { Network, OpenSocket } from 'synod/internal/net/transport/network.js'
import { PendingWork } from './pending-work.js'
import { ProcessSocket } from './process-socket.js'

/** What a process has of the world. */
export interface ProcessEnvironment {
  readonly clock: Clock
  /** The network as its host sees it. */
  readonly network: Network
  readonly disk?: Disk | undefined
  /** How long the next fsync takes; for ever if infinite, until `unstick`. */
  readonly syncMs?: () => number
  /** How far the machine's idea of the time is off. */
  readonly skewMs?: () => number
  /** How fast its clock runs: 1 is right. */
  readonly rate?: number
}

/**
 * A process of the simulated world. Until it is killed it uses the clock, network and disk around
 * it; afterwards no timer fires for it, nothing arrives, and nothing that it began on the disk ever
 * ends. While it is paused, all of that waits.
 */
export class Process {
  readonly clock: Clock
  readonly network: Network
  readonly disk: Disk | undefined
  alive = true
  readonly #around: ProcessEnvironment
  #paused = false
  /** What happened while it was paused, in order. */
  #missed: (() => void)[] = []
  /** Syncs that take for ever. */
  #stuck: (() => void)[] = []
  /** Since when the first of them has. */
  #stuckSinceMs = Infinity

  constructor(around: ProcessEnvironment) {
    this.#around = around
    this.clock = this.#guardedClock()
    this.network = this.#guardedNetwork()
    this.disk = around.disk && this.#guardedDisk(around.disk)
  }

  kill(): void {
    this.alive = false
    this.#missed = []
    this.#stuck = []
  }

  pause(): void {
    this.#paused = true
  }

  /** It goes on with what happened meanwhile, one thing at a time. */
  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#catchUp()
  }

  /**
   * For how long, by the world's clock, an fsync has been under way that takes for ever; 0 if there
   * is none.
   */
  get stuckMs(): number {
    return this.#stuck.length === 0 ? 0 : this.#around.clock.now() - this.#stuckSinceMs
  }

  /** Syncs that took for ever end now. */
  unstick(): void {
    for (const end of this.#stuck.splice(0)) end()
  }

  #catchUp(): void {
    if (this.#missed.length === 0) return
    this.#around.clock.timer(0, () => {
      if (this.#paused) return
      this.#missed.shift()?.()
      this.#catchUp()
    })
  }

  /**
   * Nothing happens in a process that is gone; in one that is paused, or has not caught up, it
   * happens later.
   */
  #run(run: () => void): void {
    if (!this.alive) return
    if (this.#paused || this.#missed.length > 0) this.#missed.push(run)
    else run()
  }

  #guardedClock(): Clock {
    const { clock, rate = 1, skewMs = () => 0 } = this.#around
    const guarded = (run: () => void) => () => {
      this.#run(run)
    }
    const now = () => clock.now() * rate
    return {
      now,
      wallTime: () => Math.floor(clock.wallTime() + skewMs()),
      timer(delayMs, run) {
        const dueMs = now() + delayMs
        const fire = guarded(run)
        const wait = (restMs: number) =>
          clock.timer(restMs / rate, () => {
            // Rounding may have it a trace too early.
            if (now() < dueMs) cancel = wait(Math.max(dueMs - now(), now() * 2 * Number.EPSILON))
            else fire()
          })
        let cancel = wait(delayMs)
        return () => {
          cancel()
        }
      },
      next: (run) => {
        clock.next(guarded(run))
      },
      soon: (run) => {
        clock.soon(guarded(run))
      },
    }
  }

  #guardedNetwork(): Network {
    const { network } = this.#around
    return {
      connect: (address, events) =>
        this.#guardedSocket((guarded) => network.connect(address, guarded)).use(events),
      listen: (address, onSocket) =>
        this.#guarded(async () => {
          let isOpen = true
          const listener = await network.listen(address, (open) => {
            if (!this.alive) return
            // The system accepts, even if the process does nothing.
            const socket = this.#guardedSocket(open)
            this.#run(() => {
              if (isOpen) onSocket((events) => socket.use(events))
              else socket.destroy()
            })
          })
          const close = () => {
            isOpen = false
            return listener.close()
          }
          return { address: listener.address, close: () => this.#guarded(close) }
        }),
    }
  }

  #guardedSocket(open: OpenSocket): ProcessSocket {
    const run = (event: () => void) => {
      this.#run(event)
    }
    const later = (event: () => void) => {
      this.clock.soon(event)
    }
    return new ProcessSocket(open, { run, later })
  }

  #guardedDisk(disk: Disk): Disk {
    return {
      makeDirectory: (path) => this.#guarded(() => disk.makeDirectory(path)),
      list: (directory) => this.#guarded(() => disk.list(directory)),
      read: (path) => this.#guarded(() => disk.read(path)),
      readPart: (path, position, length) => this.#guarded(() => disk.readPart(path, position, length)),
      size: (path) => this.#guarded(() => disk.size(path)),
      free: (directory) => this.#guarded(() => disk.free(directory)),
      open: (path, mode) =>
        this.#guarded(async () => {
          const isSnapshot = basename(path).startsWith('snapshot.')
          if (isSnapshot) await this.#spin()
          return this.#guardedFile(await disk.open(path, mode), isSnapshot)
        }),
      rename: (from, to) => this.#guarded(() => disk.rename(from, to)),
      remove: (path) => this.#guarded(() => disk.remove(path)),
      syncDirectory: (path) => this.#guarded(() => disk.syncDirectory(path)),
      lock: (directory) =>
        this.#guarded(async () => {
          const release = await disk.lock(directory)
          return () => this.#guarded(release)
        }),
    }
  }

  /**
   * Snapshots are written while the replica goes on: each step takes its time, so that much happens
   * in between.
   */
  #guardedFile(file: DiskFile, isSnapshot: boolean): DiskFile {
    const pending = new PendingWork()
    const during = (work: () => Promise<void>) => this.#guarded(() => pending.run(work))
    return {
      write: (bytes, position) =>
        during(async () => {
          if (isSnapshot) await this.#spin()
          await file.write(bytes, position)
        }),
      writeDurably: (bytes, position) =>
        during(async () => {
          await file.write(bytes, position)
          await this.#spin()
          await file.sync()
        }),
      sync: () =>
        during(async () => {
          await this.#spin()
          await file.sync()
        }),
      truncate: (sizeBytes) => during(() => file.truncate(sizeBytes)),
      close: () =>
        this.#guarded(async () => {
          await pending.idle()
          await file.close()
        }),
    }
  }

  /** The time that the platter takes. */
  #spin(): Promise<void> | undefined {
    const { clock, syncMs = () => 0 } = this.#around
    const durationMs = syncMs()
    if (durationMs <= 0) return undefined
    return new Promise((done) => {
      if (durationMs === Infinity) {
        if (this.#stuck.length === 0) this.#stuckSinceMs = clock.now()
        this.#stuck.push(done)
      } else
        clock.timer(durationMs, () => {
          if (this.alive) done()
        })
    })
  }

  /** A process that is gone asks for nothing, and hears of nothing that it has asked for. */
  #guarded<T>(work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (!this.alive) return
      work().then(
        (value) => {
          this.#run(() => {
            resolve(value)
          })
        },
        (error: unknown) => {
          this.#run(() => {
            // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
            reject(error)
          })
        },
      )
    })
  }
}
