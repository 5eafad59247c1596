import type { AnyMachine } from 'synod/internal/machine/machine.js'
import { join } from 'node:path'
import { SynodError } from 'synod/internal/errors.js'
import { inspectJournal } from 'synod/internal/journal/inspect.js'
import { recover } from 'synod/internal/journal/recovery.js'
import type { MembershipChange } from 'synod/internal/machine/membership-change.js'
import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { Chance } from '../../chance.js'
import type { Fault, FaultKind } from './faults.js'
import { setHostile } from './hostile-clients.js'
import { type Rates, frameMeddler, garble } from './meddler.js'
import type { Plan } from './plan.js'
import { MemoryDisk } from '../hardware/disk.js'
import type { Meddler, Way } from '../hardware/socket.js'
import type { Trace } from '../trace/trace.js'
import { Violation } from '../checks/violation.js'
import { DATA_DIR, PEER_PORT, type Place, type World, hostOf, peerAddressOf } from '../world.js'

/** A replica that failed is started again after this time, as a supervisor would do. */
const RESTART_MS = 100

/** What a server says that another one has refused in the handshake. */
const REFUSED = /^s\d+ refuses this server: /

export interface NemesisParts<M extends AnyMachine> {
  readonly plan: Plan
  readonly world: World<M>
  readonly trace: Trace
  readonly chance: Chance
  /**
   * Servers that start with the build and state machine from before: those that are upgraded are
   * taken out.
   */
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
  /** Servers that lost promises or votes for good. */
  readonly wrecked = new Set<ServerId>()
  /** Servers whose wall clocks are wrong, or have been. */
  readonly wrongClocks = new Set<ServerId>()
  /** Those of them whose directory is an old copy: none may take part. */
  readonly outdated = new Set<ServerId>()
  readonly #parts: NemesisParts<M>
  /** What ends the faults that last. */
  readonly #lasting = new Set<() => void>()
  readonly #rates = new Map<string, Rates>()
  readonly #toGarble = new Set<string>()
  /** By way, how much longer bytes take. */
  readonly #delaysMs = new Map<string, number>()
  /** Servers whose disk has given them a reason to fail. */
  readonly #excused = new Set<ServerId>()
  /** Servers whose removal was asked for, or that may have come too late to be let in. */
  readonly #removable = new Set<ServerId>()
  /** Servers that have said that they are not to be started again. */
  readonly #ended = new Set<ServerId>()
  /** How long the fsyncs of each server take while nothing is wrong. */
  readonly #syncsMs: ReadonlyMap<ServerId, () => number>
  #hostileHosts = 0
  #healed = false

  constructor(parts: NemesisParts<M>) {
    this.#parts = parts
    this.#syncsMs = new Map([...parts.world.servers].map(([id, { syncMs }]) => [id, syncMs]))
  }

