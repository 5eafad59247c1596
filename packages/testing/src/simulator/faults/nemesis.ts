import type { AnyMachine } from 'synod/internal/machine/machine.js'
import type { MembershipChange } from 'synod/internal/machine/membership-change.js'
import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { Chance } from '../../chance.js'
import type { Violation } from '../checks/violation.js'
import type { Trace } from '../trace/trace.js'
import { type World, peerAddressOf } from '../world.js'
import { DiskFaults } from './disk-faults.js'
import type { Fault, FaultKind } from './faults.js'
import { setHostile } from './hostile-clients.js'
import { LastingFaults } from './lasting-faults.js'
import { NetworkFaults } from './network-faults.js'
import type { Plan } from './plan.js'
import { Supervisor } from './supervisor.js'

export interface NemesisParts<M extends AnyMachine> {
  readonly plan: Plan
  readonly world: World<M>
  readonly trace: Trace
  readonly chance: Chance
  /** Servers with the old build: an upgraded server is taken out. */
  readonly old: Set<ServerId>
  readonly onNewDisk: (server: ServerId) => void
  /** A further server has been set up. */
  readonly onNewServer: (server: ServerId) => void
  readonly onClientKill: (client: number) => void
  readonly onViolation: (violation: Violation) => void
}

/** Carries out the faults of a plan, and starts again what has ended. */
export class Nemesis<M extends AnyMachine> {
  /** How many faults of each kind have struck. */
  readonly struck = new Map<FaultKind, number>()
  /** Servers whose wall clocks are wrong, or have been. */
  readonly wrongClocks = new Set<ServerId>()
  readonly network: NetworkFaults<M>
  readonly #parts: NemesisParts<M>
  readonly #lasting: LastingFaults
  readonly #supervisor: Supervisor<M>
  readonly #disks: DiskFaults<M>
  #hostileHosts = 0

