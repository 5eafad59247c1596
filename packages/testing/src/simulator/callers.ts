import { SynodError } from 'synod/internal/errors.js'
import type { AnyMachine } from 'synod/internal/machine/machine.js'
import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { Chance } from '../chance.js'
import { Violation } from './checks/violation.js'
import { type WatchedMachine, simulatedVersion, watchedCodecs } from './checks/watched-machine.js'
import type { Plan } from './faults/plan.js'
import type { Trace } from './trace/trace.js'
import { asData, outputText } from './trace/words.js'
import type { Upgrade } from './upgrade.js'
import { type Access, Walker } from './walker.js'
import type { ClientOperation, Workload } from './workload.js'
import type { World } from './world.js'

export interface CallersParts<M extends AnyMachine> {
  readonly plan: Plan
  readonly workload: Workload<M>
  readonly world: World<WatchedMachine<M>>
  readonly trace: Trace
  readonly chance: Chance
  readonly upgrade: Upgrade
  readonly onViolation: (violation: Violation) => void
}

interface Caller<M extends AnyMachine> {
  readonly walker: Walker<M>
  /** The server in whose process it works; undefined for a client. */
  readonly home: ServerId | undefined
  readonly walk: Promise<void>
}

/** All that call the cluster: clients on hosts of their own, and code in the servers' processes. */
export class Callers<M extends AnyMachine> {
  readonly #parts: CallersParts<M>
  readonly #operations: ClientOperation<M>[] = []
  readonly #callers: Caller<M>[] = []
  readonly #clients = new Map<number, Access<M> | 'connecting'>()
  #tag = 0
  #position = 0

  constructor(parts: CallersParts<M>) {
    this.#parts = parts
  }

  /** All operations, in the order in which they were invoked. */
  get operations(): readonly ClientOperation<M>[] {
    return this.#operations
  }

  /** All begin to work. */
  start(): void {
    const { plan, world } = this.#parts
    const { atOnce = 1, clients } = plan
    for (let client = 1; client <= clients; client++) {
      for (let hand = 1; hand <= atOnce; hand++)
        this.#employ(hand === 1 ? `c${client}` : `c${client}.${hand}`, undefined, () => this.#client(client))
    }
    for (const id of world.ids) this.#employ(`s${id}`, id, () => this.#embedded(id))
    const { clients: more, server } = plan.crowd ?? { clients: 0, server: 0 }
    for (let client = 1; client <= more; client++)
      this.#employ(`s${server}.${client}`, server, () => this.#embedded(server))
  }

  /** Each ends with its operation under way. */
  async stop(): Promise<void> {
    for (const { walker } of this.#callers) walker.stop()
    await Promise.all(this.#callers.map(({ walk }) => walk))
  }

  /**
   * The clients, and the callers on these servers, ask a healed cluster, which must answer. Rejects
   * with a Violation.
   */
  async finish(
    servers: readonly ServerId[],
    timeoutMs: number,
    isMember: (server: ServerId) => boolean,
  ): Promise<void> {
    const finishing = this.#callers
      .filter(({ home }) => home === undefined || servers.includes(home))
      .map(({ home, walker }) => this.#finish(walker, timeoutMs, () => home !== undefined && !isMember(home)))
    await Promise.all(finishing)
  }

  /** The process of a client is killed. */
  kill(client: number): void {
    this.#parts.world.killClient(`c${client}`)
    this.#clients.delete(client)
  }

  #employ(name: string, home: ServerId | undefined, access: () => Access<M> | undefined): void {
    const { chance, onViolation, plan, trace, upgrade, workload, world } = this.#parts
    const walker = new Walker({
      name,
      clock: world.clock,
      chance: chance.fork(),
      workload,
      restMs: plan.restMs,
      access,
      nextTag: () => ++this.#tag,
      nextPosition: () => ++this.#position,
      record: (operation) => {
        this.#operations.push(operation)
        trace.add({ event: 'invoke', client: name, request: asData(operation.request) })
      },
      onReturn: ({ invoked, request, returned }, error) => {
        if (
          error?.code === 'disk-full' &&
          (request.type !== 'command' || workload.machine().frees?.(request.command) === true)
        )
          onViolation(
            new Violation(
              'unexpected-failure',
              `${name} makes the state no larger, and was told: ${error.message}`,
            ),
          )
        const misjudged = upgrade.judge(name, request, returned?.output, error?.code)
        if (misjudged !== undefined) onViolation(misjudged)
        // No simulation has enough sessions for one to end.
        if (error?.code === 'session-expired')
          onViolation(
            new Violation('unexpected-failure', `${name}, whose call was out, was told: ${error.message}`),
          )
        trace.add({
          event: 'return',
          client: name,
          invoked,
          error: error?.code,
          output: outputText(returned?.output),
          slot: returned?.slot,
        })
      },
    })
    this.#callers.push({ walker, home, walk: walker.walk() })
  }

  /**
   * The client with this number, on a host of its own. It is connected again when it was killed.
   */
  #client(number: number): Access<M> | undefined {
    const client = this.#clients.get(number)
    if (client === 'connecting') return undefined
    if (client !== undefined) return client
    const { upgrade, workload, world } = this.#parts
    this.#clients.set(number, 'connecting')
    const codecs = watchedCodecs(workload.machine())
    const versionOf = upgrade.isPlanned && { versionOf: simulatedVersion }
    // In leaderless mode, clients of both kinds at once.
    const broadcast = number % 2 === 1
    const options = { broadcast, codecs, timeoutMs: 2000, ...versionOf }
    const connecting = world.beginConnect(`c${number}`, options)
    connecting.then(
      (client) => this.#clients.set(number, client),
      () => this.#clients.delete(number),
    )
    return undefined
  }

  #embedded(id: ServerId): Access<M> | undefined {
    const { upgrade, world } = this.#parts
    if (!world.running.includes(id)) return undefined
    const replica = world.replica(id)
    if (!upgrade.isPlanned) return replica
    return {
      execute: async (command, options) => {
        // The code from before the upgrade has no such command.
        if (simulatedVersion(command) > (upgrade.versionOn(id) ?? Infinity)) throw notKnown()
        return replica.execute(command, options)
      },
      read: (query, options) => replica.read(query, options),
      readStale: (query, options) => replica.readStale(query, options),
      follow: (query, options) => replica.follow(query, options),
      get seen() {
        return replica.seen
      },
    }
  }

  async #finish(walker: Walker<M>, timeoutMs: number, isGone: () => boolean): Promise<void> {
    const error = await walker.finish(timeoutMs, isGone)
    if (error === undefined || (error.code === 'removed' && isGone())) return
    const what = `${walker.name} asked a healed cluster, and was not answered: ${error.code}: ${error.message}`
    throw new Violation('no-progress', `${what}\n${this.#parts.world.describe()}`)
  }
}

function notKnown(): SynodError {
  return new SynodError('not-known-by-all', 'the code of this server has no such command')
}
