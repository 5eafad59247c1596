import type { Identity } from '../journal/identity.js'
import type { Journal } from '../journal/journal.js'
import type { Logger } from '../logger.js'
import type { SynodError } from '../errors.js'
import type { Founding } from './agreement.js'
import type { Inbox } from './inbox.js'
import type { Peers } from './peers.js'

export interface FormationParts {
  readonly logger: Logger
  readonly identity: Identity
  /** None on a server that does not vote. */
  readonly journal: Journal | undefined
  readonly peers: Peers
  readonly state: {
    identify(clusterId: Founding['clusterId']): void
    readonly executor: { identify(acceptors: Founding['acceptors']): void }
  }
  readonly inbox: Inbox
}

/**
 * Writes down which servers found a cluster, once all have met; the cluster has formed once all
 * have written that.
 */
export class Formation {
  readonly #parts: FormationParts
  #isFormed: boolean

  constructor(parts: FormationParts) {
    this.#parts = parts
    this.#isFormed = parts.identity.peers !== null
  }

  /** Whether this server may vote. */
  get isFormed(): boolean {
    return this.#isFormed
  }

  /** All founders have met, or this server has met a member of the cluster that it joins. */
  write({ acceptors, clusterId }: Founding): void {
    const { inbox, journal, peers, state } = this.#parts
    if (journal === undefined) return
    journal.savePeers(clusterId, acceptors).then(
      () => {
        state.identify(clusterId)
        peers.onClusterIdWritten(clusterId)
      },
      (error: unknown) => {
        inbox.post({ type: 'failed', error: error as SynodError })
      },
    )
  }

  /** All founders have written it down. Returns whether that is news. */
  form({ acceptors, clusterId }: Founding): boolean {
    if (this.#isFormed) return false
    const { logger, state } = this.#parts
    state.executor.identify(acceptors)
    logger.info({ clusterId }, `the cluster has formed, with the id ${clusterId}`)
    this.#isFormed = true
    return true
  }
}
