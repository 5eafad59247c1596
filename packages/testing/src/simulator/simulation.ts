import type { AnyMachine } from 'synod/internal/machine/machine.js'
import { changeOf } from 'synod/internal/machine/change-codec.js'
import { DEFAULT_WINDOW } from 'synod/internal/paxos/config.js'
import { foundingMembership } from 'synod/internal/paxos/membership.js'
import { ClusterHistory, InvariantError } from 'synod/internal/paxos/invariants.js'
import type { ServerId } from 'synod/internal/paxos/ballot.js'
import { Chance } from '../chance.js'
import { Callers } from './callers.js'
import { DurableWatch } from './checks/durable-watch.js'
import { Executions } from './checks/executions.js'
import type { FaultKind } from './faults/faults.js'
import { DeterminismGuard } from './checks/determinism-guard.js'
import { ClientPorts } from './checks/client-ports.js'
import { checkHistory } from './checks/history-check.js'
import { MessageWatch } from './checks/message-watch.js'
import { HOSTILE_HOST } from './faults/hostile-clients.js'
import { HealedPhase } from './healed-phase.js'
import { awaitLiveness } from './liveness.js'
import { Nemesis } from './faults/nemesis.js'
import type { Plan } from './faults/plan.js'
import { FUNCTION, SIGNAL, checkOption } from 'synod/internal/options.js'
import { StatusWatch, WATCH_MS } from './checks/status-watch.js'
import { TimeWatch } from './checks/time-watch.js'
import { checkSignal, inTurn } from './turns.js'
import { Trace } from './trace/trace.js'
import { Violation } from './checks/violation.js'
import { type SentMessage, WireTap } from './trace/wire-tap.js'
import { asData, outputText } from './trace/words.js'
import { Upgrade } from './upgrade.js'
import type { Direction } from './hardware/socket.js'
import { WatchedMachine } from './checks/watched-machine.js'
import { type Workload, checkWorkload } from './workload.js'
import { World } from './world.js'

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
export interface SimulationOutcome {
  readonly plan: Plan
  readonly violation: Violation | undefined
  readonly stats: SimulationStats
  /** A checksum over the whole trace: equal for equal runs. */
  readonly digest: number
}

/**
 * Runs a plan, after the plans under way: replicas and clients under its faults, then healed.
 * What it finds is in the outcome. `listener` gets the trace, line by line
 * (docs/reference/trace.md).
 *
 * @throws SynodError `aborted` when the signal is, `invalid-options`
 */
export async function runPlan<M extends AnyMachine>(
  plan: Plan,
  workload: Workload<M>,
  listener?: (line: string) => void,
  signal?: AbortSignal,
): Promise<SimulationOutcome> {
  checkWorkload(workload)
  checkOption('listener', listener, FUNCTION)
  checkOption('signal', signal, SIGNAL)
  return inTurn(async () => {
    checkSignal(signal)
    using guard = new DeterminismGuard(plan.seed)
    return await new Simulation(plan, workload, guard, listener, signal).run()
  })
}

class Simulation<M extends AnyMachine> {
  readonly #plan: Plan
  readonly #workload: Workload<M>
  readonly #world: World<WatchedMachine<M>>
  readonly #trace: Trace
  readonly #nemesis: Nemesis<WatchedMachine<M>>
  readonly #executions: Executions
  readonly #time: TimeWatch
  readonly #durable: DurableWatch
  readonly #ports: ClientPorts | undefined
  readonly #tap = new WireTap()
  readonly #messages: MessageWatch
  readonly #statuses: StatusWatch
  readonly #callers: Callers<M>
  readonly #upgrade: Upgrade
  readonly #healed: HealedPhase<M>
  readonly #signal: AbortSignal | undefined
  #violation: Violation | undefined

