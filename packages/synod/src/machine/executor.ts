import type { AnswerOf, AnyMachine, ApplyContext, CodecsOf, CommandOf, QueryOf } from './machine.js'
import { crc32 } from '../bytes/checksum.js'
import { MalformedError } from '../bytes/reader.js'
import { Writer } from '../bytes/writer.js'
import { type Agreed, FIRST_AGREED, FORMATS, type Support, missingSupport } from '../cluster/versions.js'
import { SynodError } from '../errors.js'
import type { ServerId, Slot } from '../paxos/ballot.js'
import type { ChangeOutcome, Membership, MembershipState } from '../paxos/membership.js'
import type { Value } from '../paxos/value.js'
import { requestsIn } from './batch.js'
import { changeOf } from './change-codec.js'
import { CommandBatch, hasBatches } from './command-batch.js'
import {
  queryMachine,
  followEncoded,
  followMachine,
  answerQuery,
  applyCommand,
  snapshotChunks,
  decodeWith,
  failedOutcome,
  versionOfCommand,
  codecsOf,
} from './contract.js'
import type { Following } from './following.js'
import { type Applied, type Outcome, byteOfStatus } from './outcome.js'
import { raiseRefusal, raiseOf } from './raise.js'
import type { Position } from './position.js'
import type { ReceivedRequest, Request, RequestKey } from './request.js'
import { Sessions } from './sessions.js'
import { decodeMeta, encodeMeta } from './snapshot-meta.js'
import { type SnapshotPart, StateChunks, startEagerly, partsOf } from './snapshot-parts.js'

const NOTHING = new Uint8Array(0)

/**
 * The state after the slots up to `slot`. The parts are made as they are taken, and tell of that
 * moment. A reader that does not take all of them must call `return`, or what has changed meanwhile
 * is kept.
 */
export interface ExecutorSnapshot {
  readonly slot: Slot
  readonly parts: IterableIterator<SnapshotPart>
}

/** A request and its outcome. */
export interface Execution {
  readonly request: RequestKey
  readonly outcome: Outcome
}

/**
 * A state machine with the sessions in front of it: executes chosen values, in the order of their
 * slots.
 */
export class Executor<M extends AnyMachine> {
  readonly codecs: CodecsOf<M>
  readonly #listeners: ((applied: Applied) => void)[] = []
  readonly #machine: M
  readonly #sessions = new Sessions()
  readonly #membership: Membership
  /** What this build and its state machine can work with. */
  readonly support: Support
  #agreed = FIRST_AGREED
  #executed: Slot = 0
  #timeMs = 0
  #digest = 0
  /** Of the command that is being executed. */
  #position: Position = { slot: 0, index: 0 }
  /** One for all commands: a closure for each would cost more than the call. */
  readonly #run = (request: Request): Outcome => this.#apply(this.#position, request)
  /** Undefined for a state machine that takes one command at a time. */
  readonly #batch: CommandBatch<M> | undefined

