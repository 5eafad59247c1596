import type { Call } from '../call.js'
import { unansweredError } from '../unanswered.js'
import type { ClusterId } from '../cluster/cluster-id.js'
import { type ErrorCode, SynodError } from '../errors.js'
import { commandFailed } from '../machine/outcome.js'
import type { Fail, ReplicaMessage } from '../net/client/messages.js'
import type { Address } from '../net/transport/network.js'
import type { Slot } from '../paxos/ballot.js'
import { MAX_RETRY_MS, MIN_RETRY_MS, overloaded } from '../service-pace.js'
import { Endpoint, type EndpointOptions } from './endpoint.js'
import { Favourite } from './favourite.js'
import { OutageReport } from './outage-report.js'
import { type ClientQuestion, Pending, type PendingOwner, type Routing } from './pending.js'
import { HandleTable } from './handle-table.js'
import { chooseTarget } from './target.js'

export interface EndpointsOptions extends EndpointOptions {
  readonly addresses: readonly Address[]
  /** In leaderless mode all replicas are asked at once. */
  readonly broadcast: boolean
  /** Whether what is refused as `overloaded` is asked again. */
  readonly retryOverloaded: boolean
}

/** Why one replica does not take a command that another one may take. */
const LOCAL_REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['disk-full', 'not-known-by-all'])

type AnyCall = Pick<Call<unknown>, 'over' | 'onOver' | 'reject'>

/**
 * The replicas that a client knows of. A question goes to the leader (leader mode), or to the
 * favourite and to all when that is late (leaderless mode); and to another one when a connection
 * breaks, the leader changes, or who was asked falls silent.
 */
export class Endpoints implements PendingOwner {
  readonly #options: EndpointsOptions
  readonly #endpoints: readonly Endpoint[]
  /** The replicas that have let this client in. */
  #up: readonly Endpoint[] = []
  readonly #pending = new HandleTable<Pending>()
  /** What waits until any replica has let this client in. */
  readonly #untilUp = new Map<AnyCall, () => void>()
  /** Whom to ask in leader mode: the leader, or else one that knows it. */
  #target: Endpoint | undefined
  /** Whom to ask first in leaderless mode. */
  readonly #favourite: Favourite<Endpoint>
  #flushing = false
  /** Whose turn it is to answer a stale read. */
  #turn = 0
  readonly #outage: OutageReport
  #seen: Slot = 0
  /**
   * The cluster that this client was connected to first: it has no other for the rest of its life.
   */
  #clusterId: ClusterId | null = null
  /** The one of which patient questions are asked. */
  #followed: Endpoint | undefined

