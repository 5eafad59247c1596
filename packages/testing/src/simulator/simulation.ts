import type { AnyMachine } from 'synod/internal/machine/machine.js'
import type { AcceptorId } from 'synod/internal/journal/identity.js'
import { FORMATS } from 'synod/internal/cluster/versions.js'
import { SynodError } from 'synod/internal/errors.js'
import type { PeerStatus } from 'synod/internal/status.js'
import { PROTOCOLS } from 'synod/internal/net/transport/preamble.js'
import type { Build } from 'synod/internal/replica/host.js'
import { changeOf } from 'synod/internal/machine/change-codec.js'
import { DEFAULT_WINDOW } from 'synod/internal/paxos/config.js'
import { foundingMembership } from 'synod/internal/paxos/membership.js'
import { History, InvariantError, checkWatermarks } from 'synod/internal/paxos/invariants.js'
import type { ServerId, Slot } from 'synod/internal/paxos/ballot.js'
import { Chance } from '../chance.js'
import { DurableWatch } from './checks/durable-watch.js'
import { Executions } from './checks/executions.js'
import type { FaultKind } from './faults/faults.js'
import { Guard } from './checks/guard.js'
import { ClientPorts } from './checks/client-ports.js'
import { checkHistory } from './checks/history-check.js'
import { Manners } from './checks/manners.js'
import { HOSTILE_HOST } from './faults/hostile-clients.js'
import { Nemesis } from './faults/nemesis.js'
import type { Plan } from './faults/plan.js'
import { FUNCTION, SIGNAL, checkOption } from 'synod/internal/options.js'
import { TimeWatch } from './checks/time-watch.js'
import { TooLateError } from './timeline.js'
import { checkSignal, inTurn } from './turns.js'
import { Trace } from './trace/trace.js'
import { Violation, type ViolationKind } from './checks/violation.js'
import { type Access, Walker } from './walker.js'
import { type Said, WireTap } from './trace/wire-tap.js'
import { asData } from './trace/words.js'
import type { Way } from './hardware/socket.js'
import { WatchedMachine, simulatedVersion, watchedCodecs } from './checks/watched-machine.js'
import { type ClientOperation, type Output, type Workload, checkWorkload } from './workload.js'
import { World } from './world.js'

/** Within this time of its own, a healed majority must have answered everything. */
export const LIVENESS_BOUND_MS = 30_000

/**
 * Within this time of its own, a replica notices that its clients are gone, and gives back what it
 * held. Half a frame alone would last longer.
 */
const RELEASE_BOUND_MS = 3000

/**
 * In election timeouts: how long a leader may take to notice that its disk is stuck, however slow
 * its clock.
 */
const LEAD_STUCK = 4

/** How often what the replicas say of themselves is compared. */
const WATCH_MS = 20

export interface SimulationStats {
  readonly simulatedMs: number
  /** Timers that ran: arrivals, deadlines, ends of fsyncs and so on. */
  readonly steps: number
  readonly operations: number
  /** Of these, how many were answered. */
  readonly answered: number
  readonly executed: number
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>
  /** From the healing to the last answer. */
  readonly recoveryMs: number
}

/** The outcome of a plan. */
export interface Outcome {
  readonly plan: Plan
  readonly violation: Violation | undefined
  readonly stats: SimulationStats
  /** A checksum over the whole trace: equal for equal runs. */
  readonly digest: number
}

/** What servers run before an upgrade, and after it. */
const OLD_BUILD: Build = { protocols: PROTOCOLS, formats: FORMATS }
const NEXT_BUILD: Build = {
  protocols: { ...PROTOCOLS, newest: PROTOCOLS.newest + 1 },
  formats: { ...FORMATS, newest: FORMATS.newest + 1 },
}

type Replicas<M extends AnyMachine> = World<WatchedMachine<M>>

interface Employed<M extends AnyMachine> {
  readonly walker: Walker<M>
  /** The server in whose process it works; undefined for a client. */
  readonly home: ServerId | undefined
  readonly walk: Promise<void>
}

