import type { AnyMachine, AnswerOf, BatchedCommand, CommandOf, QueryOf, ResultOf } from './machine.js'
import type { Refusal } from './refusal.js'

/**
 * What a machine that is handed over has to be besides an M: `unknown` where it is fit, else a
 * message that names the fault, which no machine is. The compiler shows it.
 */
export type MachineCheck<M extends AnyMachine> =
  IsPromise<ResultOf<M>> extends true
    ? 'apply must be done when it returns: no async, no promise'
    : IsPromise<AnswerOf<M>> extends true
      ? 'query must be done when it returns: no async, no promise'
      : IsBatchFit<M, CommandOf<M>, ResultOf<M>> extends false
        ? 'applyBatch must take the commands of apply, and return its results, or a Refusal, at once'
        : Travels<M, 'command', CommandOf<M>> extends false
          ? 'JSON changes a command (a Date, Map, Set, bigint or bytes): give codecs.command'
          : Travels<M, 'result', ResultOf<M>> extends false
            ? 'JSON changes a result (a Date, Map, Set, bigint or bytes): give codecs.result'
            : Travels<M, 'query', QueryOf<M>> extends false
              ? 'JSON changes a query (a Date, Map, Set, bigint or bytes): give codecs.query'
              : Travels<M, 'answer', AnswerOf<M>> extends false
                ? 'JSON changes an answer (a Date, Map, Set, bigint or bytes): give codecs.answer'
                : unknown

/** Whether `applyBatch`, where there is one, fits `apply`. */
type IsBatchFit<M, Command, Result> = M extends { readonly applyBatch: infer Given }
  ? Given extends (batch: readonly BatchedCommand<Command>[]) => readonly (Result | Refusal)[]
    ? true
    : false
  : true

type IsAny<T> = 0 extends 1 & T ? true : false

/** Whether any of the values may be a promise. */
type IsPromise<T> =
  IsAny<T> extends true ? false : [Extract<T, PromiseLike<unknown>>] extends [never] ? false : true

/** Whether the values of one kind travel as they are: by a codec of the machine, or by JSON. */
type Travels<M extends AnyMachine, Kind extends string, T> = M extends { readonly codecs?: infer Given }
  ? unknown extends Given
    ? IsJson<T>
    : Kind extends keyof NonNullable<Given>
      ? true
      : IsJson<T>
  : IsJson<T>

/** So deep the values are looked into: types may refer to themselves. */
type MaxDepth = 4

/**
 * False where JSON gives back another value; true where it does not, or where that cannot be told.
 */
type IsJson<T, Depth extends unknown[] = []> =
  IsAny<T> extends true
    ? true
    : Depth['length'] extends MaxDepth
      ? true
      : T extends
            bigint | symbol | Date | ReadonlyMap<unknown, unknown> | ReadonlySet<unknown> | ArrayBufferView
        ? false
        : T extends (...args: never[]) => unknown
          ? false
          : T extends readonly (infer Element)[]
            ? IsJson<Element, [...Depth, 0]>
            : T extends object
              ? false extends { [Key in keyof T]: IsJson<T[Key], [...Depth, 0]> }[keyof T]
                ? false
                : true
              : true
