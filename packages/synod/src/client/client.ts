import type { AnyMachine, CommandOf, ResultOf, QueryOf, AnswerOf, CodecsOf } from '../machine/machine.js'
import { randomBytes } from 'node:crypto'
import {
  type CallOptions,
  Calls,
  EXECUTE_RULES,
  type ExecuteOptions,
  type TransferOptions,
  checkCall,
  checkTransfer,
} from '../call.js'
import { type Clock, systemClock } from '../clock.js'
import { SynodError } from '../errors.js'
import { type Logger, silentLogger } from '../logger.js'
import { completeCodecs } from '../machine/codec.js'
import { CODECS, decodeAnswered, encodeGiven, versionOfCommand } from '../machine/contract.js'
import type { MachineDefinition } from '../machine/define-machine.js'
import { encodeChange } from '../machine/change-codec.js'
import { type MembershipChange, checkChange } from '../machine/membership-change.js'
import { encodeChangeRequest } from '../machine/request.js'
import { type SessionKey, newSessionKey } from '../machine/session-key.js'
import { SessionPool } from '../machine/session-pool.js'
import type { Replicated } from '../machine/replicated.js'
import { type StaleAnswer, type StaleReadOptions, checkStaleRead, staleError } from '../machine/stale-read.js'
import { decodePiece } from '../net/client/codec.js'
import { MAX_CLUSTER_BYTES } from '../net/hello.js'
import { type SavedSnapshot, savedSnapshot } from '../net/client/saved-snapshot.js'
import { type Network, parseAddress } from '../net/transport/network.js'
import { tcpNetwork } from '../net/transport/tcp.js'
import {
  BOOLEAN,
  FUNCTION,
  LOGGER,
  type Rules,
  TIMEOUT_MS,
  checkOptions,
  group,
  required,
  textOf,
  withMethods,
} from '../options.js'
import type { Slot } from '../paxos/ballot.js'
import type { ReplicaStatus } from '../status.js'
import { Endpoints } from './endpoints.js'

const DEFAULT_TIMEOUT_MS = 10_000
const MAX_ENDPOINTS = 31

export interface ConnectOptions<M extends AnyMachine> {
  /**
   * Where the replicas listen for clients, as `host:port`. All of them, so that none must be up.
   */
  readonly endpoints: readonly string[]
  /** The name of the cluster; any unless given. */
  readonly cluster?: string
  /** As on the replicas. */
  readonly codecs?: Partial<CodecsOf<M>>
  /**
   * The version of the state machine from which on a command is known, as `versionOf` of the
   * machine says; 1 unless given. Also a replica whose state machine is older then refuses the
   * command.
   */
  readonly versionOf?: (command: CommandOf<M>) => number
  /**
   * How long each call goes on trying: 10,000 ms unless given, 1 to 3,600,000, or
   * Infinity for no limit.
   */
  readonly timeoutMs?: number
  /**
   * Leaderless mode: `true` asks all replicas at once, as the lecture does, at three times the
   * cost. Unless given, a call goes to the replica that answered last, and to all when that takes
   * more than 10 ms and twice as long as lately.
   */
  readonly broadcast?: boolean
  /**
   * What is refused as `overloaded` is tried again after the time that the replica names, as long
   * as the call may take; `false`: it fails at once, for callers who would rather pass that on.
   */
  readonly retryOverloaded?: boolean
  /** Silent unless given. */
  readonly logger?: Logger
  /** For tests: the network and clock to use. */
  readonly host?: { readonly network?: Network; readonly clock?: Clock; readonly random?: () => number }
}

const ADDRESSES = {
  may: `1 to ${MAX_ENDPOINTS} addresses, each as host:port`,
  fits: (value: unknown) => Array.isArray(value) && value.length >= 1 && value.length <= MAX_ENDPOINTS,
}

const RULES: Rules = {
  endpoints: required(ADDRESSES),
  cluster: textOf(0, MAX_CLUSTER_BYTES),
  codecs: CODECS,
  versionOf: FUNCTION,
  timeoutMs: TIMEOUT_MS,
  broadcast: BOOLEAN,
  retryOverloaded: BOOLEAN,
  logger: LOGGER,
  host: group({
    network: withMethods('connect', 'listen'),
    clock: withMethods('now', 'wallTime', 'timer', 'next', 'soon'),
    random: FUNCTION,
  }),
}

