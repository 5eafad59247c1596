import type { AnyMachine, CommandOf, ResultOf, QueryOf, AnswerOf } from '../machine/machine.js'
import {
  type Call,
  type CallOptions,
  EXECUTE_RULES,
  type ExecuteOptions,
  type TransferOptions,
  checkCall,
  checkTransfer,
} from '../call.js'
import { SynodError } from '../errors.js'
import { decodeAnswered, encodeGiven } from '../machine/contract.js'
import { type MembershipChange, checkChange } from '../machine/membership-change.js'
import { mapFollowing } from '../machine/following.js'
import type { Replicated } from '../machine/replicated.js'
import { type StaleAnswer, type StaleReadOptions, checkStaleRead, staleError } from '../machine/stale-read.js'
import type { ReplicaMetrics } from '../metrics.js'
import { type SavedSnapshot, savedSnapshot } from '../net/client/saved-snapshot.js'
import { EarlyListeners } from '../net/transport/early-listeners.js'
import { FUNCTION, type Rules, SIGNAL, checkOption, checkOptions, required } from '../options.js'
import type { Slot } from '../paxos/ballot.js'
import type { ReplicaStatus } from '../status.js'
import { type Assembled, assemble } from './assemble.js'
import type { MachineCheck } from '../machine/machine-check.js'
import { APPLIED_RULES, type AppliedBatch, type AppliedOptions } from './applied.js'
import type { CurrentLeadership } from './leadership.js'
import type { Caller, Operation } from './caller.js'
import type { Followable } from './follows.js'
import { checkSize } from './operations.js'
import { type ReplicaOptions, checkReplicaOptions as checkReplica } from './options.js'
import type { Query } from './pending-reads.js'
import { type Leading, whileLeader } from './while-leader.js'

/** What follows events, and ends when its caller says so. */
export interface FollowOptions {
  readonly signal?: AbortSignal | undefined
}

const FOLLOW_RULES: Rules = { signal: SIGNAL }

/**
 * In election timeouts: a leader that is closed waits for at most so long until another one takes
 * over.
 */
const PARTING_PATIENCE = 2

/**
 * One replica of a state machine: a server of the cluster, with its journal, its connections and
 * its copy of the state.
 *
 * @example
 * const replica = await Replica.open({
 *   id: 1,
 *   cluster: { servers: { 1: '10.0.0.1:2380', 2: '10.0.0.2:2380', 3: '10.0.0.3:2380' } },
 *   dataDir: '/var/lib/counter',
 *   machine: new Counter(),
 * })
 * const total = await replica.execute(1)
 */
export class Replica<M extends AnyMachine> implements Replicated<M>, AsyncDisposable {
  readonly #parts: Assembled<M>

  /**
   * Opens the data directory, recovers what is in it, and joins the others. It resolves before a
   * quorum is reached: `execute` and `read` wait for one.
   *
   * @example
   * const cluster = { servers: { 1: '10.0.0.1:2380', 2: '10.0.0.2:2380', 3: '10.0.0.3:2380' } }
   * const [dataDir, machine] = ['/var/lib/counter', new Counter()]
   * const replica = await Replica.open({ id: 1, cluster, dataDir, machine })
   *
   * @throws SynodError `invalid-options`, `directory-in-use`, `wrong-cluster`, `wrong-mode`,
   * `wrong-acceptor`, `journal-damaged` (not even the identity is left, or another version of Synod
   * wrote the directory), `journal-failed`, `restore-failed`, `diverged` or `wrong-version` (this
   * build, or the state machine, is older than what the members have agreed on)
   */
  static async open<M extends AnyMachine>(
    options: ReplicaOptions<M> & { readonly machine: MachineCheck<M> },
  ): Promise<Replica<M>> {
    const settings = checkReplica(options)
    const { clients, host, listen } = settings
    // All that can fail is tried before the directory is touched.
    const listeners = await EarlyListeners.bind(host.network, [
      listen,
      ...(clients === undefined ? [] : [clients]),
    ])
    try {
      const replica = new Replica(await assemble(settings, options.machine))
      await replica.#begin(listeners)
      return replica
    } catch (error) {
      await listeners.close()
      throw error
    }
  }

  private constructor(parts: Assembled<M>) {
    this.#parts = parts
  }

