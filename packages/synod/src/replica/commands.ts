import type { Call } from '../call.js'
import { MalformedError } from '../bytes/reader.js'
import { SynodError } from '../errors.js'
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
import { Session } from '../machine/session.js'
import type { Change } from '../paxos/membership.js'
import type { Paxos } from '../paxos/paxos.js'
import type { Proposal } from '../paxos/proposer.js'
import type { Value } from '../paxos/value.js'
import type { ChangeGuard } from './change-guard.js'
import type { Clocks } from './clocks.js'
import type { Counts } from './counts.js'
import type { Driver } from './driver.js'
import type { Members } from './members.js'
import type { Settings } from './options.js'
import { type Done, Requests } from './requests.js'
import type { SpaceGuard } from './space-guard.js'

/** So often a replica looks for requests that got lost on their way to another server. */
const LOOK_FOR_LOST_MS = 500

/** What the commands of a replica need of it. */
export interface CommandsParts {
  readonly settings: Settings
  readonly paxos: Paxos
  readonly driver: Driver
  readonly counts: Counts
  readonly guard: ChangeGuard
  readonly clocks: Clocks
  readonly spaceGuard: SpaceGuard
  /** Whether all members know a command. */
  readonly isKnownByAll: (request: Request) => boolean
  /** Has a change of the membership wait for the one before it. */
  readonly inTurn: Members['inTurn']
  /** The call in which the replica's own session is opened. */
  readonly openCall: () => Call<Uint8Array>
}

/** The way of a command through its replica: taken from a client or a caller in this process, proposed until it is executed, answered. */
export class Commands {
  readonly #parts: CommandsParts
  readonly #requests: Requests
  /** In which the callers in this process are numbered. */
  readonly #session: Session
  /** Requests that have been executed, and that the core has yet to be told of. */
  readonly #executed: number[] = []
  #cancelLook: () => void = () => undefined