  constructor(
    plan: Plan,
    workload: Workload<M>,
    guard: DeterminismGuard,
    listener: ((line: string) => void) | undefined,
    signal: AbortSignal | undefined,
  ) {
    this.#signal = signal
    // Each draws on its own, so that a plan that is cut down leaves as much as possible as it was.
    const chance = new Chance(plan.seed ^ 0x5bd1e995)
    const [network, disks, faults] = [chance.fork(), chance.fork(), chance.fork()]
    const calls = chance.fork()
    this.#plan = plan
    this.#upgrade = new Upgrade(plan)
    this.#statuses = new StatusWatch(plan)
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
          this.#upgrade.versionOn(server),
        ),
      options: {
        heartbeatMs: plan.heartbeatMs,
        electionTimeoutMs: plan.electionTimeoutMs,
        snapshots: { everySlots: 1e9, everyBytes: 2 ** 40, ...plan.snapshots },
      },
      build: plan.old && ((server) => this.#upgrade.buildOn(server)),
      between: (server, edges) => this.#ports?.between(server, edges) ?? edges,
      network: {
        latencyMs: (from, to) => network.between(...plan.latencyMs) + this.#nemesis.network.delayMs(from, to),
        ...(plan.pieces ? { split: (available) => 1 + network.below(available) } : {}),
        chunkFault: (way) => this.#nemesis.network.chunkFault(way),
        onArrival: (way, chunk) => {
          this.#trace.arrival(way, chunk)
          if (listener === undefined && !plan.overheard) return
          for (const message of this.#tap.messages(way, chunk)) this.#onMessage(way, message)
        },
      },
      onFatal: (server, error) => {
        this.#nemesis.onFailure(server, error)
      },
    })
    const { ids } = this.#world
    this.#trace = new Trace(this.#world.clock, listener)
    this.#messages = new MessageWatch({
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
      const { by, command, position, result, tag } = execution
      const data = asData(command)
      this.#trace.add({ event: 'execute', ...position, tag, command: data, by, result: outputText(result) })
    })
    this.#durable = new DurableWatch(
      new ClusterHistory({
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
    this.#callers = new Callers({
      plan,
      workload,
      world: this.#world,
      trace: this.#trace,
      chance: calls,
      upgrade: this.#upgrade,
      onViolation: (violation) => {
        this.#violate(violation)
      },
    })
    this.#nemesis = new Nemesis({
      plan,
      world: this.#world,
      trace: this.#trace,
      chance: faults,
      old: this.#upgrade.old,
      onNewDisk: (id) => {
        this.#durable.watch(id, this.#world.server(id).disk)
      },
      onNewServer: setUp,
      onClientKill: (client) => {
        this.#callers.kill(client)
      },
      onViolation: (violation) => {
        this.#violate(violation)
      },
    })
    this.#healed = new HealedPhase({
      plan,
      world: this.#world,
      nemesis: this.#nemesis,
      callers: this.#callers,
      upgrade: this.#upgrade,
      time: this.#time,
    })
  }

  async run(): Promise<SimulationOutcome> {
    this.#trace.add({ event: 'plan', plan: this.#plan })
    // What a replica throws where no caller catches it would end its process.
    const onRejection = (error: unknown) => {
      this.#violate(error)
    }
    process.on('unhandledRejection', onRejection)
    try {
      await this.#start()
      await this.#world.wait(this.#plan.durationMs)
      await this.#healed.run()
      this.#compare()
      checkHistory(this.#callers.operations, this.#executions, this.#workload)
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
        operations: this.#callers.operations.length,
        answered: this.#callers.operations.filter(({ returned }) => returned !== undefined).length,
        executed: this.#executions.all.length,
        faults: Object.fromEntries(this.#nemesis.struck),
        recoveryMs: this.#healed.recoveryMs,
      },
      digest: this.#trace.digest,
    }
  }

  /** The servers come up, clients begin their work, and the faults are on their way. */
  async #start(): Promise<void> {
    const world = this.#world
    world.onStep = () => {
      checkSignal(this.#signal)
      if (this.#violation !== undefined) throw this.#violation
    }
    for (const id of world.ids) this.#nemesis.start(id)
    if (this.#plan.formed) {
      await awaitLiveness(world, 'the cluster did not form', () =>
        world.ids.every((id) => world.server(id).replica?.status().formed === true),
      )
    }
    this.#callers.start()
    this.#nemesis.begin()
    this.#watch()
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

  #compare(): void {
    this.#time.refresh()
    for (const id of this.#world.running) {
      const status = this.#world.status(id)
      this.#ports?.check(id, status)
      this.#statuses.check(status, this.#world.server(id).process?.stuckMs ?? 0)
    }
  }

  #onMessage(way: Direction, message: SentMessage): void {
    // They say what they want.
    if (HOSTILE_HOST.test(way.from) || HOSTILE_HOST.test(way.to)) return
    this.#trace.message(way, message)
    if (!this.#plan.overheard) return
    try {
      this.#messages.check(way, message, this.#tap.greeting(way))
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
