import { FORMATS } from 'synod/internal/cluster/versions.js'
import type { AnyMachine } from 'synod/internal/machine/machine.js'
import { PROTOCOLS } from 'synod/internal/net/transport/preamble.js'
import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { Build } from 'synod/internal/replica/host.js'
import type { ReplicaStatus } from 'synod/internal/status.js'
import { Violation } from './checks/violation.js'
import { simulatedVersion } from './checks/watched-machine.js'
import type { Plan } from './faults/plan.js'
import type { ClientOperation, WorkloadOutput } from './workload.js'

/** What servers run before an upgrade, and after it. */
const OLD_BUILD: Build = { protocols: PROTOCOLS, formats: FORMATS }
const NEXT_BUILD: Build = {
  protocols: { ...PROTOCOLS, newest: PROTOCOLS.newest + 1 },
  formats: { ...FORMATS, newest: FORMATS.newest + 1 },
}

/** The upgrade of a simulated cluster: which servers still run the old build and state machine. */
export class Upgrade {
  /** Whether the plan has an upgrade. */
  readonly isPlanned: boolean
  /** The servers that have not been upgraded yet. */
  readonly old: Set<ServerId>
  #isRaised = false

  constructor({ old }: Plan) {
    this.isPlanned = old !== undefined
    this.old = new Set(old)
  }

  /** All members have agreed on the next version. */
  onRaise(): void {
    this.#isRaised = true
  }

  buildOn(server: ServerId): Build {
    return this.old.has(server) ? OLD_BUILD : NEXT_BUILD
  }

  /** The version of the state machine on a server, where upgrades are simulated. */
  versionOn(server: ServerId): number | undefined {
    if (!this.isPlanned) return undefined
    return this.old.has(server) ? 1 : 2
  }

  /** Whether a replica knows that the members have agreed on the next version. */
  hasAgreed({ versions: { agreed } }: ReplicaStatus): boolean {
    return agreed.format === NEXT_BUILD.formats.newest && agreed.machine === 2
  }

  /**
   * Returns what is wrong with an answer. Only a command that not all members know is refused for
   * that, only until all do, and only by the replica that is asked.
   */
  judge<M extends AnyMachine>(
    name: string,
    request: ClientOperation<M>['request'],
    output?: WorkloadOutput,
    code?: string,
  ): Violation | undefined {
    const isNew = request.type === 'command' && simulatedVersion(request) > 1
    if (code === 'not-known-by-all' && (!this.isPlanned || !isNew || this.#isRaised))
      return new Violation(
        'unexpected-failure',
        `${name} was told that not all members know a command that all know`,
      )
    if (output === 'not all members know this command')
      return new Violation('unexpected-failure', `a command of ${name} was chosen that not all members know`)
    return undefined
  }
}