  constructor(parts: CommandsParts) {
    const { host, maxWaiting } = parts.settings
    this.#parts = parts
    this.#requests = new Requests(maxWaiting)
    this.#session = new Session(
      (value, call) => {
        this.#submitOwn(value, call)
      },
      () => newSessionKey(host.randomBytes),
      parts.openCall,
    )
  }

  /** How many requests wait to be executed. */
  get waiting(): number {
    return this.#requests.size
  }

  /**
   * Has an encoded command of a caller in this process executed, which is known from this version on; `call` is told of its encoded
   * result.
   */
  execute(command: Uint8Array, version: number, call: Call<Uint8Array>): void {
    this.#session.execute(command, version, call)
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
   * Takes an encoded request, of a client where it has an owner. Throws MalformedError, `not-known-by-all`, `overloaded` and `disk-full`.
   * Returns what gives up on it.
   */
  submit(value: Uint8Array, done: Done, owner?: object): () => void {
    const { counts, driver, inTurn, isKnownByAll, settings, spaceGuard } = this.#parts
    const { clock } = settings.host
    const request = admitRequest(value)
    if (request.kind === 'raise' && owner !== undefined)
      throw new MalformedError('a raise of versions by a client')
    const { sequence, session } = request
    const key = { sequence, session }
    counts.requests++
    counts.unlessRefused(() => {
      if (request.kind === 'command' && !isKnownByAll(request)) throw notKnownByAll()
      spaceGuard.check(value)
    })
    const begin = (done: Done) => {
      const waiting = counts.unlessRefused(() => this.#requests.submit(key, value, clock.now(), done, owner))
      driver.endTurn()
      return () => {
        if (!waiting.waits) return
        this.#requests.cancel(waiting)
        driver.step({ type: 'withdraw', id: waiting.id })
      }
    }
    return value[0] === CHANGE_TAG ? inTurn(begin, done) : begin(done)
  }

  /** Proposes what has come, as far as the core has room for it. */
  propose(): void {
    const { clocks, driver, settings, spaceGuard } = this.#parts
    if (this.#requests.isAllProposed || (!this.#handsOn && !clocks.isKnown)) return
    const now_ms = settings.host.clock.now()
    const taken = this.#requests.take(driver.room, driver.room_bytes, now_ms, (value) => {
      spaceGuard.check(value)
    })
    const values = this.#prepare(taken.map(({ value }) => value))
    this.#propose(taken.map(({ id, value }, index) => ({ id, value: values[index] ?? value })))
  }

  /** What others hand on to this server. What there is no space for they hand on again, or refuse themselves. */
  takeForwarded(values: readonly Value[]): readonly Value[] {
    return this.#prepare(
      this.#handsOn ? values : values.filter((value) => this.#parts.spaceGuard.passes(value)),
    )
  }

  /**
   * Requests as this server proposes them, unless others do: whoever proposes a request stamps it, not whoever took it. None
   * while it does not know the time: who handed them on does so again.
   */
  #prepare(values: readonly Value[]): readonly Value[] {
    const { clocks, guard } = this.#parts
    if (this.#handsOn || values.length === 0) return values
    const time_ms = clocks.stamp()
    if (time_ms === undefined) return []
    return values.map((value) => guard.judge(stampRequest(value, time_ms)))
  }

  /** Answers whoever waits for what has been executed. */
  executed(execution: Execution): void {
    const { counts, settings } = this.#parts
    const now_ms = settings.host.clock.now()
    const waited = this.#requests.executed(execution, now_ms)
    if (waited === undefined) return
    counts.request_s.record((now_ms - waited.arrived_ms) / 1000)
    // In leader mode a proposal ends with its slot; only a leaderless proposer keeps it until it is told.
    if (settings.mode === 'leaderless') this.#executed.push(waited.id)
  }

  /** Tells the core which of its proposals have been executed. */
  withdrawExecuted(): void {
    for (const id of this.#executed.splice(0)) this.#parts.driver.step({ type: 'withdraw', id })
  }

  /** Whoever leads now is handed everything that waits here. */
  restart(): void {
    if (!this.#handsOn) this.#parts.guard.begin()
    this.#requests.restart()
    this.#parts.driver.endTurn()
  }

  /** From now on, what went to a leader that is gone, or got lost on the way, is proposed again. */
  lookForLost(): void {
    const { clock } = this.#parts.settings.host
    if (this.#handsOn) {
      this.#propose(this.#requests.takeLost(clock.now()))
    }
    this.#cancelLook()
    this.#cancelLook = clock.timer(LOOK_FOR_LOST_MS, () => {
      this.lookForLost()
    })
  }

  stop(): void {
    this.#cancelLook()
  }

  /** Whether others propose what waits here. */
  get #handsOn(): boolean {
    const { paxos, settings, spaceGuard } = this.#parts
    const { leader, role } = paxos
    if (settings.mode === 'leader') return leader !== undefined && leader !== settings.id
    return role === 'learner' || spaceGuard.leavesToOthers
  }

  #propose(proposals: readonly Proposal[]): void {
    const { driver, settings } = this.#parts
    if (proposals.length === 0) return
    const elsewhere = settings.mode === 'leaderless' && this.#handsOn
    driver.step({ type: 'propose', proposals, elsewhere })
  }

  #submitOwn(value: Uint8Array, call: Call<Uint8Array>): void {
    try {
      const giveUp = this.submit(value, (outcome) => {
        if (outcome instanceof SynodError) call.reject(outcome)
        else if (outcome.status === 'done') call.resolve(outcome.result)
        else call.reject(outcomeError(outcome))
      })
      call.sent = true
      call.onOver(giveUp)
    } catch (error) {
      call.reject(error as Error)
    }
  }
}

function notKnownByAll(): SynodError {
  return new SynodError(
    'not-known-by-all',
    'not all members of the cluster know this command yet: upgrade the state machine on all of them first',
  )
}