  /** With a membership of its own, as the cluster was founded. */
  constructor(machine: M, membership: Membership, formats = FORMATS) {
    this.#machine = machine
    this.#membership = membership
    this.support = { formats, machine: machine.version ?? 1 }
    this.codecs = codecsOf(machine)
    if (!hasBatches(machine)) return
    this.#batch = new CommandBatch<M>({
      ...{ machine, codecs: this.codecs, sessions: this.#sessions },
      onApplied: (applied) => {
        this.#report(applied)
      },
    })
  }

  /** The executed watermark. */
  get executed(): Slot {
    return this.#executed
  }

  /**
   * A checksum over all commands executed and their results: replicas with the same executed
   * watermark must have the same.
   */
  get digest(): number {
    return this.#digest
  }

  /** As of the executed watermark. */
  get membership(): MembershipState {
    return this.#membership.state
  }

  /** What the members have agreed on, as of the executed watermark. */
  get agreed(): Agreed {
    return this.#agreed
  }

  /** The founders of the cluster have met. */
  identify(acceptors: Readonly<Record<ServerId, string>>): void {
    this.#membership.identify(acceptors)
  }

  /**
   * Log time: the latest stamp of what was executed, in milliseconds since 1970; 0 before anything
   * was.
   */
  get timeMs(): number {
    return this.#timeMs
  }

  get sessions(): number {
    return this.#sessions.size
  }

  /** Has each command told that is applied; not one that a session answers again. */
  onApplied(listener: (applied: Applied) => void): void {
    this.#listeners.push(listener)
  }

  /** Whether the state machine takes several commands at a time. */
  get takesBatches(): boolean {
    return this.#batch !== undefined
  }

  /** Executes the value of the next slot, as `executeAll` does. */
  execute(slot: Slot, value: Value): readonly Execution[] {
    return this.executeAll(slot, [value])
  }

  /**
   * Executes the values of the next slots, and returns the executions for which a caller may wait,
   * in order. Throws `invalid-machine`, and `wrong-version` for a raise to what this build does not
   * know; then nothing may be executed or read any more.
   */
  executeAll(first: Slot, values: readonly Value[]): readonly Execution[] {
    if (first !== this.#executed + 1) throw new RangeError(`slot ${first} cannot follow ${this.#executed}`)
    const executions: Execution[] = []
    const ends = values.map((value) => {
      this.#execute(++this.#executed, value, executions)
      return executions.length
    })
    this.#batch?.apply()
    for (let slot = 0, next = 0; slot < values.length; slot++) {
      this.#digest = crc32(values[slot] ?? NOTHING, undefined, undefined, this.#digest)
      for (const end = ends[slot] ?? 0; next < end; next++) {
        const execution = executions[next]
        if (execution !== undefined) this.#digest = digestOf(execution.outcome, this.#digest)
      }
    }
    return executions
  }

  /** Nothing was chosen in the slots up to this one: they count as no-ops. */
  skip(slot: Slot): void {
    if (slot <= this.#executed) throw new RangeError(`slot ${slot} does not follow ${this.#executed}`)
    this.#executed = slot
    this.#membership.apply(slot, undefined)
  }

  /** Goes on as another cluster, of which the log says nothing. */
  moveTo(membership: MembershipState): void {
    this.#membership.replace(membership)
  }

  #execute(slot: Slot, value: Value, executions: Execution[]): void {
    const change = this.#membership.apply(slot, changeOf(value))
    let index = 0
    for (const request of requestsIn(value, this.#agreed.format)) {
      if (request.kind !== 'command') this.#batch?.apply()
      this.#timeMs = Math.max(this.#timeMs, request.timeMs)
      executions.push({ request, outcome: this.#outcomeOf({ slot, index: index++ }, value, request, change) })
    }
  }

  #outcomeOf(
    position: Position,
    value: Value,
    request: ReceivedRequest,
    change: ChangeOutcome | undefined,
  ): Outcome {
    switch (request.kind) {
      case 'open':
        return this.#open(request)
      case 'command':
        this.#position = position
        return this.#sessions.execute(request, this.#run)
      case 'change':
        return outcomeOfChange(change)
      case 'raise':
        return this.#raise(value)
    }
  }

  /**
   * Throws `wrong-version` where one of the values that are to be executed next raises the versions
   * to what this build does not know. `valueOf` gives the value of a slot, and undefined above the
   * last one.
   */
  checkVersions(valueOf: (slot: Slot) => Value | undefined): void {
    const membership = this.#membership.copy()
    let agreed = this.#agreed
    for (let slot = this.#executed + 1; ; slot++) {
      const value = valueOf(slot)
      if (value === undefined) return
      membership.apply(slot, changeOf(value))
      const raise = raiseOf(value)
      if (raise === undefined || raiseRefusal(raise, agreed, membership.servers) !== undefined) continue
      agreed = raise.to
      this.#refuseIfLacking(agreed)
    }
  }

  /** Whether all members know a command. Throws what its codec throws. */
  isKnownByAll(request: Pick<Request, 'command' | 'version'>): boolean {
    if (request.version > this.#agreed.machine) return false
    // A machine of the version that is agreed on knows no later command.
    if (this.support.machine === this.#agreed.machine || this.#machine.versionOf === undefined) return true
    const decoded = decodeWith('command', this.codecs.command, request.command)
    return versionOfCommand(this.#machine, decoded) <= this.#agreed.machine
  }

  /**
   * The version from which on a command is known, as this state machine says. Throws what that
   * throws.
   */
  versionOf(command: CommandOf<M>): number {
    return versionOfCommand(this.#machine, command)
  }

  /**
   * Answers an encoded query from the state as it is. Throws what the state machine throws,
   * `too-large` and `invalid-machine`.
   */
  query(query: Uint8Array): Uint8Array {
    return answerQuery(this.#machine, this.codecs, decodeWith('query', this.codecs.query, query))
  }

  /** Begins to follow an encoded query. Throws as `followEncoded` does. */
  followEncoded(query: Uint8Array, onReady: () => void): Following<Uint8Array> {
    return followEncoded(this.#machine, this.codecs, query, onReady)
  }

  /** Begins to follow a query. Throws as `followMachine` does. */
  follow(query: QueryOf<M>, onReady: () => void): Following<AnswerOf<M>> {
    return followMachine(this.#machine, query, onReady)
  }

  /** Whether an answer may be handed to a caller in this process as it is. */
  get hasImmutableAnswers(): boolean {
    return this.#machine.immutableAnswers === true
  }

  /**
   * Answers a query from the state as it is. Throws what the state machine throws, and
   * `invalid-machine`.
   */
  answer(query: QueryOf<M>): AnswerOf<M> {
    return queryMachine(this.#machine, query)
  }

  /**
   * Whether an encoded command makes the state smaller, as the state machine says. One that it
   * cannot read does not.
   */
  frees(command: Uint8Array): boolean {
    try {
      return this.#machine.frees?.(decodeWith('command', this.codecs.command, command)) === true
    } catch {
      return false
    }
  }

  /** Whether the state machine has snapshots. */
  get canSnapshot(): boolean {
    return this.#machine.snapshot !== undefined && this.#machine.restore !== undefined
  }

  /**
   * Undefined if the state machine has none. One at a time may be read. Throws what the state
   * machine throws, and `invalid-machine`.
   */
  snapshot(): ExecutorSnapshot | undefined {
    const chunks = snapshotChunks(this.#machine)
    if (chunks === undefined) return undefined
    const meta = encodeMeta({
      agreed: this.#agreed,
      executed: this.#executed,
      timeMs: this.#timeMs,
      digest: this.#digest,
      membership: this.#membership.state,
    })
    const state = startEagerly(chunks)
    const sessions = startEagerly(this.#sessions.snapshot())
    return { slot: this.#executed, parts: startEagerly(partsOf(meta, sessions, state)) }
  }

  /**
   * Puts what a snapshot told in the place of everything here. Rejects with a MalformedError,
   * `wrong-version`, and with what the state machine rejects with; nothing may be executed after
   * that.
   */
  async restore(parts: AsyncIterable<SnapshotPart>): Promise<void> {
    if (this.#machine.restore === undefined) throw new TypeError('the state machine has no restore')
    const source = parts[Symbol.asyncIterator]()
    const first = await source.next()
    if (first.done === true || first.value.kind !== 'meta')
      throw new MalformedError('a snapshot without a beginning')
    const meta = decodeMeta(first.value.bytes, (agreed) => {
      this.#refuseIfLacking(agreed)
    })
    const sessions = this.#sessions.restoration()
    let next = await source.next()
    for (; next.done !== true && next.value.kind === 'sessions'; next = await source.next())
      sessions.take(next.value.bytes)
    sessions.end()
    const state = new StateChunks(next, source)
    await this.#machine.restore(state)
    if (!state.isRead)
      throw new MalformedError(
        'restore was over before it had read all chunks: it must wait for the last one',
      )
    this.#executed = meta.executed
    this.#agreed = meta.agreed
    this.#membership.replace(meta.membership)
    this.#timeMs = meta.timeMs
    this.#digest = meta.digest
  }

  #open({ session }: Request): Outcome {
    const writer = new Writer(16)
    writer.varint(this.#sessions.open(session))
    return { status: 'done', result: writer.view() }
  }

  #raise(value: Value): Outcome {
    const raise = raiseOf(value)
    if (raise === undefined) return refused('this raises no versions')
    const refusal = raiseRefusal(raise, this.#agreed, this.#membership.servers)
    if (refusal !== undefined) return refused(refusal)
    this.#refuseIfLacking(raise.to)
    this.#agreed = raise.to
    return { status: 'done', result: NOTHING }
  }

  /** Throws `wrong-version`. */
  #refuseIfLacking(agreed: Agreed): void {
    const lack = missingSupport('this server', this.support, agreed)
    if (lack !== undefined) throw new SynodError('wrong-version', lack)
  }

  #apply(position: Position, request: Request): Outcome {
    const timeMs = this.#timeMs
    const context: ApplyContext = { position, timeMs, version: this.#agreed.machine }
    if (this.#batch !== undefined)
      return this.#batch.add({ position, timeMs, request }, () => ({
        command: this.#decode(request),
        context,
      }))
    const outcome = this.#outcomeOfCommand(request, context)
    if (this.#listeners.length > 0) this.#report({ position, timeMs, request, outcome })
    return outcome
  }

  #outcomeOfCommand(request: Request, context: ApplyContext): Outcome {
    try {
      const result = applyCommand(this.#machine, this.codecs, this.#decode(request), context)
      return { status: 'done', result }
    } catch (error) {
      // What it does later cannot be known: to go on would be to give answers from another state
      // than the others have.
      if (error instanceof SynodError && error.code === 'invalid-machine') throw error
      return failedOutcome(error)
    }
  }

  #decode(request: Request): CommandOf<M> {
    if (!this.isKnownByAll(request)) throw new Error('not all members know this command')
    return decodeWith('command', this.codecs.command, request.command)
  }

  #report(applied: Applied): void {
    for (const listener of this.#listeners) listener(applied)
  }
}

function refused(reason: string): Outcome {
  return { status: 'refused', result: Buffer.from(reason) }
}

function outcomeOfChange(change: ChangeOutcome | undefined): Outcome {
  if (change === undefined) return refused('this is no change of the membership')
  if (change.result === 'done') return { status: 'done', result: NOTHING }
  return { status: change.result, result: Buffer.from(change.reason) }
}

/**
 * Messages are for people: another version of the state machine, or of Synod, may word them
 * differently.
 */
function digestOf({ result, status }: Outcome, before: number): number {
  const marked = crc32(byteOfStatus(status), 0, 1, before)
  return status === 'done' ? crc32(result, 0, result.length, marked) : marked
}