  constructor(options: EndpointsOptions) {
    this.#options = options
    this.#endpoints = options.addresses.map((address, index) => this.#open(address, 1 << index))
    this.#favourite = new Favourite(options.clock, (notSinceMs) => {
      this.#askAllOf(notSinceMs)
    })
    this.#outage = new OutageReport({
      clock: options.clock,
      isOut: () => this.#waitsForQuorum && this.#knowsNoQuorum(this.#up),
      ask: (newCall) => {
        for (const [index, { welcome }] of this.#endpoints.entries()) {
          if (welcome !== null) this.sendTo(index, { type: 'status', request: 0 }, newCall())
        }
      },
    })
  }

  get addresses(): string[] {
    return this.#endpoints.map(({ name }) => name)
  }

  /** The highest slot that an answer was from. */
  get seen(): Slot {
    return this.#seen
  }

  /** The call resolves once any replica has let this client in. */
  whenUp(call: Call<undefined>): void {
    this.#whenUp(call, () => {
      call.resolve(undefined)
    })
  }

  /** Throws `too-large`, where the replicas have said what they take. */
  checkSize(sizeBytes: number): void {
    const limitBytes = this.#up[0]?.welcome?.maxCommandBytes ?? Infinity
    if (sizeBytes <= limitBytes) return
    throw new SynodError(
      'too-large',
      `a command or query of ${sizeBytes} bytes was not sent: the most is ${limitBytes}`,
    )
  }

  /** Asks replicas that can answer, as often as it takes, until the call is over. */
  send(question: ClientQuestion, call: Call<Uint8Array>): void {
    const pending = this.#add(question, call)
    if (pending === undefined) return
    this.#ask(pending)
    if (this.#target === undefined) this.#outage.refresh()
  }

  /** One that can be reached, if there is any. */
  get responsive(): number {
    const [first] = this.#responsive()
    return first === undefined ? 0 : this.#endpoints.indexOf(first)
  }

  /** Asks one endpoint, once, as soon as it is known whether it can be reached. */
  sendTo(index: number, question: ClientQuestion, call: Call<Uint8Array>): void {
    const endpoint = this.#endpoints[index]
    if (endpoint === undefined) return
    const ask = () => {
      const pending = this.#add(question, call)
      if (pending === undefined) return
      if (endpoint.welcome === null) call.reject(this.#noAnswer([endpoint]))
      else this.#askOne(pending, endpoint)
    }
    endpoint.wake()
    endpoint.whenTried(ask)
  }

  /** Asks one endpoint that can be reached, once, as soon as there is one. */
  sendToOne(question: ClientQuestion, call: Call<Uint8Array>): void {
    this.#whenUp(call, () => {
      this.sendTo(this.responsive, question, call)
    })
  }

  /** For a question of this client: its call is over. */
  onOver(pending: Pending, error: Error | undefined): void {
    this.#pending.remove(pending.question.request)
    pending.cancelRetry?.()
    if (error !== undefined) this.#cancel(pending)
  }

  /** Why a question was not answered in time. */
  timeoutError(timeoutMs: number): SynodError {
    const up = this.#up
    if (up.length === 0) {
      const { message } = this.#noAnswer(this.#endpoints)
      return new SynodError(
        'unreachable',
        `${message} within ${timeoutMs} ms: check that the replicas run, and listen for clients there`,
      )
    }
    return unansweredError(timeoutMs, this.#knowsNoQuorum(up) ? this.#outage.text : null)
  }

  close(): void {
    this.#outage.close()
    this.#favourite.stop()
    for (const endpoint of this.#endpoints) endpoint.close()
  }

  #open(address: Address, bit: number): Endpoint {
    return new Endpoint(address, bit, this.#options, {
      clusterId: () => this.#clusterId,
      isAwaited: (endpoint) => this.#isAwaited(endpoint),
      onUp: (endpoint, { clusterId }) => {
        this.#onUpChanged()
        if (clusterId !== null) this.#learn(clusterId, endpoint)
        for (const [call, run] of this.#untilUp) if (this.#untilUp.delete(call)) run()
        this.#onUp(endpoint)
      },
      onDown: (endpoint) => {
        this.#onDown(endpoint)
      },
      onRefused: (refusal) => {
        this.#failIfAllRefuse(refusal)
      },
      onSilent: (endpoint) => {
        this.#onSilent(endpoint)
      },
      onReceived: (endpoint, batch, wasSilent) => {
        if (wasSilent) this.#retarget()
        for (const message of batch) this.#receive(endpoint, message)
      },
    })
  }

  #whenUp(call: AnyCall, run: () => void): void {
    for (const endpoint of this.#endpoints) endpoint.wake()
    if (call.over || this.#up.length > 0) {
      run()
      return
    }
    this.#untilUp.set(call, run)
    call.onOver(() => this.#untilUp.delete(call))
  }

  get #waitsForQuorum(): boolean {
    for (const { routing } of this.#pending.values()) if (routing === 'leader') return true
    return false
  }

  #knowsNoQuorum(up: readonly Endpoint[]): boolean {
    return up.length > 0 && up.every(({ hint }) => hint === null || hint.server === 0)
  }

  /** The endpoints that are up and not silent; all that are up if they are all silent. */
  #responsive(): readonly Endpoint[] {
    if (!this.#up.some(isSilent)) return this.#up
    const some = this.#up.filter((endpoint) => !isSilent(endpoint))
    return some.length > 0 ? some : this.#up
  }

  #add(question: ClientQuestion, call: Call<Uint8Array>): Pending | undefined {
    if (call.over) return undefined
    const pending = new Pending(question, call, this)
    question.request = this.#pending.add(pending)
    call.watch(pending)
    return pending
  }

  #cancel({ asked, question: { request } }: Pending): void {
    for (const { bit, link } of this.#endpoints) {
      if ((asked & bit) !== 0) link.send({ type: 'cancel', request })
    }
    this.#flushNext()
  }

  #ask(pending: Pending): void {
    for (const endpoint of this.#endpoints) endpoint.wake()
    const first = this.#firstToAsk(pending.routing)
    if (first === undefined) return
    if (isForQuorum(pending, first)) this.#askQuorum(pending)
    else this.#askOne(pending, first)
    if (pending.asked === 0) this.#onRefused(pending, overloaded('too much waits to be sent', MIN_RETRY_MS))
  }

  /** Leaderless mode. */
  #askQuorum(pending: Pending): void {
    const { one } = this.#favourite
    if (one === undefined || this.#options.broadcast) pending.isForAll = true
    if (pending.isForAll) {
      for (const endpoint of this.#up) this.#askOne(pending, endpoint)
    } else if (one !== undefined) {
      this.#favourite.asked(pending, one)
      this.#askOne(pending, one)
    }
  }

  /** The favourite has not answered what it was asked then or before: all are asked. */
  #askAllOf(notSinceMs: number): void {
    let waitsSinceMs = Infinity
    for (const pending of this.#pending.values()) {
      // What was refused as `overloaded` is asked of one again: of all, it would add to the load.
      if (pending.isForAll || pending.first === undefined || pending.cancelRetry !== undefined) continue
      if (pending.askedMs > notSinceMs) {
        waitsSinceMs = Math.min(waitsSinceMs, pending.askedMs)
      } else {
        pending.isForAll = true
        this.#ask(pending)
      }
    }
    if (waitsSinceMs !== Infinity) this.#favourite.waitFor(waitsSinceMs)
  }

  /** The only one to ask, where it is not every one that is up. */
  #firstToAsk(routing: Routing): Endpoint | undefined {
    if (routing === 'leader' && this.#target?.welcome?.mode === 'leader') return this.#target
    const up = this.#responsive()
    if (routing === 'patient') return this.#firstToFollow(up)
    return up[routing === 'any' ? this.#turn++ % up.length : 0]
  }

  /** The same one as long as it is in touch with a quorum: another one may be behind. */
  #firstToFollow(up: readonly Endpoint[]): Endpoint | undefined {
    const inTouch = up.filter(({ hint }) => hint?.server !== 0)
    const usable = inTouch.length > 0 ? inTouch : up
    const isUsable = usable.some((endpoint) => endpoint === this.#followed)
    if (!isUsable) this.#followed = usable[Math.floor(this.#options.random() * usable.length)]
    return this.#followed
  }

  #askOne(pending: Pending, endpoint: Endpoint): void {
    if ((pending.asked & endpoint.bit) !== 0 || !endpoint.link.send(pending.question)) return
    pending.asked |= endpoint.bit
    if (pending.routing === 'leader' || pending.routing === 'any') endpoint.silence.onAsked()
    this.#flushNext()
    pending.call.state = 'sent'
  }

  #onUpChanged(): void {
    this.#up = this.#endpoints.filter(({ welcome }) => welcome !== null)
  }

  #onUp(endpoint: Endpoint): void {
    for (const pending of this.#pending.values()) {
      if (this.#isLeft(pending) || (pending.isForAll && isForQuorum(pending, endpoint))) this.#ask(pending)
    }
  }

  #onDown(endpoint: Endpoint): void {
    this.#onUpChanged()
    this.#retarget()
    for (const pending of this.#pending.values()) {
      if ((pending.asked & endpoint.bit) === 0) continue
      pending.asked &= ~endpoint.bit
      pending.call.wasLost = true
      if (pending.routing === 'one') pending.call.reject(this.#noAnswer([endpoint]))
      else if (this.#isLeft(pending)) this.#ask(pending)
    }
  }

  /** A request that only silent replicas have goes to another one too. The first answer counts. */
  #onSilent({ bit, name }: Endpoint): void {
    this.#options.logger.warn({ endpoint: name }, `${name} does not answer: asking others too`)
    this.#retarget()
    for (const pending of this.#pending.values()) {
      if ((pending.asked & bit) !== 0 && this.#isLeft(pending)) this.#ask(pending)
    }
  }

  /** Whether it has anything that may be asked of another one. */
  #isAwaited({ bit }: Endpoint): boolean {
    for (const { asked, routing } of this.#pending.values())
      if ((asked & bit) !== 0 && (routing === 'leader' || routing === 'any')) return true
    return false
  }

  /**
   * Whether none has it that says anything, though it may be asked of any, and does not wait for
   * its next attempt.
   */
  #isLeft({ asked, cancelRetry, routing }: Pending): boolean {
    if (routing === 'one' || cancelRetry !== undefined) return false
    return !this.#endpoints.some(({ bit, silence }) => (asked & bit) !== 0 && !silence.isSilent)
  }

  #receive(endpoint: Endpoint, message: ReplicaMessage): void {
    switch (message.type) {
      case 'reply': {
        const pending = this.#pending.get(message.request)
        this.#seen = Math.max(this.#seen, message.slot)
        if (pending === undefined) return
        if (isForQuorum(pending, endpoint)) this.#favourite.answered(pending, endpoint)
        pending.call.slot = message.slot
        pending.call.resolve(message.result)
        break
      }
      case 'fail':
        this.#onFail(endpoint, message)
        break
      case 'leader':
        endpoint.hint = message
        this.#retarget()
        this.#outage.refresh()
        if (message.server === 0) this.#leaveFollowed(endpoint)
        break
      case 'formed':
        this.#onFormed(endpoint, message.clusterId)
        break
      case 'rest':
        endpoint.link.rest()
        break
    }
  }

  /** It is out of touch with a quorum: what comes may come elsewhere. The first answer counts. */
  #leaveFollowed(endpoint: Endpoint): void {
    if (endpoint !== this.#followed) return
    this.#followed = undefined
    for (const pending of this.#pending.values())
      if (pending.routing === 'patient' && (pending.asked & endpoint.bit) !== 0) this.#ask(pending)
  }

  /**
   * Replicas that have not said of which cluster they are must say so now: what waits there may not
   * be executed in another one.
   */
  #learn(clusterId: ClusterId, from: Endpoint): void {
    if (this.#clusterId !== null) return
    this.#clusterId = clusterId
    for (const endpoint of this.#endpoints)
      if (endpoint !== from && endpoint.welcome?.clusterId === null) endpoint.link.redial()
  }

  #onFormed(endpoint: Endpoint, clusterId: ClusterId): void {
    this.#learn(clusterId, endpoint)
    endpoint.onFormed(clusterId)
  }

  #onFail(endpoint: Endpoint, { code, message, request, retryAfterMs }: Fail): void {
    const pending = this.#pending.get(request)
    if (pending === undefined) return
    pending.asked &= ~endpoint.bit
    if (pending.asked === 0 || code === 'command-failed') pending.call.refused(code)
    if (code === 'overloaded') this.#onRefused(pending, overloadedBy(message, retryAfterMs))
    // As with one that is too busy, another one may give an answer.
    else if (LOCAL_REFUSALS.has(code) && (pending.asked !== 0 || this.#askOthers(pending, endpoint))) return
    else if (code === 'command-failed') pending.call.reject(commandFailed(message))
    else pending.call.reject(new SynodError(code, message))
  }

  /** The favourite will not take this: returns whether any other one is asked. */
  #askOthers(pending: Pending, refusing: Endpoint): boolean {
    if (pending.isForAll || !isForQuorum(pending, refusing)) return false
    pending.isForAll = true
    this.#favourite.refused(refusing)
    for (const endpoint of this.#up) if (endpoint !== refusing) this.#askOne(pending, endpoint)
    return pending.asked !== 0
  }

  /**
   * When all replicas are too busy, the request is sent again: not before the time they named,
   * twice as late after each refusal, and at random up to as late again, so that refused clients
   * spread.
   */
  #onRefused(pending: Pending, error: SynodError): void {
    const { call, routing } = pending
    const { clock, random, retryOverloaded } = this.#options
    const namedMs = error.retryAfterMs ?? 0
    pending.retryAfterMs = Math.min(pending.retryAfterMs || namedMs, namedMs)
    if (pending.asked !== 0) return
    const waitMs = Math.min(pending.retryAfterMs * 2 ** pending.refusals++, MAX_RETRY_MS) * (1 + random())
    pending.retryAfterMs = 0
    const mayRetry = retryOverloaded && routing !== 'one' && waitMs > 0
    if (!mayRetry || clock.now() + waitMs >= call.untilMs) {
      call.reject(error)
      return
    }
    pending.cancelRetry = clock.timer(waitMs, () => {
      pending.cancelRetry = undefined
      if (this.#isLeft(pending)) this.#ask(pending)
    })
  }

  /**
   * A new target is asked everything that is unanswered: the old leader may not know that it is
   * deposed.
   */
  #retarget(): void {
    const target = chooseTarget(this.#endpoints)
    if (target === this.#target) return
    this.#target = target
    if (target?.welcome?.mode !== 'leader') return
    for (const pending of this.#pending.values()) {
      if (pending.routing === 'leader') this.#askOne(pending, target)
    }
  }

  #failIfAllRefuse(error: SynodError): void {
    const refuses = ({ refusal }: Endpoint) => refusal !== null && refusal.code !== 'unreachable'
    if (!this.#endpoints.every(refuses)) return
    for (const call of this.#untilUp.keys()) call.reject(error)
    for (const { call } of this.#pending.values()) call.reject(error)
  }

  #noAnswer(endpoints: readonly Endpoint[]): SynodError {
    const reasons = endpoints.map(({ reason, name }) => (reason === undefined ? name : `${name} (${reason})`))
    return new SynodError('unreachable', `no answer from ${reasons.join(', ')}`)
  }

  #flushNext(): void {
    if (this.#flushing) return
    this.#flushing = true
    this.#options.clock.next(this.#flush)
  }

  readonly #flush = () => {
    this.#flushing = false
    for (const { link } of this.#endpoints) link.flush()
  }
}

/** Whether a question is for all replicas where this one is: any of them may propose. */
function isForQuorum({ routing }: Pending, { welcome }: Endpoint): boolean {
  return routing === 'leader' && welcome?.mode === 'leaderless'
}

function isSilent({ silence }: Endpoint): boolean {
  return silence.isSilent
}

function overloadedBy(message: string, retryAfterMs: number): SynodError {
  return new SynodError('overloaded', message, retryAfterMs === 0 ? {} : { retryAfterMs })
}