  constructor(parts: NemesisParts<M>) {
    this.#parts = parts
    this.#lasting = new LastingFaults(parts.world.clock)
    this.#supervisor = new Supervisor({ ...parts, lasting: this.#lasting })
    this.#disks = new DiskFaults({ ...parts, lasting: this.#lasting, supervisor: this.#supervisor })
    this.network = new NetworkFaults({ ...parts, lasting: this.#lasting })
  }

  /** Servers that lost promises or votes for good. */
  get wrecked(): ReadonlySet<ServerId> {
    return this.#supervisor.wrecked
  }

  /** Servers whose directory is an old copy: none may take part. */
  get outdated(): ReadonlySet<ServerId> {
    return this.#disks.outdated
  }

  /** Starts a server for the first time. */
  start(id: ServerId): void {
    this.#supervisor.start(id)
  }

  /** A replica has given up. There must be a reason for it. */
  onFailure(id: ServerId, error: unknown): void {
    this.#supervisor.onFailure(id, error)
  }

  /** From now on, faults strike when their time comes. */
  begin(): void {
    const { plan, world } = this.#parts
    for (const fault of plan.faults) {
      world.clock.timer(fault.atMs, () => {
        if (!this.#lasting.isHealed) void this.#strike(fault)
      })
    }
  }

  /** Ends all faults, and starts all servers that are down, but those left broken on purpose. */
  heal(): void {
    const { plan, trace, world } = this.#parts
    trace.add({ event: 'heal', left: plan.left })
    this.#lasting.heal()
    for (const id of this.#parts.old) this.#supervisor.upgrade(id)
    for (const id of world.ids) {
      const { disk } = world.server(id)
      disk.clearFaults()
      if (plan.left.includes(id)) {
        if (world.isUp(id)) world.powerOff(id, () => this.#parts.chance.next())
      } else this.#supervisor.start(id)
    }
  }

  async #strike(fault: Fault): Promise<void> {
    const { trace, world } = this.#parts
    this.struck.set(fault.kind, (this.struck.get(fault.kind) ?? 0) + 1)
    trace.add({ event: 'fault', fault })
    switch (fault.kind) {
      case 'power-failure':
        this.#supervisor.powerOff(fault.server, fault.silent)
        this.#supervisor.restartAfter(fault.server, fault.forMs)
        break
      case 'kill':
        this.#supervisor.kill(fault.server)
        this.#supervisor.restartAfter(fault.server, fault.forMs)
        break
      case 'outage':
        for (const id of world.ids) {
          this.#supervisor.powerOff(id, false)
          this.#supervisor.restartAfter(id, fault.forMs)
        }
        break
      case 'death-while-writing':
        this.#supervisor.excused.add(fault.server)
        world.server(fault.server).disk.dieAfter(fault.changes)
        this.#lasting.until(fault.forMs, () => {
          this.#supervisor.powerOff(fault.server, false)
          this.#supervisor.restartAfter(fault.server, 0)
        })
        break
      case 'pause': {
        const { process } = world.server(fault.server)
        process?.pause()
        this.#lasting.until(fault.forMs, () => process?.resume())
        break
      }
      case 'clock-jump':
        this.wrongClocks.add(fault.server)
        world.server(fault.server).skewMs += fault.byMs
        break
      case 'clock-run':
        this.wrongClocks.add(fault.server)
        this.#runAway(fault.server, fault.rate, fault.forMs)
        break
      case 'client-kill':
        this.#parts.onClientKill(fault.client)
        break
      case 'transfer':
        this.#transfer(fault.server)
        break
      case 'shutdown':
        this.#shutDown(fault.server, fault.forMs)
        break
      case 'join':
        this.#join(fault.server, fault.replaces)
        break
      case 'removal':
        this.#supervisor.removable.add(fault.server)
        this.#change({ remove: fault.server })
        break
      case 'upgrade':
        if (!this.#parts.old.has(fault.server)) break
        this.#supervisor.upgrade(fault.server)
        if (world.servers.has(fault.server)) this.#supervisor.restartAfter(fault.server, fault.forMs)
        break
      case 'slow-disk':
      case 'stuck-disk':
      case 'failed-fsync':
      case 'full-disk':
      case 'full-disks':
      case 'bit-rot':
      case 'lost-disk':
      case 'old-copy':
        await this.#disks.strike(fault)
        break
      case 'hostile-clients':
      case 'idle-clients': {
        const host = `h${++this.#hostileHosts}`
        setHostile(fault, world.startProcess(host))
        this.#lasting.until(fault.forMs, () => {
          world.killClient(host)
        })
        break
      }
      case 'cut':
      case 'isolation':
      case 'flapping':
      case 'reset':
      case 'lossy':
      case 'garbling':
      case 'slow-way':
        this.network.strike(fault)
        break
    }
  }

  /** What the clock has gained stays when that is over, or when the next such fault begins. */
  #runAway(id: ServerId, rate: number, forMs: number): void {
    const { world } = this.#parts
    const server = world.server(id)
    const beganMs = world.clock.now()
    const runawayMs = () => (rate - 1) * (world.clock.now() - beganMs)
    const settle = () => {
      server.skewMs += server.runawayMs()
      server.runawayMs = () => 0
    }
    settle()
    server.runawayMs = runawayMs
    this.#lasting.until(forMs, () => {
      if (server.runawayMs === runawayMs) settle()
    })
  }

  /** Any replica takes the request. */
  #transfer(to: ServerId): void {
    const { chance, world } = this.#parts
    if (world.running.length === 0) return
    const replica = world.replica(chance.pick(world.running))
    replica.transferLeadership({ to, timeoutMs: 1000 }).catch(() => undefined)
  }

  #join(id: ServerId, replaces: ServerId): void {
    const { onNewServer, world } = this.#parts
    // A server joins by a snapshot.
    if (world.ids.every((other) => world.server(other).machine.snapshot === undefined)) return
    world.add(id)
    onNewServer(id)
    for (const server of [id, replaces]) this.#supervisor.removable.add(server)
    this.#change({ add: id, address: peerAddressOf(id), ...(replaces === 0 ? {} : { replaces }) })
    this.#supervisor.start(id)
  }

  /** Any replica takes the request. */
  #change(change: MembershipChange): void {
    const { chance, world } = this.#parts
    if (world.running.length === 0) return
    const replica = world.replica(chance.pick(world.running))
    replica.changeMembership(change, { timeoutMs: 5000 }).catch(() => undefined)
  }

  #shutDown(id: ServerId, forMs: number): void {
    const { world } = this.#parts
    if (!world.running.includes(id)) return
    world
      .replica(id)
      .close()
      .catch(() => undefined)
    this.#lasting.until(forMs, () => {
      this.#supervisor.kill(id)
      this.#supervisor.start(id)
    })
  }
}
