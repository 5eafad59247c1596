import type { Clock } from '../clock.js'
import type { ClusterId } from '../cluster/cluster-id.js'
import { SynodError } from '../errors.js'
import type { Logger } from '../logger.js'
import { type ClientLink, openClientLink } from '../net/client/link.js'
import type { LeaderHint, ReplicaMessage } from '../net/client/messages.js'
import type { ClientWelcome } from '../net/hello.js'
import { LONGEST_WAIT_MS } from '../net/transport/link.js'
import { type Address, type Network, formatAddress } from '../net/transport/network.js'
import { SilenceDetector } from './silence-detector.js'

export interface EndpointOptions {
  readonly network: Network
  readonly clock: Clock
  readonly random: () => number
  readonly cluster: string
  readonly logger: Logger
}

/** What an endpoint asks its owner, and tells it. */
export interface EndpointEvents {
  /** The cluster that this client was connected to first; null before. */
  clusterId(): ClusterId | null
  /** Whether the replica has been asked anything that another one may be asked too. */
  isAwaited(endpoint: Endpoint): boolean
  /** The replica has let this client in. */
  onUp(endpoint: Endpoint, welcome: ClientWelcome): void
  /** The connection is gone, and what was asked over it may never be answered. */
  onDown(endpoint: Endpoint): void
  /** The replica does not want this client. */
  onRefused(refusal: SynodError): void
  /** The replica has said nothing for so long that others are to be asked too. */
  onSilent(endpoint: Endpoint): void
  /** Messages of the replica, and whether it was silent until they came. */
  onReceived(endpoint: Endpoint, batch: readonly ReplicaMessage[], wasSilent: boolean): void
}

/** One address of a client: the link to the replica there, and what that replica has told. */
export class Endpoint {
  /** One bit of its own, for sets of endpoints. */
  readonly bit: number
  readonly name: string
  readonly link: ClientLink
  /** While the replica is silent, others are asked too, if there are any. */
  readonly silence: SilenceDetector
  hint: LeaderHint | null = null
  readonly #events: EndpointEvents
  #welcome: ClientWelcome | null = null
  #refusal: SynodError | null = null
  /** Wait for the outcome of the first dial, and of that after a rest; null after it. */
  #untried: (() => void)[] | null = []

  constructor(address: Address, bit: number, options: EndpointOptions, events: EndpointEvents) {
    const { clock, cluster, logger } = options
    const name = formatAddress(address)
    this.bit = bit
    this.name = name
    this.#events = events
    this.silence = new SilenceDetector(clock, {
      isAwaited: () => events.isAwaited(this),
      onSilent: () => {
        events.onSilent(this)
      },
    })
    this.link = openClientLink({
      ...options,
      isAtRest: true,
      address,
      hello: () => ({ type: 'client-hello', cluster, clusterId: events.clusterId() }),
      judge: (welcome) => this.#judge(welcome.clusterId),
      onUp: (welcome) => {
        this.#welcome = welcome
        this.#refusal = null
        this.#onTried()
        events.onUp(this, welcome)
      },
      onUnreachable: () => {
        this.#onTried()
      },
      onDown: (reason) => {
        logger.warn({ endpoint: name, reason }, `lost the connection to ${name}: ${reason}`)
        this.#welcome = null
        this.hint = null
        this.silence.reset()
        events.onDown(this)
      },
      onRefused: (code, reason) => {
        const level = code === 'unreachable' ? 'warn' : 'error'
        logger[level]({ endpoint: name, code }, `${name} refuses this client: ${reason}`)
        // By then the link has dialled again.
        const retryAfterMs = code === 'overloaded' ? LONGEST_WAIT_MS : undefined
        this.#refusal = new SynodError(code, `${name} refuses this client: ${reason}`, { retryAfterMs })
        events.onRefused(this.#refusal)
      },
      onMessages: (batch) => {
        events.onReceived(this, batch, this.silence.onReceived())
      },
    })
  }

  /** What the replica said when it let this client in; null while it is not connected. */
  get welcome(): ClientWelcome | null {
    return this.#welcome
  }

  /**
   * Why the replica does not want this client; null if it has not said so. With the code
   * `unreachable` it only cannot tell yet.
   */
  get refusal(): SynodError | null {
    return this.#refusal
  }

  /** Why there is no connection, as far as that is known. */
  get reason(): string | undefined {
    return this.#refusal?.message ?? this.link.status().reason
  }

  /** Connects, if the link rests. */
  wake(): void {
    if (this.link.wake()) this.#untried ??= []
  }

  /** Runs once it is known whether the replica can be reached. */
  whenTried(run: () => void): void {
    if (this.#untried === null) run()
    else this.#untried.push(run)
  }

  /** The replica's cluster has formed. One that is not this client's is not asked anything. */
  onFormed(clusterId: ClusterId): void {
    if (this.#welcome !== null) this.#welcome = { ...this.#welcome, clusterId }
    if (this.#judge(clusterId) !== undefined) this.link.redial()
  }

  close(): void {
    this.silence.stop()
    this.link.close()
  }

  #onTried(): void {
    const untried = this.#untried
    this.#untried = null
    for (const run of untried ?? []) run()
  }

  /** Why the replica is none of the cluster that this client belongs to. */
  #judge(clusterId: ClusterId | null): SynodError | undefined {
    const own = this.#events.clusterId()
    if (own === null || clusterId === own) return undefined
    if (clusterId === null) return new SynodError('unreachable', 'it has not formed a cluster yet')
    return new SynodError(
      'wrong-cluster',
      `it belongs to another cluster, with the id ${clusterId}: this client was connected to the one with the id ${own}`,
    )
  }
}