  /**
   * Executes a command once, on the whole cluster, and returns its result. Works on any replica,
   * and waits while there is no quorum. Of an error, `mayHaveExecuted` says whether the command may
   * have been executed all the same, and `request` is what `resume` takes.
   *
   * @example
   * const total = await replica.execute(1, { timeoutMs: 2000 })
   *
   * @throws SynodError `command-failed` (the state machine threw), `not-known-by-all`, `too-large`,
   * `overloaded`, `aborted`, `closed`, `no-quorum` or `outcome-unknown`
   */
  async execute<const Command extends CommandOf<M>>(
    command: Command,
    options: ExecuteOptions = {},
  ): Promise<ResultOf<M, Command>> {
    checkCall('execute', options, EXECUTE_RULES)
    const { calls, commands, state } = this.#parts
    const { executor } = state
    const { command: codec, result } = executor.codecs
    const encoded = encodeGiven('command', codec, command)
    checkSize('command', encoded)
    const version = executor.versionOf(command)
    const call = calls.take<Uint8Array>('command', encoded.length, options)
    commands.execute({ command: encoded, version }, call, options.resume)
    return call.outcome((bytes) => decodeAnswered('result', result, bytes))
  }

  /**
   * Answers a query from a state that holds everything that was acknowledged anywhere before the
   * call (linearizable), on any replica. Rejects with `aborted`, `closed`, `overloaded`,
   * `no-quorum`, or what the state machine throws.
   *
   * @example
   * const total = await replica.read('total')
   */
  async read<const Query extends QueryOf<M>>(
    query: Query,
    options: CallOptions = {},
  ): Promise<AnswerOf<M, Query>> {
    checkCall('read', options)
    const { operations } = this.#parts
    const asked = this.#query(query)
    return this.#ask(asked, options, (caller: Caller<AnswerOf<M>>) => operations.read(asked, caller)).promise
  }

