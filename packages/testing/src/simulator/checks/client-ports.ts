import { connectionLimits } from 'synod/internal/net/transport/descriptors.js'
import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { ReplicaStatus } from 'synod/internal/status.js'
import type { Plan } from '../faults/plan.js'
import { Descriptors } from '../hardware/descriptors.js'
import type { Edges } from '../world.js'
import { ClientPortWatch } from './client-port-watch.js'
import { Violation } from './violation.js'

/** The ports for clients of all servers, where clients are hostile. */
export class ClientPorts {
  readonly #descriptors: number
  readonly #onViolation: (violation: Violation) => void
  /** By server, that of the process that was started last. */
  readonly #watches = new Map<ServerId, ClientPortWatch>()

  private constructor(descriptors: number, onViolation: (violation: Violation) => void) {
    this.#descriptors = descriptors
    this.#onViolation = onViolation
  }

  /** Undefined for a plan that has none of them: most have not, and need not pay for it. */
  static for({ descriptors }: Plan, onViolation: (violation: Violation) => void): ClientPorts | undefined {
    return descriptors === undefined ? undefined : new ClientPorts(descriptors, onViolation)
  }

  /** A process starts. */
  between(server: ServerId, { clock, disk, network }: Edges): Edges {
    const descriptors = new Descriptors(this.#descriptors, () => {
      this.#onViolation(new Violation('over-limit', `s${server} has no descriptor left`))
    })
    const { clients } = connectionLimits(this.#descriptors)
    const watch = new ClientPortWatch(`s${server}`, clock, clients, this.#onViolation)
    this.#watches.set(server, watch)
    return {
      clock,
      disk: descriptors.disk(disk),
      network: watch.network(descriptors.network(network, clock)),
      descriptors: () => this.#descriptors,
    }
  }

  check(server: ServerId, status: ReplicaStatus): void {
    this.#watches.get(server)?.check(status)
  }
}