/**
 * Runs a plan, when those before it are over: whole replicas and clients under its faults, and then
 * healed. Rejects with `aborted` when the signal is, and with `invalid-options`. Nothing is thrown
 * for what it finds; the outcome tells. `listener` is given the trace, line by line
 * (docs/reference/trace.md).
 */
export async function runPlan<M extends AnyMachine>(
  plan: Plan,
  workload: Workload<M>,
  listener?: (line: string) => void,
  signal?: AbortSignal,
): Promise<Outcome> {
  checkWorkload(workload)
  checkOption('listener', listener, FUNCTION)
  checkOption('signal', signal, SIGNAL)
  return inTurn(async () => {
    checkSignal(signal)
    using guard = new Guard(plan.seed)
    return await new Simulation(plan, workload, guard, listener, signal).run()
  })
}

class Simulation<M extends AnyMachine> {
  readonly #plan: Plan
  readonly #workload: Workload<M>
  readonly #world: Replicas<M>
  readonly #trace: Trace
  readonly #nemesis: Nemesis<WatchedMachine<M>>
  readonly #executions: Executions
  readonly #time: TimeWatch
  readonly #durable: DurableWatch
  readonly #ports: ClientPorts | undefined
  readonly #tap = new WireTap()
  readonly #manners: Manners
  readonly #operations: ClientOperation<M>[] = []
  readonly #digests = new Map<Slot, { readonly digest: number; readonly by: ServerId }>()
  readonly #acceptors = new Map<ServerId, AcceptorId>()
  readonly #walkers: Employed<M>[] = []
  readonly #signal: AbortSignal | undefined
  readonly #clients = new Map<number, Access<M> | 'connecting'>()
  readonly #chance: Chance
  /** Those that start with the build and state machine from before. */
  readonly #old: Set<ServerId>
  /** All members have agreed on the next version. */
  #isRaised = false
  #violation: Violation | undefined
  #tag = 0
  #position = 0
  #recoveryMs = 0

