import type { Codecs } from './codec.js'
import type { Following } from './following.js'
import type { NamedResult } from './named-call.js'
import type { Position } from './position.js'
import type { Refusal } from './refusal.js'

/** What a state machine may know besides the command. */
export interface ApplyContext {
  /** Where the command stands in the log: each is after all that were executed before. */
  readonly position: Position
  /**
   * Log time: milliseconds since 1970, a whole number, the same on every replica. It never goes
   * back, and is near the median of the voters' wall clocks at the moment at which the command was
   * proposed, however wrong a minority of them is. (docs/concepts/state-machines.md)
   */
  readonly timeMs: number
  /**
   * The version of the state machine on which all members of the cluster have agreed, from 1: it
   * grows when the last of them has been upgraded, at one slot on every replica. Rules that change
   * with a version go by it. (docs/operating/upgrade.md)
   */
  readonly version: number
}

/** A command as `applyBatch` is given it. */
export interface BatchedCommand<Command> {
  readonly command: Command
  readonly context: ApplyContext
}

/** Any state machine. Its types are CommandOf<M>, ResultOf<M>, QueryOf<M> and AnswerOf<M>. */
export type AnyMachine = Machine<unknown, unknown, unknown, unknown>

/** What a state machine of type M takes as a command: anything where its `apply` takes nothing. */
export type CommandOf<M extends AnyMachine> = FirstOf<Parameters<M['apply']>>

/**
 * What `apply` of a state machine of type M returns: for this very command where the machine has
 * named commands.
 */
export type ResultOf<M extends AnyMachine, Command = CommandOf<M>> = M extends {
  readonly calls: { readonly commands: infer Functions }
}
  ? NamedResult<Functions, Command>
  : ReturnType<M['apply']>

/** What a state machine of type M takes as a query: anything where its `query` takes nothing. */
export type QueryOf<M extends AnyMachine> = FirstOf<Parameters<M['query']>>

/** What `query` of a state machine of type M returns, as with `ResultOf`. */
export type AnswerOf<M extends AnyMachine, Query = QueryOf<M>> = M extends {
  readonly calls: { readonly queries: infer Functions }
}
  ? NamedResult<Functions, Query>
  : ReturnType<M['query']>

/** How the values of a state machine of type M travel. */
export type CodecsOf<M extends AnyMachine> = Codecs<CommandOf<M>, ResultOf<M>, QueryOf<M>, AnswerOf<M>>

type FirstOf<Parameters extends readonly unknown[]> = Parameters extends readonly [] ? unknown : Parameters[0]

/** A chunk of a snapshot has at most this many bytes. */
export const MAX_SNAPSHOT_CHUNK_BYTES = 2 << 20

/**
 * A deterministic state machine, to be replicated: every replica applies the same commands in the
 * same order, so the same state and results must come of them. It must not look at the clock, at
 * chance, at the machine it runs on, or at anything else outside its own state, the command and the
 * context.
 *
 * @example
 * class Counter implements Machine<number, number, 'total', number> {
 *   #total = 0
 *   apply(amount: number) {
 *     return (this.#total += amount)
 *   }
 *   query() {
 *     return this.#total
 *   }
 * }
 */
export interface Machine<Command, Result, Query, Answer> {
  /**
   * Executes a chosen command. What it throws is given to the caller as `command-failed`; the state
   * must be unchanged then. It must not return a promise: the replica would stop with
   * `invalid-machine`. (A machine whose `apply` or `query` is async does not compile.)
   */
  apply(command: Command, context: ApplyContext): Result
  /**
   * Executes several commands in their order, in place of `apply`. It returns for each the result
   * that `apply` would return, at most 64 KiB encoded, or a `Refusal` where `apply` would throw. If
   * it throws itself, the replica stops with `invalid-machine`.
   */
  applyBatch?(batch: readonly BatchedCommand<Command>[]): readonly (Result | Refusal)[]
  /** Answers from the state as it is, at once, and does not change it. */
  query(query: Query): Answer
  /**
   * Begins to wait for what a query asks about, on this replica: `onReady` is to be called when the
   * answer may be there, also within a command. What is followed is no part of the state. Without
   * this, `follow` of a replica or client is refused.
   */
  follow?(query: Query, onReady: () => void): Following<Answer>
  /**
   * The state as of this call, as chunks of 1 byte to 2 MiB (64 KiB are a good size). The first is
   * taken at once, the others over many turns, while commands are applied; `SnapshotMap` does that
   * for a map. Without `snapshot` and `restore` the log is never trimmed.
   */
  snapshot?(): Iterable<Uint8Array>
  /**
   * Replaces the whole state by what a snapshot told, in the same chunks. Nothing else is called
   * meanwhile. If it rejects, the replica stops.
   */
  restore?(chunks: AsyncIterable<Uint8Array>): Promise<void>
  /**
   * Whether a command makes the state smaller, so that it is taken also while too few servers have
   * space on their disks for a write. Without it none is.
   */
  frees?(command: Command): boolean
  /**
   * Promises that an answer of `query` is not changed once it was given, neither by the machine nor
   * by who asked for it. Reads in the process of the replica then give it as it is. Otherwise, they
   * give a copy made by the codecs.
   */
  readonly immutableAnswers?: boolean
  /**
   * The newest version of its commands that this code knows, from 1 to 65,535; 1 unless given. It
   * is raised with each new command and each rule that changes. A replica whose machine is older
   * than what the members have agreed on does not start.
   */
  readonly version?: number
  /**
   * The version from which on a command is known; 1 for all unless given. A command is refused with
   * `not-known-by-all`, and not executed, until all members have that version. What the code does
   * not know at all it must refuse by throwing, in `apply` or in its codec.
   */
  versionOf?(command: Command): number
  /** How values travel between clients and replicas, and in the log. JSON unless given. */
  readonly codecs?: Partial<Codecs<Command, Result, Query, Answer>>
}
