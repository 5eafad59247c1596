import type { Calls } from '../call.js'
import type { Clock } from '../clock.js'
import { type Agreed, type Support, mostFor } from '../cluster/versions.js'
import type { Raise } from '../machine/raise.js'
import type { ServerId } from '../paxos/ballot.js'
import type { Paxos } from '../paxos/paxos.js'
import type { CommandService } from './command-service.js'
import { maintainsCluster } from './maintains-cluster.js'
import type { Peers } from './peers.js'

/** How often it compares what the members support with what they have agreed on. */
const LOOK_MS = 200

export interface VersionRaiserParts {
  readonly self: ServerId
  readonly clock: Clock
  readonly calls: Calls
  /** What this server supports, and what was agreed on as of the executed watermark. */
  readonly executor: { readonly support: Support; readonly agreed: Agreed }
  readonly paxos: Paxos
  readonly peers: Peers
  readonly commands: CommandService
}

/** Raises what the members have agreed on as soon as all of them support more. */
export class VersionRaiser {
  readonly #parts: VersionRaiserParts
  #known: Agreed
  #isRaising = false
  #cancelTimer: () => void = () => undefined

  constructor(parts: VersionRaiserParts) {
    this.#parts = parts
    this.#known = parts.executor.agreed
  }

  /** From now on it compares, until `stop`. */
  begin(): void {
    this.#raise()
    this.#cancelTimer()
    this.#cancelTimer = this.#parts.clock.timer(LOOK_MS, () => {
      this.begin()
    })
  }

  /**
   * Slots were executed, or the state was replaced by a snapshot: a peer may be too old from now
   * on.
   */
  refresh(): void {
    const { executor, peers } = this.#parts
    if (executor.agreed === this.#known) return
    this.#known = executor.agreed
    peers.update()
  }

  stop(): void {
    this.#cancelTimer()
  }

  /** Several servers may propose a raise: the second one changes nothing. */
  #raise(): void {
    const { calls, commands, executor, paxos, peers, self } = this.#parts
    if (this.#isRaising || !maintainsCluster(paxos, self)) return
    const members: Raise['members'][number][] = []
    for (const server of paxos.membership.servers) {
      // A server that is not connected may come back with another build.
      const support = server === self ? executor.support : peers.supportOf(server)
      if (support === undefined) return
      members.push({ server, support })
    }
    if (members.length === 0) return
    const before = executor.agreed
    const to = mostFor(
      members.map(({ support }) => support),
      before,
    )
    if (to.format === before.format && to.machine === before.machine) return
    this.#isRaising = true
    const call = calls.start<Uint8Array>('change', {})
    commands.raise({ to, members }, call)
    void call.promise
      .catch(() => undefined)
      .then(() => {
        this.#isRaising = false
      })
  }
}