/** What one endpoint says of itself, or why it says nothing. */
export type EndpointStatus =
  | { readonly endpoint: string; readonly status: ReplicaStatus }
  | { readonly endpoint: string; readonly error: Error }

/**
 * A client of a cluster. It connects with its first call, or with `ready`. Where the state machine
 * is given by `defineMachine`, its codecs and versions come from there. Throws `invalid-options`.
 *
 * @example
 * const client = connect<Counter>({ endpoints: ['127.0.0.1:2379'] })
 * const total = await client.execute(1)
 */
export function connect<M extends AnyMachine>(options: ConnectOptions<M>): Client<M>
export function connect<M extends AnyMachine>(
  definition: MachineDefinition<M>,
  options: Omit<ConnectOptions<M>, 'codecs' | 'versionOf'>,
): Client<M>
export function connect<M extends AnyMachine>(
  ...given: [ConnectOptions<M>] | [MachineDefinition<M>, Omit<ConnectOptions<M>, 'codecs' | 'versionOf'>]
): Client<M> {
  if (given.length === 1) return new Client(given[0])
  const [{ codecs, versionOf }, options] = given
  return new Client<M>({ ...options, ...(codecs === undefined ? {} : { codecs }), versionOf })
}

/**
 * A session with a cluster, from outside of it. A command is executed once, even if connections
 * break and leaders change: in doubt it is sent again, and the replicas recognise it.
 */
export class Client<M extends AnyMachine> implements Replicated<M>, AsyncDisposable {
  readonly #endpoints: Endpoints
  readonly #codecs: CodecsOf<M>
  readonly #sessions: SessionPool
  readonly #rule: Pick<ConnectOptions<M>, 'versionOf'>
  readonly #newKey: () => SessionKey
  readonly #calls: Calls