  /** From now on, faults strike when their time comes. */
  begin(): void {
    const { plan, world } = this.#parts
    for (const fault of plan.faults) {
      world.clock.timer(fault.atMs, () => {
        if (!this.#healed) void this.#strike(fault)
      })
    }
  }

  /** Ends all faults, and starts all servers that are down, but those that shall be left broken. */
  heal(): void {
    const { plan, trace, world } = this.#parts
    this.#healed = true
    trace.add({ event: 'heal', left: plan.left })
    for (const end of [...this.#lasting]) end()
    for (const id of this.#parts.old) this.#upgrade(id)
    for (const id of world.ids) {
      const { disk } = world.server(id)
      disk.clearFaults()
      if (plan.left.includes(id)) {
        if (world.isUp(id)) world.powerOff(id, () => this.#parts.chance.next())
      } else this.start(id)
    }
  }

  /** Starts a server, unless it runs, or has said that it is not to be started again. */
  start(id: ServerId): void {
    const { plan, trace, world } = this.#parts
    if (world.isUp(id) || this.#ended.has(id)) return
    if (this.#healed && plan.left.includes(id)) return
    trace.add({ event: 'start', server: id })
    world.begin(id).then(
      (replica) => {
        const { damage, recovery } = replica.status()
        trace.add({ event: 'open', server: id, recovery, damage })
        if (damage !== null && !this.wrecked.has(id)) {
          const message = `s${id} takes itself for damaged, though nothing was: ${damage}`
          this.#parts.onViolation(new Violation('unexpected-failure', message))
        }
      },
      (error: unknown) => {
        this.failed(id, error)
      },
    )
  }

  /** A replica has given up. There must be a reason for it. */
  failed(id: ServerId, error: unknown): void {
    const { onViolation, trace, world } = this.#parts
    const code = error instanceof SynodError ? error.code : 'internal'
    const message = error instanceof Error ? error.message : String(error)
    trace.add({ event: 'failed', server: id, code, message })
    // It has come too late for its build, and was told so before it was a member.
    const isLate = id > this.#parts.plan.servers && this.#parts.old.has(id) && REFUSED.test(message)
    const lost = code === 'journal-damaged' || code === 'wrong-acceptor'
    if ((lost && this.wrecked.has(id)) || (code === 'removed' && this.#removable.has(id))) {
      this.#ended.add(id)
    } else if ((code === 'journal-failed' && this.#excused.has(id)) || (code === 'wrong-version' && isLate)) {
      if (isLate) this.#parts.old.delete(id)
      world.clock.timer(0, () => {
        this.#stop(id)
      })
      world.clock.timer(RESTART_MS, () => {
        this.start(id)
      })
    } else {
      const kind = code === 'invariant-violated' ? 'invariant' : 'unexpected-failure'
      onViolation(new Violation(kind, `s${id} gave up, ${code}: ${message}`, { cause: error }))
    }
  }

  /** For the network: what happens to bytes on a way. */
  meddle(way: Way): Meddler | undefined {
    const { chance, plan } = this.#parts
    const kinds = new Set(plan.faults.map(({ kind }) => kind))
    const key = `${way.from} ${way.to}`
    const meddlers: Meddler[] = []
    if (kinds.has('lossy') && way.port === PEER_PORT)
      meddlers.push(frameMeddler(() => this.#rates.get(key), chance))
    if (kinds.has('garbling'))
      meddlers.push((chunk) => (this.#toGarble.delete(key) ? [garble(chunk, chance)] : [chunk]))
    if (meddlers.length < 2) return meddlers[0]
    return (chunk) =>
      meddlers.reduce<readonly Uint8Array[]>((pieces, meddle) => pieces.flatMap(meddle), [chunk])
  }

  /** How much longer than usual bytes take on this way. */
  delayMs(from: string, to: string): number {
    return this.#delaysMs.get(`${from} ${to}`) ?? 0
  }

  // Faults

  async #strike(fault: Fault): Promise<void> {
    const { trace, world } = this.#parts
    this.struck.set(fault.kind, (this.struck.get(fault.kind) ?? 0) + 1)
    trace.add({ event: 'fault', fault })
    switch (fault.kind) {
      case 'power-failure':
        this.#powerOff(fault.server, fault.silent)
        this.#restartAfter(fault.server, fault.forMs)
        break
      case 'kill':
        this.#kill(fault.server)
        this.#restartAfter(fault.server, fault.forMs)
        break
      case 'outage':
        for (const id of world.ids) {
          this.#powerOff(id, false)
          this.#restartAfter(id, fault.forMs)
        }
        break
      case 'death-while-writing':
        this.#excused.add(fault.server)
        world.server(fault.server).disk.dieAfter(fault.changes)
        this.#lastingUntil(fault.forMs, () => {
          this.#powerOff(fault.server, false)
          this.#restartAfter(fault.server, 0)
        })
        break
      case 'pause': {
        const { process } = world.server(fault.server)
        process?.pause()
        this.#lastingUntil(fault.forMs, () => process?.resume())
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
        this.#removable.add(fault.server)
        this.#change({ remove: fault.server })
        break
      case 'upgrade':
        if (!this.#parts.old.has(fault.server)) break
        this.#upgrade(fault.server)
        if (world.servers.has(fault.server)) this.#restartAfter(fault.server, fault.forMs)
        break
      case 'slow-disk':
      case 'stuck-disk':
      case 'failed-fsync':
      case 'full-disk':
        this.#troubleDisk(fault)
        break
      case 'full-disks':
        for (const server of world.ids) this.#troubleDisk({ ...fault, kind: 'full-disk', server })
        break
      case 'bit-rot':
        await this.#rot(fault.server, fault.bits)
        this.#restartAfter(fault.server, fault.forMs)
        break
      case 'lost-disk':
        this.#powerOff(fault.server, false)
        this.wrecked.add(fault.server)
        world.emptyDisk(fault.server)
        this.#parts.onNewDisk(fault.server)
        this.#restartAfter(fault.server, fault.forMs)
        break
      case 'old-copy':
        await this.#copyAndRestore(fault.server, fault.forMs)
        break
      case 'slow-way': {
        const way = `${hostOf(fault.from)} ${hostOf(fault.to)}`
        this.#delaysMs.set(way, fault.delayMs)
        this.#lastingUntil(fault.forMs, () => this.#delaysMs.delete(way))
        break
      }
      case 'hostile-clients':
      case 'idle-clients': {
        const host = `h${++this.#hostileHosts}`
        setHostile(fault, world.stranger(host))
        this.#lastingUntil(fault.forMs, () => {
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
        this.#troubleNetwork(fault)
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
    this.#lastingUntil(forMs, () => {
      if (server.runawayMs === runawayMs) settle()
    })
  }

  /** Any replica takes the wish. */
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
    for (const server of [id, replaces]) this.#removable.add(server)
    this.#change({ add: id, address: peerAddressOf(id), ...(replaces === 0 ? {} : { replaces }) })
    this.start(id)
  }

  /** Any replica takes the wish. */
  #change(change: MembershipChange): void {
    const { chance, world } = this.#parts
    if (world.running.length === 0) return
    const replica = world.replica(chance.pick(world.running))
    replica.changeMembership(change, { timeoutMs: 5000 }).catch(() => undefined)
  }

  /** One that has not joined yet joins with the new build. */
  #upgrade(id: ServerId): void {
    this.#parts.old.delete(id)
    if (this.#parts.world.servers.has(id)) this.#kill(id)
  }

  #shutDown(id: ServerId, forMs: number): void {
    const { world } = this.#parts
    if (!world.running.includes(id)) return
    world
      .replica(id)
      .close()
      .catch(() => undefined)
    this.#lastingUntil(forMs, () => {
      this.#kill(id)
      this.start(id)
    })
  }

  #troubleDisk(fault: Fault & { kind: 'slow-disk' | 'stuck-disk' | 'failed-fsync' | 'full-disk' }): void {
    const { chance, world } = this.#parts
    const server = world.server(fault.server)
    const { disk } = server
    const syncMs = this.#syncsMs.get(fault.server) ?? server.syncMs
    switch (fault.kind) {
      case 'slow-disk':
        server.syncMs = () => chance.between(0, fault.syncMs)
        this.#lastingUntil(fault.forMs, () => {
          server.syncMs = syncMs
        })
        break
      case 'stuck-disk':
        server.syncMs = () => Infinity
        this.#lastingUntil(fault.forMs, () => {
          server.syncMs = syncMs
          server.process?.unstick()
        })
        break
      case 'failed-fsync':
        this.#excused.add(fault.server)
        disk.failNext(chance.happens(0.9) ? 'sync' : 'syncDirectory')
        break
      case 'full-disk':
        disk.fill(fault.leftBytes)
        this.#lastingUntil(fault.forMs, () => {
          disk.capacityBytes = Infinity
        })
        break
    }
  }

