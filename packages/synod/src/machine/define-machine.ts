import { MAX_VERSION } from '../cluster/versions.js'
import {
  FUNCTION,
  type Rule,
  type Rules,
  checkOption,
  checkOptions,
  invalid,
  required,
  wholeFrom,
} from '../options.js'
import type { Codecs } from './codec.js'
import { CODECS } from './contract.js'
import type { AnyMachine, ApplyContext, CodecsOf, CommandOf, Machine } from './machine.js'
import type { NamedCall, NamedResult } from './named-call.js'

/** The named commands of a state machine, each a function of the state and its own arguments. */
export type Commands<State> = Readonly<
  Record<string, (this: ApplyContext, state: State, ...args: never[]) => unknown>
>

/** The named queries of a state machine. */
export type Queries<State> = Readonly<Record<string, (state: State, ...args: never[]) => unknown>>

/** The parts of a state machine with named commands. */
export interface MachineParts<State, C extends Commands<State>, Q extends Queries<State>> {
  /** Makes the initial state. */
  readonly state: () => State
  /**
   * Change the state, and return the result. What a command throws is given to the caller as
   * `command-failed`; the state must be unchanged then. `this` is the context: log time and so on.
   */
  readonly commands: C
  /** Answer from the state, and do not change it. */
  readonly queries: Q
  /** The state in chunks, as `snapshot` of a machine. Without it the log is never trimmed. */
  readonly snapshot?: (state: State) => Iterable<Uint8Array>
  /** The state that a snapshot tells of. */
  readonly restore?: (chunks: AsyncIterable<Uint8Array>) => Promise<State>
  /** As `version` of a machine: 1 unless given. */
  readonly version?: number
  /** The version from which on a command is known, by its name: 1 where there is none. */
  readonly since?: { readonly [Name in keyof C]?: number }
  /** JSON unless given. */
  readonly codecs?: Partial<
    Codecs<NamedCall<C>, NamedResult<C, NamedCall<C>>, NamedCall<Q>, NamedResult<Q, NamedCall<Q>>>
  >
}

/** A state machine with named commands and queries. */
export interface DefinedMachine<State, C extends Commands<State>, Q extends Queries<State>> extends Machine<
  NamedCall<C>,
  NamedResult<C, NamedCall<C>>,
  NamedCall<Q>,
  NamedResult<Q, NamedCall<Q>>
> {
  /** What is called by name, for the types of results and answers. */
  readonly calls: { readonly commands: C; readonly queries: Q }
}

/** What makes equal state machines, and knows how their values travel. */
export interface MachineDefinition<M extends AnyMachine> {
  /** A new state machine in its initial state: each replica has one of its own. */
  create(): M
  readonly codecs: Partial<CodecsOf<M>> | undefined
  readonly versionOf: (command: CommandOf<M>) => number
}

const OBJECT: Rule = {
  may: 'an object',
  fits: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
}

const RULES: Rules = {
  state: required(FUNCTION),
  commands: required(OBJECT),
  queries: required(OBJECT),
  snapshot: FUNCTION,
  restore: FUNCTION,
  version: wholeFrom(1, MAX_VERSION),
  since: OBJECT,
  codecs: CODECS,
}

/**
 * Defines a state machine by named commands and queries. A command is called by its name and
 * arguments, and its result has the type of that command. Throws `invalid-options`.
 *
 * @example
 * const bank = defineMachine({
 *   state: () => new Map<string, number>(),
 *   commands: {
 *     deposit(accounts, to: string, amount: number) {
 *       const balance = (accounts.get(to) ?? 0) + amount
 *       accounts.set(to, balance)
 *       return balance
 *     },
 *   },
 *   queries: { balance: (accounts, of: string) => accounts.get(of) ?? 0 },
 * })
 * const client = connect(bank, { endpoints: ['127.0.0.1:2379'] })
 * const balance = await client.execute(['deposit', 'ann', 5])
 */
export function defineMachine<State, C extends Commands<State>, Q extends Queries<State>>(
  parts: MachineParts<State, C, Q>,
): MachineDefinition<DefinedMachine<State, C, Q>> {
  checkOptions('the parts of a machine', parts, RULES)
  const { codecs, commands, queries, restore, since = {}, snapshot, version = 1 } = parts
  for (const [kind, functions] of [['commands', commands] as const, ['queries', queries] as const])
    for (const [name, run] of Object.entries(functions))
      checkOption(`${kind}.${name}`, run, required(FUNCTION))
  for (const [name, its] of Object.entries(since)) {
    checkOption(`since.${name}`, its, required(wholeFrom(1, version)))
    if (!Object.hasOwn(commands, name)) throw invalid('since', 'an object of versions by command', name)
  }
  const versions = new Map<string, number | undefined>(Object.entries(since))
  const versionOf = (command: NamedCall<C>) => versions.get(nameOf(command)) ?? 1
  const create = () => {
    let state = parts.state()
    return {
      calls: { commands, queries },
      apply: (command: NamedCall<C>, context: ApplyContext) =>
        called('command', commands, command).call(context, state, ...argumentsOf(command)),
      query: (query: NamedCall<Q>) => called('query', queries, query)(state, ...argumentsOf(query)),
      ...(snapshot === undefined ? {} : { snapshot: () => snapshot(state) }),
      ...(restore === undefined
        ? {}
        : {
            async restore(chunks: AsyncIterable<Uint8Array>) {
              state = await restore(chunks)
            },
          }),
      version,
      versionOf,
      ...(codecs === undefined ? {} : { codecs }),
    }
  }
  return { create, codecs, versionOf } as unknown as MachineDefinition<DefinedMachine<State, C, Q>>
}

/** Callers may send anything: it is refused as the state machine refuses a command. */
function called<F>(kind: 'command' | 'query', functions: Readonly<Record<string, F>>, call: unknown): F {
  const name = nameOf(call)
  const run = Object.hasOwn(functions, name) ? functions[name] : undefined
  if (run === undefined) throw new Error(`there is no ${kind} '${name}'`)
  return run
}

function nameOf(call: unknown): string {
  return Array.isArray(call) && typeof call[0] === 'string' ? call[0] : ''
}

function argumentsOf(call: readonly unknown[]): never[] {
  return call.slice(1) as never[]
}