  constructor(
    plan: Plan,
    workload: Workload<M>,
    guard: Guard,
    listener: ((line: string) => void) | undefined,
    signal: AbortSignal | undefined,
  ) {
    this.#signal = signal
    // Each draws on its own, so that a plan that is cut down leaves as much as possible as it was.
    const chance = new Chance(plan.seed ^ 0x5bd1e995)
    const [network, disks, faults] = [chance.fork(), chance.fork(), chance.fork()]
    this.#chance = chance.fork()
    this.#plan = plan
    this.#old = new Set(plan.old)
    this.#workload = workload
    this.#ports = ClientPorts.for(plan, (violation) => {
      this.#violate(violation)
    })
    this.#world = new World({
      servers: plan.servers,
      quorums: plan.quorums,
      window: plan.window,
      leaseMs: plan.leaseMs,
      mode: plan.mode,
      seed: chance.seed(),
      machine: (server) =>
        new WatchedMachine(
          workload.machine(),
          server,
          this.#executions,
          guard,
          (error) => {
            this.#violate(error)
          },
          this.#versionOn(server),
        ),
      options: {
        heartbeatMs: plan.heartbeatMs,
        electionTimeoutMs: plan.electionTimeoutMs,
        snapshots: { everySlots: 1e9, everyBytes: 2 ** 40, ...plan.snapshots },
      },
      build: plan.old && ((server) => (this.#old.has(server) ? OLD_BUILD : NEXT_BUILD)),
      between: (server, edges) => this.#ports?.between(server, edges) ?? edges,
      network: {
        latencyMs: (from, to) => network.between(...plan.latencyMs) + this.#nemesis.delayMs(from, to),
        ...(plan.pieces ? { split: (available) => 1 + network.below(available) } : {}),
        meddle: (way) => this.#nemesis.meddle(way),
        onArrival: (way, chunk) => {
          this.#trace.arrival(way, chunk)
          if (listener === undefined && !plan.overheard) return
          for (const message of this.#tap.messages(way, chunk)) this.#hear(way, message)
        },
      },
      onFatal: (server, error) => {
        this.#nemesis.failed(server, error)
      },
    })
    const { ids } = this.#world
    this.#trace = new Trace(this.#world.clock, listener)
    this.#manners = new Manners({
      plan,
      now: () => this.#world.clock.now(),
      processOn: (server) => (this.#world.isUp(server) ? this.#world.server(server).process : undefined),
    })
    this.#time = new TimeWatch({
      rates: plan.rates,
      now: () => this.#world.clock.now(),
      wallTime: () => this.#world.clock.wallTime(),
      isRight: (server) => !this.#nemesis.wrongClocks.has(server),
      statuses: () => this.#world.running.map((id) => this.#world.status(id)),
    })
    this.#executions = new Executions((execution) => {
      this.#time.executed(execution)
      const { by, command, result, slot, tag } = execution
      this.#trace.add({ event: 'execute', slot, tag, command: asData(command), by, result: shown(result) })
    })
    this.#durable = new DurableWatch(
      new History({
        changeOf,
        membership: foundingMembership(ids, plan.quorums),
        window: plan.window ?? DEFAULT_WINDOW[plan.mode],
      }),
      (server, payload, records) => {
        this.#trace.durable(server, payload, records)
      },
      (error) => {
        this.#violate(error)
      },
    )
    const setUp = (id: ServerId) => {
      const server = this.#world.server(id)
      server.syncMs = () => disks.between(...plan.syncMs)
      server.rate = plan.rates[id - 1] ?? 1
      this.#durable.watch(id, server.disk)
    }
    for (const id of ids) setUp(id)
    this.#nemesis = new Nemesis({
      plan,
      world: this.#world,
      trace: this.#trace,
      chance: faults,
      old: this.#old,
      onNewDisk: (id) => {
        this.#durable.watch(id, this.#world.server(id).disk)
      },
      onNewServer: setUp,
      onClientKill: (client) => {
        this.#world.killClient(`c${client}`)
        this.#clients.delete(client)
      },
      onViolation: (violation) => {
        this.#violate(violation)
      },
    })
  }

  async run(): Promise<Outcome> {
    this.#trace.add({ event: 'plan', plan: this.#plan })
    // What a replica throws where no caller catches it would end its process.
    const onRejection = (error: unknown) => {
      this.#violate(error)
    }
    process.on('unhandledRejection', onRejection)
    try {
      await this.#start()
      await this.#world.wait(this.#plan.durationMs)
      await this.#finish()
    } catch (error) {
      checkSignal(this.#signal)
      this.#violate(error)
    } finally {
      process.off('unhandledRejection', onRejection)
    }
    if (this.#violation !== undefined) {
      const { kind, message } = this.#violation
      this.#trace.add({ event: 'violation', kind, message })
    }
    return {
      plan: this.#plan,
      violation: this.#violation,
      stats: {
        simulatedMs: this.#world.clock.now(),
        steps: this.#world.clock.steps,
        operations: this.#operations.length,
        answered: this.#operations.filter(({ returned }) => returned !== undefined).length,
        executed: this.#executions.all.length,
        faults: Object.fromEntries(this.#nemesis.struck),
        recoveryMs: this.#recoveryMs,
      },
      digest: this.#trace.digest,
    }
  }

  /** The servers come up, clients begin their work, and the faults are on their way. */
  async #start(): Promise<void> {
    const { atOnce = 1, clients, formed } = this.#plan
    const world = this.#world
    world.onStep = () => {
      checkSignal(this.#signal)
      if (this.#violation !== undefined) throw this.#violation
    }
    for (const id of world.ids) this.#nemesis.start(id)
    if (formed) {
      await this.#inTime('the cluster did not form', () =>
        world.ids.every((id) => world.server(id).replica?.status().formed === true),
      )
    }
    for (let client = 1; client <= clients; client++) {
      for (let hand = 1; hand <= atOnce; hand++)
        this.#employ(hand === 1 ? `c${client}` : `c${client}.${hand}`, undefined, () => this.#client(client))
    }
    for (const id of world.ids) this.#employ(`s${id}`, id, () => this.#embedded(id))
    const { clients: more, server } = this.#plan.crowd ?? { clients: 0, server: 0 }
    for (let client = 1; client <= more; client++)
      this.#employ(`s${server}.${client}`, server, () => this.#embedded(server))
    this.#nemesis.begin()
    this.#watch()
  }

  #employ(name: string, home: ServerId | undefined, access: () => Access<M> | undefined): void {
    const walker = new Walker({
      name,
      clock: this.#world.clock,
      chance: this.#chance.fork(),
      workload: this.#workload,
      restMs: this.#plan.restMs,
      access,
      nextTag: () => ++this.#tag,
      nextPosition: () => ++this.#position,
      record: (operation) => {
        this.#operations.push(operation)
        this.#trace.add({ event: 'invoke', client: name, request: asData(operation.request) })
      },
      onReturn: ({ invoked, request, returned }, error) => {
        if (
          error?.code === 'disk-full' &&
          (request.type !== 'command' || this.#workload.machine().frees?.(request.command) === true)
        )
          this.#violate(
            new Violation(
              'unexpected-failure',
              `${name} makes the state no larger, and was told: ${error.message}`,
            ),
          )
        this.#checkRefusal(name, request, returned?.output, error?.code)
        // No simulation has enough sessions for one to end.
        if (error?.code === 'session-expired')
          this.#violate(
            new Violation('unexpected-failure', `${name}, whose call was out, was told: ${error.message}`),
          )
        this.#trace.add({
          event: 'return',
          client: name,
          invoked,
          error: error?.code,
          output: shown(returned?.output),
          slot: returned?.slot,
        })
      },
    })
    this.#walkers.push({ walker, home, walk: walker.walk() })
  }

  /**
   * The client with this number, on a host of its own. It is connected again when it was killed.
   */
  #client(number: number): Access<M> | undefined {
    const client = this.#clients.get(number)
    if (client === 'connecting') return undefined
    if (client !== undefined) return client
    this.#clients.set(number, 'connecting')
    const codecs = watchedCodecs(this.#workload.machine())
    const versionOf = this.#plan.old && { versionOf: simulatedVersion }
    const connecting = this.#world.beginConnect(`c${number}`, { codecs, timeoutMs: 2000, ...versionOf })
    connecting.then(
      (client) => this.#clients.set(number, client),
      () => this.#clients.delete(number),
    )
    return undefined
  }

  #embedded(id: ServerId): Access<M> | undefined {
    if (!this.#world.running.includes(id)) return undefined
    const replica = this.#world.replica(id)
    if (!this.#plan.old) return replica
    return {
      execute: async (command, options) => {
        // The code from before the upgrade has no such command.
        if (simulatedVersion(command) > (this.#versionOn(id) ?? Infinity)) throw notKnown()
        return replica.execute(command, options)
      },
      read: (query, options) => replica.read(query, options),
      readStale: (query, options) => replica.readStale(query, options),
      get seen() {
        return replica.seen
      },
    }
  }

  /**
   * Everything is healed. Every client must be answered, and all replicas must come to the same
   * state.
   */
  async #finish(): Promise<void> {
    const world = this.#world
    const { wrecked } = this.#nemesis
    this.#nemesis.heal()
    const healedMs = world.clock.now()
    for (const { walker } of this.#walkers) walker.stop()
    await this.#inTime('an operation did not end', Promise.all(this.#walkers.map(({ walk }) => walk)))
    if (this.#plan.live) {
      await this.#awaitRaise()
      const sound = this.#members.filter((id) => !wrecked.has(id) && !this.#plan.left.includes(id))
      const finishing = this.#walkers
        .filter(({ home }) => home === undefined || sound.includes(home))
        .map(({ home, walker }) => this.#finishWalk(walker, home))
      await this.#inTime('a client was not answered', Promise.all(finishing))
      this.#recoveryMs = world.clock.now() - healedMs
      await this.#inTime('the replicas did not come to the same state', () => {
        const same = sound.filter((id) => this.#members.includes(id))
        const watermarks = same.map((id) => world.server(id).replica?.status().watermarks)
        return watermarks.every(
          (watermark) =>
            watermark?.executed === watermarks[0]?.executed && watermark?.executed === watermark?.chosen,
        )
      })
      await this.#inTime(
        'log time did not come to the right time',
        () => this.#time.lost(sound).length === 0,
        'wrong-time',
      )
    }
    await this.#dismissClients()
    this.#compare()
    this.#checkOutdated()
    checkHistory(this.#operations, this.#executions, this.#workload)
  }

  /** The version of the state machine on a server, where upgrades are simulated. */
  #versionOn(id: ServerId): number | undefined {
    return this.#plan.old && (this.#old.has(id) ? 1 : 2)
  }

  /**
   * Only a command that not all know is refused for that, only until all do, and only where it is
   * taken.
   */
  #checkRefusal(name: string, request: ClientOperation<M>['request'], output?: Output, code?: string): void {
    const isNew = request.type === 'command' && simulatedVersion(request) > 1
    if (code === 'not-known-by-all' && (this.#plan.old === undefined || !isNew || this.#isRaised))
      this.#violate(
        new Violation(
          'unexpected-failure',
          `${name} was told that not all members know a command that all know`,
        ),
      )
    if (output === 'not all members know this command')
      this.#violate(
        new Violation('unexpected-failure', `a command of ${name} was chosen that not all members know`),
      )
  }

  /** All servers have been upgraded: so all agree on what they know now. */
  async #awaitRaise(): Promise<void> {
    if (this.#plan.old === undefined) return
    await this.#inTime('the members did not agree on the next version', () =>
      this.#members.every((id) => {
        const agreed = this.#world.server(id).replica?.status().versions.agreed
        return agreed?.format === NEXT_BUILD.formats.newest && agreed.machine === 2
      }),
    )
    this.#isRaised = true
  }

  /** A server on an old copy of its directory has promised and voted what it does not know of. */
  #checkOutdated(): void {
    for (const id of this.#nemesis.outdated) {
      if (!this.#world.running.includes(id)) continue
      const { admitted, voting } = this.#world.status(id)
      if (admitted && voting)
        throw new Violation('unexpected-failure', `s${id} votes with an old copy of its directory`)
    }
  }

  /** All clients end. Then no replica holds anything for them. */
  async #dismissClients(): Promise<void> {
    for (let client = 1; client <= this.#plan.clients; client++) this.#world.killClient(`c${client}`)
    const holding = () =>
      this.#world.running.filter((id) => {
        const { clients, held } = this.#world.status(id)
        return clients > 0 || held.bytes > 0 || held.unfinishedBytes > 0
      })
    try {
      await this.#world.run(() => holding().length === 0, RELEASE_BOUND_MS)
    } catch (error) {
      if (!(error instanceof TooLateError)) throw error
      const what = holding().map((id) => {
        const { clients, held } = this.#world.status(id)
        return `s${id} still holds ${JSON.stringify(held)} for ${clients} clients, though none is left`
      })
      throw new Violation('over-limit', what.join('\n'), { cause: error })
    }
  }

  /** Those that are members by the longest log, if any. */
  get #members(): ServerId[] {
    const all = this.#world.running.map((id) => this.#world.status(id))
    const [longest] = all.sort((a, b) => b.watermarks.chosen - a.watermarks.chosen)
    return longest?.members.map(({ server }) => server) ?? this.#world.ids
  }

  async #finishWalk(walker: Walker<M>, home: ServerId | undefined): Promise<void> {
    const isGone = () => home !== undefined && !this.#members.includes(home)
    const error = await walker.finish(LIVENESS_BOUND_MS, isGone)
    if (error === undefined || (error.code === 'removed' && isGone())) return
    const what = `${walker.name} asked a healed cluster, and was not answered: ${error.code}: ${error.message}`
    throw new Violation('no-progress', `${what}\n${this.#world.describe()}`)
  }

  /** Moves the clock until something holds, which must be soon. */
  async #inTime(
    otherwise: string,
    until: (() => boolean) | Promise<unknown>,
    kind: ViolationKind = 'no-progress',
  ): Promise<void> {
    try {
      if (typeof until === 'function') await this.#world.run(until, LIVENESS_BOUND_MS)
      else await this.#world.settled(until, LIVENESS_BOUND_MS)
    } catch (error) {
      if (!(error instanceof TooLateError)) throw error
      const message = `${otherwise} within ${LIVENESS_BOUND_MS} ms\n${this.#world.describe()}`
      throw new Violation(kind, message, { cause: error })
    }
  }

  #watch(): void {
    this.#world.clock.timer(WATCH_MS, () => {
      try {
        this.#compare()
      } catch (error) {
        this.#violate(error)
      }
      this.#watch()
    })
  }

  /**
   * Watermarks are in order, replicas that have executed as far have executed the same, and no
   * server has taken one that lost its disk for what it was before.
   */
  #compare(): void {
    this.#time.look()
    for (const id of this.#world.running) {
      const status = this.#world.status(id)
      const { watermarks, digest, formed, peers, role } = status
      this.#ports?.check(id, status)
      checkWatermarks(watermarks)
      if (role === 'leader') this.#checkDisk(id)
      if (formed) this.#compareAcceptors(id, peers)
      const before = this.#digests.get(watermarks.executed)
      if (before === undefined) this.#digests.set(watermarks.executed, { digest, by: id })
      else if (before.digest !== digest) {
        const what = `s${id} and s${before.by} have executed different values up to slot ${watermarks.executed}`
        throw new Violation('agreement', what)
      }
    }
  }

  /** A leader whose disk is stuck makes room for another. */
  #checkDisk(id: ServerId): void {
    const { electionTimeoutMs, faults } = this.#plan
    const stuckMs = this.#world.server(id).process?.stuckMs ?? 0
    // A process that stands still notices nothing.
    const mostMs = LEAD_STUCK * electionTimeoutMs + WATCH_MS
    if (stuckMs <= mostMs || faults.some(({ kind }) => kind === 'pause')) return
    throw new Violation('no-progress', `s${id} leads, though its disk has been stuck for ${stuckMs} ms`)
  }

  /** In a cluster that has formed, each server is one acceptor for good. */
  #compareAcceptors(id: ServerId, peers: readonly PeerStatus[]): void {
    for (const { acceptor, server, up } of peers) {
      if (!up || acceptor === null) continue
      const before = this.#acceptors.get(server)
      if (before === undefined) this.#acceptors.set(server, acceptor)
      else if (before !== acceptor) {
        const what = `s${id} is connected to s${server} as acceptor ${acceptor}, which was ${before} before`
        throw new Violation('stranger', what)
      }
    }
  }

  #hear(way: Way, message: Said): void {
    // They say what they want.
    if (HOSTILE_HOST.test(way.from) || HOSTILE_HOST.test(way.to)) return
    this.#trace.message(way, message)
    if (!this.#plan.overheard) return
    try {
      this.#manners.check(way, message, this.#tap.greeting(way))
    } catch (error) {
      this.#violate(error)
    }
  }

  #violate(error: unknown): void {
    if (error instanceof Violation) this.#violation ??= error
    else if (error instanceof Error) {
      const kind = error instanceof InvariantError ? 'invariant' : 'unexpected-failure'
      this.#violation ??= new Violation(kind, error.message, { cause: error })
    } else this.#violation ??= new Violation('unexpected-failure', `thrown: ${String(error)}`)
  }
}

function notKnown(): SynodError {
  return new SynodError('not-known-by-all', 'the code of this server has no such command')
}

/** Encoded results and answers are text, unless someone has a codec of his own. */
function shown(output: Output | undefined): string | undefined {
  return output === undefined || typeof output === 'string' ? output : Buffer.from(output).toString()
}
