import type { Call, Calls } from '../call.js'
import { MalformedError } from '../bytes/reader.js'
import { toKeep } from '../bytes/to-keep.js'
import { SynodError, type PendingRequest } from '../errors.js'
import { encodeBatch, isBatch, unpackBatch } from '../machine/batch.js'
import { encodeChange } from '../machine/change-codec.js'
import type { Execution } from '../machine/executor.js'
import { type Outcome, outcomeError } from '../machine/outcome.js'
import { type Raise, encodeRaise } from '../machine/raise.js'
import {
  CHANGE_TAG,
  type Request,
  type RequestKey,
  admitRequest,
  encodeChangeRequest,
  encodeRaiseRequest,
  stampValue,
} from '../machine/request.js'
import { type SessionKey, newSessionKey } from '../machine/session-key.js'
import { SessionPool } from '../machine/session-pool.js'
import type { VersionedCommand } from '../machine/session.js'
import type { Change } from '../paxos/membership.js'
import type { Input, Paxos } from '../paxos/paxos.js'
import type { Proposal } from '../paxos/proposer.js'
import type { Value } from '../paxos/value.js'
import type { Caller, Operation } from './caller.js'
import type { ChangeGuard } from './change-guard.js'
import type { ChangeQueue } from './change-queue.js'
import type { Clocks } from './clocks.js'
import type { ReplicaCounters } from './replica-counters.js'
import { Gathering } from './gathering.js'
import type { Inbox } from './inbox.js'
import type { Settings } from './options.js'
import { slotsOf, valueOf } from './packing.js'
import { WaitingRequests, type WaitingRequest } from './waiting-requests.js'
import type { SpaceGuard } from './space-guard.js'

/** How often a replica looks for requests that got lost on their way to another server. */
const CHECK_LOST_MS = 500

export interface CommandServiceParts {
  readonly settings: Settings
  readonly calls: Calls
  readonly paxos: Paxos
  readonly counts: ReplicaCounters
  readonly guard: ChangeGuard
  readonly changes: ChangeQueue
  readonly clocks: Clocks
  readonly spaceGuard: SpaceGuard
  /** Knows what all members know. */
  readonly state: { readonly format: number; isKnownByAll(request: Request): boolean }
  readonly inbox: Pick<Inbox, 'step' | 'wake'>
}

/**
 * The way of a command through its replica: taken from a client or a caller in this process,
 * proposed until it is executed, answered.
 */
export class CommandService {
  readonly #parts: CommandServiceParts
  readonly #requests: WaitingRequests
  /** Those of the callers in this process. */
  readonly #sessions: SessionPool
  readonly #gathering = new Gathering()
  #dueMs = Infinity
  /** Of the request before: those of one client come together. */
  #lastSession: SessionKey = ''
  /** It is time to look for requests that got lost. */
  #isCheckDue = false
  #cancelCheck: () => void = () => undefined