  #troubleNetwork(
    fault: Fault & { kind: 'cut' | 'isolation' | 'flapping' | 'reset' | 'lossy' | 'garbling' },
  ): void {
    const { world } = this.#parts
    const { network } = world
    if (fault.kind === 'isolation') {
      const others = world.ids.filter((id) => id !== fault.server)
      for (const other of others) world.partition(fault.server, other)
      this.#lastingUntil(fault.forMs, () => {
        for (const other of others) this.#reunite(fault.server, other, fault.reset)
      })
      return
    }
    const [from, to] = [hostOf(fault.from), hostOf(fault.to)]
    const key = `${from} ${to}`
    switch (fault.kind) {
      case 'cut':
        if (fault.oneWay) network.cutWay(from, to)
        else network.cut(from, to)
        this.#lastingUntil(fault.forMs, () => {
          if (fault.oneWay) network.healWay(from, to)
          else network.heal(from, to)
          if (fault.reset) world.breakConnections(fault.from, fault.to)
        })
        break
      case 'flapping':
        this.#flap(fault.from, fault.to, fault.periodMs, Math.ceil(fault.forMs / fault.periodMs / 2))
        break
      case 'reset':
        world.breakConnections(fault.from, fault.to)
        break
      case 'lossy':
        this.#rates.set(key, fault)
        this.#lastingUntil(fault.forMs, () => this.#rates.delete(key))
        break
      case 'garbling':
        this.#toGarble.add(key)
        this.#lastingUntil(fault.forMs, () => this.#toGarble.delete(key))
        break
    }
  }

  #flap(a: Place, b: Place, periodMs: number, times: number): void {
    if (times === 0) return
    this.#parts.world.partition(a, b)
    this.#lastingUntil(periodMs, () => {
      this.#reunite(a, b, false)
      this.#parts.world.clock.timer(periodMs, () => {
        if (!this.#healed) this.#flap(a, b, periodMs, times - 1)
      })
    })
  }

  #reunite(a: Place, b: Place, reset: boolean): void {
    this.#parts.world.reunite(a, b)
    if (reset) this.#parts.world.breakConnections(a, b)
  }

  #powerOff(id: ServerId, silent: boolean): void {
    const { chance, trace, world } = this.#parts
    if (!world.isUp(id)) return
    trace.add({ event: 'stop', server: id })
    if (silent) world.powerOff(id, () => chance.next())
    else world.crash(id, () => chance.next())
  }

  #kill(id: ServerId): void {
    const { trace, world } = this.#parts
    if (!world.isUp(id)) return
    trace.add({ event: 'stop', server: id })
    world.kill(id)
  }

  /** A process whose replica has failed ends; now and then the machine does too. */
  #stop(id: ServerId): void {
    if (this.#parts.chance.happens(0.5)) this.#kill(id)
    else this.#powerOff(id, false)
  }

  /**
   * Turns bits over in what the disk of a server has held for long, so that all of it is on the
   * platter: not in the last group, as it could pass for torn.
   */
  async #rot(id: ServerId, bits: number): Promise<void> {
    const { chance, world } = this.#parts
    this.#kill(id)
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
    this.wrecked.add(id)
    for (let bit = 0; bit < bits; bit++) {
      const { name, sizeBytes } = chance.pick(rotten)
      disk.flip(join(DATA_DIR, name), chance.below(sizeBytes), chance.below(8))
    }
  }

  /** The directory of a server is copied, and later the server starts on the copy. */
  async #copyAndRestore(id: ServerId, afterMs: number): Promise<void> {
    const { world } = this.#parts
    const { disk } = world.server(id)
    if ((await disk.list(DATA_DIR).catch(() => [])).length === 0) return
    const copy = disk.snapshot(DATA_DIR)
    world.clock.timer(afterMs, () => {
      if (this.#healed || this.wrecked.has(id)) return
      void this.#isMissed(id, copy).then((isMissed) => {
        if (!isMissed || this.#healed || this.wrecked.has(id)) return
        this.#kill(id)
        this.wrecked.add(id)
        this.outdated.add(id)
        disk.restore(DATA_DIR, copy)
        this.start(id)
      })
    })
  }

  /**
   * Whether all other servers that can vote know for good of something that a copy lacks. Where
   * only some do, the copy may meet the others first, and be taken for sound: no server can know
   * better.
   */
  async #isMissed(id: ServerId, copy: ReadonlyMap<string, Uint8Array>): Promise<boolean> {
    const { world } = this.#parts
    const { end, identity } = await recover(MemoryDisk.with(DATA_DIR, copy), DATA_DIR)
    if (identity === null) return false
    const position = (end?.nextSequence ?? 1) - 1
    const others = world.ids.filter((other) => other !== id && !this.wrecked.has(other))
    for (const other of others) {
      const found = await recover(world.server(other).disk.durable(DATA_DIR), DATA_DIR).catch(() => undefined)
      if ((found?.heard.get(identity.acceptor) ?? 0) <= position) return false
    }
    return true
  }

  #restartAfter(id: ServerId, forMs: number): void {
    this.#lastingUntil(forMs, () => {
      this.start(id)
    })
  }

  /** Ends a fault when its time is over, or when all is healed. */
  #lastingUntil(forMs: number, undo: () => void): void {
    const end = () => {
      if (this.#lasting.delete(end)) undo()
    }
    this.#lasting.add(end)
    this.#parts.world.clock.timer(forMs, end)
  }
}