  /** Use `connect`. */
  constructor(options: ConnectOptions<M>) {
    checkOptions('the options of connect', options, RULES)
    const { host = {}, endpoints, timeoutMs = DEFAULT_TIMEOUT_MS } = options
    const random = host.random ?? Math.random
    const clock = host.clock ?? systemClock
    this.#calls = new Calls(clock, timeoutMs, (afterMs) => this.#endpoints.timeoutError(afterMs))
    this.#codecs = completeCodecs(options.codecs)
    this.#rule = options
    this.#endpoints = new Endpoints({
      network: host.network ?? tcpNetwork,
      clock,
      random,
      addresses: endpoints.map(parseAddress),
      cluster: options.cluster ?? '',
      broadcast: options.broadcast ?? false,
      retryOverloaded: options.retryOverloaded ?? true,
      logger: options.logger ?? silentLogger,
    })
    // What others can foresee is no key.
    const bytes =
      host.random === undefined ? randomBytes : (size: number) => Buffer.alloc(size).map(() => random() * 256)
    this.#newKey = () => newSessionKey(bytes)
    this.#sessions = new SessionPool(
      (value, call) => {
        this.#endpoints.send({ type: 'execute', request: 0, value }, call)
      },
      this.#newKey,
      () => this.#calls.start<Uint8Array>('connect', {}),
    )
  }

  /**
   * Resolves when a replica has let this client in. No other call needs that: each waits for a
   * connection by itself.
   *
   * Rejects with `unreachable`, `wrong-cluster`, `wrong-protocol`, `overloaded`, `aborted` or
   * `closed`.
   *
   * @example
   * const client = connect<Counter>({ endpoints: ['127.0.0.1:2379'] })
   * await client.ready({ timeoutMs: 2000 })
   */
  async ready(options: CallOptions = {}): Promise<void> {
    checkCall('ready', options)
    const call = this.#calls.start<undefined>('connect', options)
    this.#endpoints.whenUp(call)
    await call.promise
  }

  /**
   * Executes a command once, and returns its result. `mayHaveExecuted` of an error says whether the
   * command may have been executed all the same, and `request` is what `resume` takes.
   *
   * @example
   * const total = await client.execute(1, { timeoutMs: 2000 })
   *
   * @throws SynodError `command-failed` (the state machine threw), `not-known-by-all`, `too-large`,
   * `overloaded`, `session-expired`, `aborted`, `closed`, `unreachable`, `no-quorum` or
   * `outcome-unknown`
   */
  execute<const Command extends CommandOf<M>>(
    command: Command,
    options: ExecuteOptions = {},
  ): Promise<ResultOf<M, Command>> {
    try {
      checkCall('execute', options, EXECUTE_RULES)
      const encoded = encodeGiven('command', this.#codecs.command, command)
      this.#endpoints.checkSize(encoded.length)
      const version = versionOfCommand(this.#rule, command)
      const call = this.#calls.take<Uint8Array>('command', encoded.length, options)
      this.#sessions.execute({ command: encoded, version }, call, options.resume)
      return call.outcome(this.#decodeResult)
    } catch (error) {
      return failed(error as Error)
    }
  }

  /**
   * Answers a query from a state that holds everything acknowledged before the call (linearizable).
   *
   * @example
   * const total = await client.read('total')
   */
  read<const Query extends QueryOf<M>>(query: Query, options: CallOptions = {}): Promise<AnswerOf<M, Query>> {
    try {
      checkCall('read', options)
      const encoded = this.#encodeQuery(query)
      const call = this.#calls.take<Uint8Array>('read', encoded.length, options)
      this.#endpoints.send({ type: 'read', request: 0, query: encoded }, call)
      return call.outcome(this.#decodeAnswer)
    } catch (error) {
      return failed(error as Error)
    }
  }

  /**
   * Answers a query from the state of any replica that can be reached, with the slot of that state.
   * It needs no quorum and no round trip between replicas. With `atLeast: client.seen` the state is
   * no older than what this client has seen, its own commands included.
   *
   * @example
   * const { answer, slot } = await client.readStale('total', { atLeast: client.seen })
   *
   * @throws SynodError `invalid-options`, `aborted`, `closed`, `overloaded`, `unreachable` or
   * `too-stale`; or what the state machine throws
   */
  readStale<const Query extends QueryOf<M>>(
    query: Query,
    options: StaleReadOptions = {},
  ): Promise<StaleAnswer<AnswerOf<M, Query>>> {
    try {
      const atLeast = checkStaleRead(options)
      const encoded = this.#encodeQuery(query)
      const call = this.#calls.take<Uint8Array>('read', encoded.length, options)
      this.#endpoints.send({ type: 'stale-read', request: 0, atLeast, query: encoded }, call)
      return call.outcome(this.#decodeStale, (error) => staleError(error, atLeast))
    } catch (error) {
      return failed(error as Error)
    }
  }

  /**
   * Asks any replica a query that waits until there is something to answer, as `follow` of the
   * state machine says; after 5 s without, a replica answers what it has for that. As with
   * `readStale`, the answer is from the state of that replica. It is asked of another one when the
   * replica is gone or out of touch with the others.
   *
   * @example
   * for (let total = 0; ; ) {
   *   const { answer } = await client.follow('total', { atLeast: client.seen, timeoutMs: 15_000 })
   *   total = answer
   * }
   *
   * @throws SynodError `invalid-options`, `aborted`, `closed`, `overloaded`, `unreachable` or
   * `too-stale`; or what the state machine throws
   */
  follow<const Query extends QueryOf<M>>(
    query: Query,
    options: StaleReadOptions = {},
  ): Promise<StaleAnswer<AnswerOf<M, Query>>> {
    try {
      const atLeast = checkStaleRead(options, 'follow')
      const encoded = this.#encodeQuery(query)
      const call = this.#calls.take<Uint8Array>('read', encoded.length, options)
      this.#endpoints.send({ type: 'follow', request: 0, atLeast, query: encoded }, call)
      return call.outcome(this.#decodeStale, (error) => staleError(error, atLeast))
    } catch (error) {
      return failed(error as Error)
    }
  }

  /**
   * The highest slot that any answer to this client was from; 0 before the first. It never goes
   * down.
   *
   * @example
   * const { answer } = await client.readStale('total', { atLeast: client.seen })
   */
  get seen(): Slot {
    return this.#endpoints.seen
  }

  /**
   * The status of each endpoint: what `replica.status()` says there, or the reason why there is no
   * answer.
   *
   * @example
   * for (const its of await client.status())
   *   console.log(its.endpoint, 'status' in its ? its.status.role : its.error.message)
   */
  async status(options: CallOptions = {}): Promise<EndpointStatus[]> {
    checkCall('status', options)
    return Promise.all(
      this.#endpoints.addresses.map(async (endpoint, index) => {
        const call = this.#calls.take<Uint8Array>('status', 0, options)
        this.#endpoints.sendTo(index, { type: 'status', request: 0 }, call)
        try {
          const status = JSON.parse(Buffer.from(await call.promise).toString()) as ReplicaStatus
          return { endpoint, status }
        } catch (error) {
          return { endpoint, error: error as Error }
        }
      }),
    )
  }

  /**
   * Has another replica lead: server `to`, or the one that keeps up best. Resolves when it does.
   * Rejects with `transfer-failed`, `wrong-mode` (in leaderless mode no server leads), `aborted`,
   * `closed` or `unreachable`.
   *
   * @example
   * await client.transferLeadership({ to: 2 })
   */
  async transferLeadership(options: TransferOptions = {}): Promise<void> {
    const to = checkTransfer(options)
    const call = this.#calls.take<Uint8Array>('transfer', 0, options)
    this.#endpoints.sendToOne({ type: 'transfer', request: 0, to }, call)
    await call.promise
  }

  /**
   * Adds a server to the cluster, replaces one by another, or removes one. Resolves when the change
   * is chosen and executed: an added server learns then, and votes once it has caught up; a removed
   * one stops by itself. A change that has been made already is no error.
   * (docs/concepts/membership.md)
   *
   * @example
   * await client.changeMembership({ add: 4, address: '10.0.0.4:2380' })
   *
   * @throws SynodError `change-refused` (with the reason), `invalid-options`, and as `execute`
   */
  async changeMembership(change: MembershipChange, options: CallOptions = {}): Promise<void> {
    const encoded = encodeChange(checkChange(change))
    checkCall('changeMembership', options)
    const call = this.#calls.take<Uint8Array>('change', encoded.length, options)
    this.#endpoints.send(
      { type: 'execute', request: 0, value: encodeChangeRequest(this.#newKey(), encoded) },
      call,
    )
    await call.promise
  }

  /**
   * Has a replica take a snapshot of its state as it is, and gives it back piece by piece, to be
   * kept as a backup: what is written to a file is read by `readSnapshotInfo` and `restoreCluster`.
   * It needs no quorum, and is as old as the replica is behind. The limit of time is for each
   * piece; the first one comes when the snapshot has been written there. (docs/operating/backup.md)
   *
   * Rejects with `overloaded` while another client gets one, `snapshot-failed`, `aborted`, `closed`
   * and `unreachable`; so does the iteration.
   *
   * @example
   * const saved = await client.saveSnapshot()
   * for await (const bytes of saved) await file.write(bytes)
   */
  async saveSnapshot(options: CallOptions = {}): Promise<SavedSnapshot> {
    checkCall('saveSnapshot', options)
    await this.ready(options)
    const { responsive } = this.#endpoints
    return savedSnapshot(async (slot, offset) => {
      const call = this.#calls.take<Uint8Array>('save', 0, options)
      this.#endpoints.sendTo(responsive, { type: 'save', request: 0, slot, offset }, call)
      return decodePiece(await call.promise)
    })
  }

  /**
   * Ends all connections. What is under way fails as `closed`.
   *
   * @example
   * await client.close()
   */
  close(): Promise<void> {
    this.#calls.end(new SynodError('closed', 'the client is closed'))
    this.#endpoints.close()
    return Promise.resolve()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #encodeQuery(query: QueryOf<M>): Uint8Array {
    const encoded = encodeGiven('query', this.#codecs.query, query)
    this.#endpoints.checkSize(encoded.length)
    return encoded
  }

  readonly #decodeResult = (bytes: Uint8Array) => decodeAnswered('result', this.#codecs.result, bytes)

  readonly #decodeAnswer = (bytes: Uint8Array) => decodeAnswered('answer', this.#codecs.answer, bytes)

  readonly #decodeStale = (bytes: Uint8Array, slot: Slot) => ({ answer: this.#decodeAnswer(bytes), slot })
}

/** Of a call that has failed before it began. */
function failed(error: Error): Promise<never> {
  return Promise.reject(error)
}