  constructor(parts: CommandServiceParts) {
    const { host, maxWaiting } = parts.settings
    this.#parts = parts
    this.#requests = new WaitingRequests(maxWaiting, (id) => {
      parts.inbox.step({ type: 'withdraw', id })
    })
    this.#sessions = new SessionPool(
      (value, call) => {
        this.#submitOwn(value, call)
      },
      () => newSessionKey(host.randomBytes),
      () => parts.calls.start<Uint8Array>('connect', {}),
    )
  }

  /** How many requests wait to be executed. */
  get waiting(): number {
    return this.#requests.size
  }

  /**
   * Has an encoded command of a caller in this process executed, or an earlier request of one
   * resumed; `call` gets its encoded result.
   */
  execute(command: VersionedCommand, call: Call<Uint8Array>, resume?: PendingRequest): void {
    this.#sessions.execute(command, call, resume)
  }

  /** Has the membership changed. */
  change(change: Change, call: Call<Uint8Array>): void {
    const { randomBytes } = this.#parts.settings.host
    this.#submitOwn(encodeChangeRequest(newSessionKey(randomBytes), encodeChange(change)), call)
  }

  /** Raises what the members have agreed on. */
  raise(raise: Raise, call: Call<Uint8Array>): void {
    const { randomBytes } = this.#parts.settings.host
    this.#submitOwn(encodeRaiseRequest(newSessionKey(randomBytes), encodeRaise(raise)), call)
  }

  /**
   * Takes an encoded request; `owner` is its client, none for a caller in this process. Throws
   * MalformedError, `not-known-by-all`, `overloaded` and `disk-full`.
   */
  submit(value: Uint8Array, caller: Caller<Outcome>, owner?: object): Operation {
    const { changes, counts, spaceGuard, state } = this.#parts
    const request = admitRequest(value)
    if (request.kind === 'raise' && owner !== undefined)
      throw new MalformedError('a raise of versions by a client')
    counts.requests++
    if (!request.isOf(this.#lastSession)) this.#lastSession = request.session
    try {
      if (request.kind === 'command' && !state.isKnownByAll(request)) throw notKnownByAll()
      spaceGuard.check(value)
    } catch (error) {
      throw counts.refusal(error)
    }
    if (value[0] !== CHANGE_TAG) return this.#submit(request, value, caller, owner)
    const kept = toKeep(value)
    return changes.add((again) => this.#submit(request, kept, again, owner), caller)
  }

  #submit(key: RequestKey, value: Uint8Array, caller: Caller<Outcome>, owner?: object): Operation {
    const { counts, inbox, settings } = this.#parts
    try {
      const waiting = this.#requests.submit(key, value, settings.host.clock.now(), caller, owner)
      inbox.wake()
      return waiting
    } catch (error) {
      throw counts.refusal(error)
    }
  }

  /**
   * What is to be proposed next: at most `most` requests, until there are as many bytes of them.
   */
  takeProposals(most: number, mostBytes: number): Input | undefined {
    const { settings } = this.#parts
    const lost = this.#takeLost()
    const fresh = this.#takeNew(most, mostBytes)
    const taken = lost.length === 0 ? fresh : [...lost, ...fresh]
    const proposals = taken.length === 0 ? [] : this.#pack(taken)
    if (taken.length === 0) return undefined
    const elsewhere = settings.mode === 'leaderless' && this.#handsOn
    return { type: 'propose', proposals, elsewhere }
  }

  #takeNew(most: number, mostBytes: number): readonly WaitingRequest[] {
    const { clocks, paxos, settings, spaceGuard } = this.#parts
    this.#dueMs = Infinity
    if (this.#requests.isAllProposed || (!this.#handsOn && !clocks.isKnown)) return []
    const nowMs = settings.host.clock.now()
    const { chosen, flights } = paxos
    const untilMs = this.#gathering.untilMs({ ...this.#requests.queued, chosen, flights }, nowMs)
    if (untilMs > nowMs) {
      this.#dueMs = untilMs
      return []
    }
    return this.#requests.take(most, mostBytes, nowMs, (value) => {
      spaceGuard.check(value)
    })
  }

  /** When it wants another turn, at the latest. */
  get dueMs(): number {
    return this.#dueMs
  }

  /**
   * One proposal for each slot. The server that proposes a request stamps it, not the one that
   * received it. None while this server does not know the time.
   */
  #pack(requests: readonly WaitingRequest[]): readonly Proposal[] {
    const handsOn = this.#handsOn
    const { clocks, guard, paxos, settings, state } = this.#parts
    const timeMs = handsOn ? 0 : clocks.stamp()
    if (timeMs === undefined) return []
    // Only a leaderless proposer keeps a proposal until it is told that none waits for it.
    const isKept = settings.mode === 'leaderless' && !handsOn
    const slots = slotsOf(requests, state.format)
    this.#gathering.proposed(paxos.log.state.voted + slots.length, settings.host.clock.now())
    return slots.map((ofSlot) => {
      const value = valueOf(ofSlot, timeMs, state.format)
      const id = isKept ? this.#requests.proposedTogether(ofSlot) : 0
      return { id, value: handsOn ? value : guard.judge(value) }
    })
  }

  /** What went to a leader that is gone, or got lost on the way there. */
  #takeLost(): readonly WaitingRequest[] {
    if (!this.#isCheckDue) return []
    this.#isCheckDue = false
    return this.#handsOn ? this.#requests.takeLost(this.#parts.settings.host.clock.now()) : []
  }

  /**
   * What others hand on to this server, as it proposes it; nothing while it does not know the time,
   * and what takes space is dropped where that is scarce. They hand it on again, or refuse it.
   */
  takeForwarded(values: readonly Value[]): readonly Value[] {
    if (this.#handsOn) return values
    const { clocks, guard, spaceGuard } = this.#parts
    const timeMs = clocks.stamp()
    if (timeMs === undefined) return []
    const passing = spaceGuard.isScarce ? values.flatMap((value) => this.#passingIn(value)) : values
    return passing.map((value) => guard.judge(stampValue(value, timeMs)))
  }

  /** What of a value does not take space. */
  #passingIn(value: Value): readonly Value[] {
    const { spaceGuard } = this.#parts
    if (!isBatch(value)) return spaceGuard.passes(value) ? [value] : []
    const passing = unpackBatch(value).filter((request) => spaceGuard.passes(request.value))
    return passing.length === 0 ? [] : [encodeBatch(passing, 0)]
  }

  /** Answers the callers that wait for these executions. */
  answer(executions: readonly Execution[]): void {
    const { counts, settings } = this.#parts
    const nowMs = settings.host.clock.now()
    for (const execution of executions) {
      const waited = this.#requests.executed(execution, nowMs)
      if (waited !== undefined) counts.requestSeconds.record((nowMs - waited.arrivedMs) / 1000)
    }
  }

  /** The leader is another one: it is handed everything that waits here. */
  restart(): void {
    if (!this.#handsOn) this.#parts.guard.begin()
    this.#gathering.restart()
    this.#requests.restart()
  }

  turnEnded(): void {
    this.#requests.turnEnded()
  }

  /** A snapshot took the place of slots that were not executed here. */
  skipped(): void {
    this.#requests.skipped()
  }

  /** From now on it looks for requests that got lost. */
  begin(): void {
    const { inbox, settings } = this.#parts
    this.#isCheckDue = true
    inbox.wake()
    this.#cancelCheck()
    this.#cancelCheck = settings.host.clock.timer(CHECK_LOST_MS, () => {
      this.begin()
    })
  }

  stop(): void {
    this.#cancelCheck()
  }

  /** Whether others propose what waits here. */
  get #handsOn(): boolean {
    const { paxos, settings, spaceGuard } = this.#parts
    const { leader, role } = paxos
    if (settings.mode === 'leader') return leader !== undefined && leader !== settings.id
    return role === 'learner' || spaceGuard.leavesToOthers
  }

  #submitOwn(value: Uint8Array, call: Call<Uint8Array>): void {
    try {
      const done = (outcome: Outcome | SynodError) => {
        if (!(outcome instanceof SynodError) && outcome.status === 'done') call.resolve(outcome.result)
        else refuse(call, outcome instanceof SynodError ? outcome : outcomeError(outcome))
      }
      const operation = this.submit(value, { done })
      call.state = 'sent'
      call.onOver(() => {
        operation.giveUp()
      })
    } catch (error) {
      if (error instanceof SynodError) refuse(call, error)
      else call.reject(error as Error)
    }
  }
}

function refuse(call: Call<Uint8Array>, error: SynodError): void {
  call.refused(error.code)
  call.reject(error)
}

function notKnownByAll(): SynodError {
  return new SynodError(
    'not-known-by-all',
    'not all members of the cluster know this command yet: upgrade the state machine on all of them first',
  )
}
