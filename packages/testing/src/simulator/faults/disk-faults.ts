import { join } from 'node:path'
import { inspectJournal } from 'synod/internal/journal/inspect.js'
import { recover } from 'synod/internal/journal/recovery.js'
import type { AnyMachine } from 'synod/internal/machine/machine.js'
import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { Chance } from '../../chance.js'
import { MemoryDisk } from '../hardware/disk.js'
import { DATA_DIR, type World } from '../world.js'
import type { Fault } from './faults.js'
import type { LastingFaults } from './lasting-faults.js'
import type { Supervisor } from './supervisor.js'

type DiskTrouble = Fault & { kind: 'slow-disk' | 'stuck-disk' | 'failed-fsync' | 'full-disk' }
type Loss = Fault & { kind: 'full-disks' | 'bit-rot' | 'lost-disk' | 'old-copy' }
export type DiskFault = DiskTrouble | Loss

export interface DiskFaultsParts<M extends AnyMachine> {
  readonly world: World<M>
  readonly chance: Chance
  readonly lasting: LastingFaults
  readonly supervisor: Supervisor<M>
  readonly onNewDisk: (server: ServerId) => void
}

/** Carries out the faults of disks. */
export class DiskFaults<M extends AnyMachine> {
  /** Servers whose directory is an old copy: none may take part. */
  readonly outdated = new Set<ServerId>()
  readonly #parts: DiskFaultsParts<M>
  /** How long the fsyncs of each server take while nothing is wrong. */
  readonly #syncsMs: ReadonlyMap<ServerId, () => number>

  constructor(parts: DiskFaultsParts<M>) {
    this.#parts = parts
    this.#syncsMs = new Map([...parts.world.servers].map(([id, { syncMs }]) => [id, syncMs]))
  }

  async strike(fault: DiskFault): Promise<void> {
    const { onNewDisk, supervisor, world } = this.#parts
    switch (fault.kind) {
      case 'slow-disk':
      case 'stuck-disk':
      case 'failed-fsync':
      case 'full-disk':
        this.#trouble(fault)
        break
      case 'full-disks':
        for (const server of world.ids) this.#trouble({ ...fault, kind: 'full-disk', server })
        break
      case 'bit-rot':
        await this.#rot(fault.server, fault.bits)
        supervisor.restartAfter(fault.server, fault.forMs)
        break
      case 'lost-disk':
        supervisor.powerOff(fault.server, false)
        supervisor.wrecked.add(fault.server)
        world.emptyDisk(fault.server)
        onNewDisk(fault.server)
        supervisor.restartAfter(fault.server, fault.forMs)
        break
      case 'old-copy':
        await this.#copyAndRestore(fault.server, fault.forMs)
        break
    }
  }

  #trouble(fault: DiskTrouble): void {
    const { chance, lasting, supervisor, world } = this.#parts
    const server = world.server(fault.server)
    const { disk } = server
    const syncMs = this.#syncsMs.get(fault.server) ?? server.syncMs
    switch (fault.kind) {
      case 'slow-disk':
        server.syncMs = () => chance.between(0, fault.syncMs)
        lasting.until(fault.forMs, () => {
          server.syncMs = syncMs
        })
        break
      case 'stuck-disk':
        server.syncMs = () => Infinity
        lasting.until(fault.forMs, () => {
          server.syncMs = syncMs
          server.process?.unstick()
        })
        break
      case 'failed-fsync':
        supervisor.excused.add(fault.server)
        disk.failNext(chance.happens(0.9) ? 'sync' : 'syncDirectory')
        break
      case 'full-disk':
        disk.fill(fault.leftBytes)
        lasting.until(fault.forMs, () => {
          disk.capacityBytes = Infinity
        })
        break
    }
  }

  /**
   * Turns bits over in what the disk of a server has held for long, so that all of it is on the
   * platter: not in the last group, as it could pass for torn.
   */
  async #rot(id: ServerId, bits: number): Promise<void> {
    const { chance, supervisor, world } = this.#parts
    supervisor.kill(id)
    const { disk } = world.server(id)
    disk.writeBack()
    // A disk that is new has nothing that could rot.
    if ((await disk.list(DATA_DIR).catch(() => [])).length === 0) return
    const { segments } = await inspectJournal(DATA_DIR, disk)
    const files = segments.map(({ groups, name, sizeBytes }, index) => {
      const last = index === segments.length - 1
      return { name, sizeBytes: last ? (groups.at(-1)?.offset ?? 0) : sizeBytes }
    })
    const identity = disk.snapshot(DATA_DIR).get('identity')
    if (identity !== undefined) files.push({ name: 'identity', sizeBytes: identity.length })
    for (const [name, content] of disk.snapshot(DATA_DIR)) {
      if (name.endsWith('.snapshot')) files.push({ name, sizeBytes: content.length })
    }
    const rotten = files.filter(({ sizeBytes }) => sizeBytes > 0)
    if (rotten.length === 0) return
    supervisor.wrecked.add(id)
    for (let bit = 0; bit < bits; bit++) {
      const { name, sizeBytes } = chance.pick(rotten)
      disk.flip(join(DATA_DIR, name), chance.below(sizeBytes), chance.below(8))
    }
  }

  /** The directory of a server is copied, and later the server starts on the copy. */
  async #copyAndRestore(id: ServerId, afterMs: number): Promise<void> {
    const { lasting, supervisor, world } = this.#parts
    const { disk } = world.server(id)
    if ((await disk.list(DATA_DIR).catch(() => [])).length === 0) return
    const copy = disk.snapshot(DATA_DIR)
    world.clock.timer(afterMs, () => {
      if (lasting.isHealed || supervisor.wrecked.has(id)) return
      void this.#isMissed(id, copy).then((isMissed) => {
        if (!isMissed || lasting.isHealed || supervisor.wrecked.has(id)) return
        supervisor.kill(id)
        supervisor.wrecked.add(id)
        this.outdated.add(id)
        disk.restore(DATA_DIR, copy)
        supervisor.start(id)
      })
    })
  }

  /**
   * Whether all other servers that can vote know for good of something that a copy lacks. Where
   * only some do, the copy may meet the others first, and no server can know better.
   */
  async #isMissed(id: ServerId, copy: ReadonlyMap<string, Uint8Array>): Promise<boolean> {
    const { supervisor, world } = this.#parts
    const { end, identity } = await recover(MemoryDisk.with(DATA_DIR, copy), DATA_DIR)
    if (identity === null) return false
    const position = (end?.nextSequence ?? 1) - 1
    const others = world.ids.filter((other) => other !== id && !supervisor.wrecked.has(other))
    for (const other of others) {
      const found = await recover(world.server(other).disk.durable(DATA_DIR), DATA_DIR).catch(() => undefined)
      if ((found?.heard.get(identity.acceptor) ?? 0) <= position) return false
    }
    return true
  }
}