  /**
   * Answers a query from the state of this replica, with the slot of that state: without asking
   * another one, and without a quorum, however far it lags behind. With `atLeast` it waits until
   * that slot is executed here. Slots of later answers do not go down while it runs.
   *
   * @example
   * const { answer, slot } = await replica.readStale('total')
   *
   * @throws SynodError `invalid-options`, `aborted`, `closed`, `overloaded` or `too-stale`; or what
   * the state machine throws
   */
  async readStale<const Query extends QueryOf<M>>(
    query: Query,
    options: StaleReadOptions = {},
  ): Promise<StaleAnswer<AnswerOf<M, Query>>> {
    const atLeast = checkStaleRead(options)
    const { operations } = this.#parts
    const asked = this.#query(query)
    const call = this.#ask(asked, options, (caller: Caller<AnswerOf<M>>) =>
      operations.readStale(asked, atLeast, caller),
    )
    return call.outcome(
      (answer, slot) => ({ answer, slot }),
      (error) => staleError(error, atLeast),
    )
  }

  /**
   * Answers a query once there is something to answer, as `follow` of the state machine says, from
   * the state of this replica; after 5 s without, with what the state machine has for that. With
   * `atLeast` it begins when that slot is executed here.
   *
   * @example
   * const { answer, slot } = await replica.follow('total', { timeoutMs: 15_000 })
   *
   * @throws SynodError `invalid-options`, `aborted`, `closed`, `overloaded` or `too-stale`; or what
   * the state machine throws
   */
  async follow<const Query extends QueryOf<M>>(
    query: Query,
    options: StaleReadOptions = {},
  ): Promise<StaleAnswer<AnswerOf<M, Query>>> {
    const atLeast = checkStaleRead(options, 'follow')
    const { operations } = this.#parts
    const asked = this.#followable(query)
    const call = this.#ask(asked, options, (caller: Caller<AnswerOf<M>>) =>
      operations.follow(asked, atLeast, caller),
    )
    return call.outcome(
      (answer, slot) => ({ answer, slot }),
      (error) => staleError(error, atLeast),
    )
  }

  /**
   * The highest slot that is executed here: no answer of this replica was from a later one. It
   * never goes down.
   *
   * @example
   * const { answer } = await replica.readStale('total', { atLeast: replica.seen })
   */
  get seen(): Slot {
    return this.#parts.state.executor.executed
  }

  /**
   * Has another server lead: `to`, or the one that keeps up best. Works on any replica, and
   * resolves when the other one leads. Rejects with `transfer-failed`, `wrong-mode` (in leaderless
   * mode no server leads), `invalid-options`, `aborted` or `closed`.
   *
   * @example
   * await replica.transferLeadership({ to: 2 })
   */
  async transferLeadership(options: TransferOptions = {}): Promise<void> {
    const to = checkTransfer(options)
    const { calls, operations } = this.#parts
    const call = calls.start<undefined>('transfer', options)
    try {
      const done = (error: SynodError | undefined) => {
        if (error === undefined) call.resolve(undefined)
        else call.reject(error)
      }
      const operation = operations.transfer(to, { done })
      call.state = 'sent'
      call.onOver(() => {
        operation.giveUp()
      })
    } catch (error) {
      call.reject(error as Error)
    }
    await call.promise
  }

  /**
   * Adds a server, replaces one by another, or removes one. Works on any replica. Resolves when the
   * change is chosen and executed: an added server learns then, and votes once it has caught up; a
   * removed one stops by itself. A change that has been made already is no error.
   * (docs/concepts/membership.md)
   *
   * @example
   * await replica.changeMembership({ add: 4, address: '10.0.0.4:2380' })
   *
   * @throws SynodError `change-refused` (with the reason), `invalid-options`, and as `execute`
   */
  async changeMembership(change: MembershipChange, options: CallOptions = {}): Promise<void> {
    const checked = checkChange(change)
    checkCall('changeMembership', options)
    const { calls, commands } = this.#parts
    const call = calls.start<Uint8Array>('change', options)
    commands.change(checked, call)
    await call.promise
  }

  /**
   * Takes a snapshot of the state of this replica, and returns it piece by piece, as a backup:
   * `readSnapshotInfo` and `restoreCluster` read the file. Needs no quorum.
   * (docs/operating/backup.md)
   *
   * @example
   * const saved = await replica.saveSnapshot()
   * for await (const bytes of saved) await file.write(bytes)
   *
   * @throws SynodError `overloaded` while another caller gets one, `snapshot-failed` or `closed`;
   * so does the iteration
   */
  async saveSnapshot(): Promise<SavedSnapshot> {
    const { shutdown, state } = this.#parts
    const owner = {}
    return savedSnapshot(async (slot, offset) => {
      if (shutdown.error !== undefined) throw shutdown.error
      return state.save(slot, offset, owner)
    })
  }

  /**
   * Who leads, from what is known at the call: always the newest leadership only, so that who is
   * slow skips some. It rejects with `aborted` when its signal is aborted, with `wrong-mode` in
   * leaderless mode, and with the error of a replica that fails; after `close` it is done.
   *
   * @example
   * for await (const { leader, fence, isSelf } of replica.leadership()) {
   *   console.log(isSelf ? `this server leads, with fence ${fence}` : `s${leader} leads`)
   * }
   *
   * @throws SynodError `invalid-options`, at once.
   */
  leadership(options: FollowOptions = {}): AsyncIterableIterator<CurrentLeadership, undefined> {
    checkOptions('the options of leadership', options, FOLLOW_RULES)
    const { leadership, settings, subscriptions } = this.#parts
    let before: CurrentLeadership | undefined
    return subscriptions.open(() => {
      if (settings.mode === 'leaderless')
        throw new SynodError('wrong-mode', 'in leaderless mode no server leads: follow what is applied')
      const { current } = leadership
      return current === before ? undefined : (before = current)
    }, options.signal)
  }

  /**
   * What is executed here, one item for each slot that holds commands, in order and without gaps.
   * It begins with what comes after the call, or with `from`, where that is still kept: the last
   * 16,384 commands, of at most 16 MiB, since the first call. It rejects with `applied-gap` where
   * slots are not kept any more, which befalls a slow reader too, and otherwise as `leadership`
   * does.
   *
   * @example
   * const from = { slot: 1, index: 0 }
   * for await (const { position, commands, results } of replica.applied({ from })) {
   *   console.log(position.slot, commands, results)
   * }
   *
   * @throws SynodError `invalid-options`, at once.
   */
  applied(options: AppliedOptions = {}): AsyncIterableIterator<AppliedBatch<M>, undefined> {
    checkOptions('the options of applied', options, APPLIED_RULES)
    const { applied, subscriptions } = this.#parts
    return subscriptions.open(applied.reader(options.from), options.signal)
  }

  /**
   * Runs `work` once in each leadership of this server, as soon as all is executed here that was
   * chosen before it. Its signal is aborted when the leadership ends: at the latest one election
   * timeout (500 ms unless set) after this server last heard from a quorum, as long as its process
   * runs. While it is stopped, another server may begin: what the work writes to has to check the
   * fence, which grows with every leadership.
   *
   * The next leadership waits until the work of the one before has ended. What the work throws
   * rejects the call, unless it follows from its signal. The call rejects with `aborted` when its
   * own signal is aborted, with `wrong-mode` in leaderless mode, and with the error of a replica
   * that fails; it resolves after `close`.
   *
   * @example
   * await replica.whileLeader(async ({ fence, signal }) => {
   *   for await (const job of jobs(signal)) await store.write(job, { fence })
   * })
   */
  async whileLeader(work: (leading: Leading) => unknown, options: FollowOptions = {}): Promise<void> {
    checkOption('work', work, required(FUNCTION))
    const { leadership } = this.#parts
    await whileLeader(
      {
        leaderships: this.leadership(options),
        isCurrent: (wanted) => leadership.current === wanted,
        caughtUp: (signal) => this.#caughtUp(signal),
      },
      work,
    )
  }

  /**
   * Role, ballot, watermarks, peers and so on, as plain data.
   *
   * @example
   * const { leader, watermarks } = replica.status()
   */
  status(): ReplicaStatus {
    return this.#parts.report.status()
  }

  /**
   * What it has counted, as plain data: docs/reference/metrics.md.
   *
   * @example
   * const { requests_total } = replica.metrics()
   */
  metrics(): ReplicaMetrics {
    return this.#parts.report.metrics()
  }

  /**
   * Leaves. A leader first has another server lead, if that does not take long; then what waits
   * here fails as `closed`, what was written is flushed, and the directory is free.
   *
   * @example
   * await replica.close()
   */
  async close(): Promise<void> {
    const { shutdown, paxos, peers, settings } = this.#parts
    if (shutdown.error === undefined && paxos.leader === settings.id && peers.links.size > 0) {
      const timeoutMs = PARTING_PATIENCE * settings.paxos.electionTimeoutMs
      await this.transferLeadership({ timeoutMs }).catch(() => undefined)
    }
    await shutdown.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #begin(listeners: EarlyListeners): Promise<void> {
    const { formation, loop, peers, service, settings, state } = this.#parts
    const { clients, logger } = settings
    try {
      state.checkVersions()
      await peers.listen(listeners)
      if (clients !== undefined) await service.listen(listeners, clients)
    } catch (error) {
      await this.close()
      throw error
    }
    const waitingFor = peers.missing
    loop.begin()
    if (!formation.isFormed && waitingFor.length > 0)
      logger.info({ waitingFor }, 'waiting for all servers, to form the cluster')
  }

  /**
   * Where answers change after they were given, or a caller could change the state by them, query
   * and answer are copied through their codecs.
   */
  #query(query: QueryOf<M>): Query<AnswerOf<M>> {
    const { executor } = this.#parts.state
    if (executor.hasImmutableAnswers) return { sizeBytes: 0, answer: () => executor.answer(query) }
    const { codecs } = executor
    const encoded = encodeGiven('query', codecs.query, query)
    checkSize('query', encoded)
    const answer = () => decodeAnswered('answer', codecs.answer, executor.query(encoded))
    return { sizeBytes: encoded.length, answer }
  }

  /** As `#query`, of what is followed. */
  #followable(query: QueryOf<M>): Followable<AnswerOf<M>> {
    const { executor } = this.#parts.state
    if (executor.hasImmutableAnswers)
      return { sizeBytes: 0, begin: (onReady) => executor.follow(query, onReady) }
    const { codecs } = executor
    const encoded = encodeGiven('query', codecs.query, query)
    checkSize('query', encoded)
    const begin = (onReady: () => void) =>
      mapFollowing(executor.followEncoded(encoded, onReady), (bytes) =>
        decodeAnswered('answer', codecs.answer, bytes),
      )
    return { sizeBytes: encoded.length, begin }
  }

  /** A linearizable read of nothing, as long as it takes. */
  async #caughtUp(signal: AbortSignal): Promise<void> {
    const { operations, settings } = this.#parts
    const nothing = { sizeBytes: 0, answer: () => undefined }
    for (;;) {
      try {
        await this.#ask(nothing, { signal, timeoutMs: Infinity }, (caller: Caller<undefined>) =>
          operations.read(nothing, caller),
        ).promise
        return
      } catch (error) {
        if (!(error instanceof SynodError) || error.code !== 'overloaded') throw error
        const { retryAfterMs = 0 } = error
        await new Promise<void>((resolve) => settings.host.clock.timer(retryAfterMs, resolve))
      }
    }
  }

  /** Begins a read on behalf of a caller in this process. */
  #ask<T>(
    { sizeBytes }: { readonly sizeBytes: number },
    options: CallOptions,
    begin: (caller: Caller<T>) => Operation,
  ): Call<T> {
    const { calls } = this.#parts
    const call = calls.take<T>('read', sizeBytes, options)
    try {
      if (!call.over) {
        const done = (result: T | SynodError) => {
          call.slot = this.seen
          if (result instanceof SynodError) call.reject(result)
          else call.resolve(result)
        }
        const operation = begin({ done })
        call.onOver((error) => {
          if (error !== undefined) operation.giveUp()
        })
      }
    } catch (error) {
      // The call is over with that: it must not time out later, when no caller listens.
      call.reject(error as Error)
    }
    return call
  }
}
