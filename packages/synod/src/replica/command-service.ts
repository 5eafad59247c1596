import type { Call, Calls } from '../call.js'
import { MalformedError } from '../bytes/reader.js'
import { SynodError, type PendingRequest } from '../errors.js'
import { encodeChange } from '../machine/change-codec.js'
import type { Execution } from '../machine/executor.js'
import { outcomeError } from '../machine/outcome.js'
import { type Raise, encodeRaise } from '../machine/raise.js'
import {
  CHANGE_TAG,
  type Request,
  admitRequest,
  encodeChangeRequest,
  encodeRaiseRequest,
  stampRequest,
} from '../machine/request.js'
import { newSessionKey } from '../machine/session-key.js'
import { SessionPool } from '../machine/session-pool.js'
import type { VersionedCommand } from '../machine/session.js'
import type { Change } from '../paxos/membership.js'
import type { Input, Paxos } from '../paxos/paxos.js'
import type { Proposal } from '../paxos/proposer.js'
import type { Value } from '../paxos/value.js'
import type { ChangeGuard } from './change-guard.js'
import type { ChangeQueue } from './change-queue.js'
import type { Clocks } from './clocks.js'
import type { ReplicaCounters } from './replica-counters.js'
import type { Inbox } from './inbox.js'
import type { Settings } from './options.js'
import { type OnOutcome, WaitingRequests } from './waiting-requests.js'
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
  /** Knows whether all members know a command. */
  readonly state: { isKnownByAll(request: Request): boolean }
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
  /** It is time to look for requests that got lost. */
  #isCheckDue = false
  #cancelCheck: () => void = () => undefined

  constructor(parts: CommandServiceParts) {
    const { host, maxWaiting } = parts.settings
    this.#parts = parts
    this.#requests = new WaitingRequests(maxWaiting)
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
   * MalformedError, `not-known-by-all`, `overloaded` and `disk-full`. Returns what gives up on it.
   */
  submit(value: Uint8Array, done: OnOutcome, owner?: object): () => void {
    const { changes, counts, inbox, settings, spaceGuard, state } = this.#parts
    const { clock } = settings.host
    const request = admitRequest(value)
    if (request.kind === 'raise' && owner !== undefined)
      throw new MalformedError('a raise of versions by a client')
    const { sequence, session } = request
    const key = { sequence, session }
    counts.requests++
    counts.unlessRefused(() => {
      if (request.kind === 'command' && !state.isKnownByAll(request)) throw notKnownByAll()
      spaceGuard.check(value)
    })
    const begin = (done: OnOutcome) => {
      const waiting = counts.unlessRefused(() => this.#requests.submit(key, value, clock.now(), done, owner))
      inbox.wake()
      return () => {
        if (!waiting.waits) return
        this.#requests.cancel(waiting)
        inbox.step({ type: 'withdraw', id: waiting.id })
      }
    }
    return value[0] === CHANGE_TAG ? changes.add(begin, done) : begin(done)
  }

  /**
   * What is to be proposed next: at most `most` requests, until there are as many bytes of them.
   */
  takeProposals(most: number, mostBytes: number): Input | undefined {
    const { settings } = this.#parts
    const proposals = [...this.#takeLost(), ...this.#takeNew(most, mostBytes)]
    if (proposals.length === 0) return undefined
    return { type: 'propose', proposals, elsewhere: settings.mode === 'leaderless' && this.#handsOn }
  }

  #takeNew(most: number, mostBytes: number): readonly Proposal[] {
    const { clocks, settings, spaceGuard } = this.#parts
    if (this.#requests.isAllProposed || (!this.#handsOn && !clocks.isKnown)) return []
    const nowMs = settings.host.clock.now()
    const taken = this.#requests.take(most, mostBytes, nowMs, (value) => {
      spaceGuard.check(value)
    })
    const values = this.#prepare(taken.map(({ value }) => value))
    return taken.map(({ id, value }, index) => ({ id, value: values[index] ?? value }))
  }

  /** What went to a leader that is gone, or got lost on the way there. */
  #takeLost(): readonly Proposal[] {
    if (!this.#isCheckDue) return []
    this.#isCheckDue = false
    return this.#handsOn ? this.#requests.takeLost(this.#parts.settings.host.clock.now()) : []
  }

  /**
   * What others hand on to this server. Without space on the disk it is dropped here; they hand it
   * on again, or refuse it.
   */
  takeForwarded(values: readonly Value[]): readonly Value[] {
    return this.#prepare(
      this.#handsOn ? values : values.filter((value) => this.#parts.spaceGuard.passes(value)),
    )
  }

  /**
   * Requests as this server proposes them. The server that proposes a request stamps it, not the
   * one that received it. None while this server does not know the time: the sender forwards them
   * again.
   */
  #prepare(values: readonly Value[]): readonly Value[] {
    const { clocks, guard } = this.#parts
    if (this.#handsOn || values.length === 0) return values
    const timeMs = clocks.stamp()
    if (timeMs === undefined) return []
    return values.map((value) => guard.judge(stampRequest(value, timeMs)))
  }

  /** Answers the callers that wait for these executions. */
  answer(executions: readonly Execution[]): void {
    const { counts, inbox, settings } = this.#parts
    const nowMs = settings.host.clock.now()
    for (const execution of executions) {
      const waited = this.#requests.executed(execution, nowMs)
      if (waited === undefined) continue
      counts.requestSeconds.record((nowMs - waited.arrivedMs) / 1000)
      // In leader mode a proposal ends with its slot; only a leaderless proposer keeps it until it
      // is told.
      if (settings.mode === 'leaderless') inbox.step({ type: 'withdraw', id: waited.id })
    }
  }

  /** The leader is another one: it is handed everything that waits here. */
  restart(): void {
    if (!this.#handsOn) this.#parts.guard.begin()
    this.#requests.restart()
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
      const giveUp = this.submit(value, (outcome) => {
        if (!(outcome instanceof SynodError) && outcome.status === 'done') call.resolve(outcome.result)
        else refuse(call, outcome instanceof SynodError ? outcome : outcomeError(outcome))
      })
      call.state = 'sent'
      call.onOver(giveUp)
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
