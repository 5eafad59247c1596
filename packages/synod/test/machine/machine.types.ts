// Compiled by `npm run check:types`, and never run: what the types must refuse, and what they must
// take.
import {
  type AnyMachine,
  type BatchedCommand,
  type Codec,
  type Machine,
  type Refusal,
  Replica,
  type ReplicaOptions,
} from '../../src/index.js'
import { simulate } from '../../../testing/src/index.js'

declare const around: Omit<ReplicaOptions<AnyMachine>, 'machine'>
declare const later: Promise<number>

class Counter {
  apply(amount: number): number {
    return amount
  }
  query(_: 'total'): number {
    return 0
  }
}

class AsyncApply {
  async apply(amount: number): Promise<number> {
    return later.then((before) => before + amount)
  }
  query(_: 'total'): number {
    return 0
  }
}

class AsyncApplyOfNothing {
  async apply(_: number): Promise<void> {
    await later
  }
  query(_: 'total'): number {
    return 0
  }
}

class AsyncQuery {
  apply(amount: number): number {
    return amount
  }
  async query(_: 'total'): Promise<number> {
    return later
  }
}

class SometimesAsync {
  apply(amount: number): number | Promise<number> {
    return amount > 0 ? amount : later
  }
  query(_: 'total'): number {
    return 0
  }
}

class AsyncSnapshot extends Counter {
  async snapshot(): Promise<Uint8Array[]> {
    return [Uint8Array.of(await later)]
  }
  async restore(_: AsyncIterable<Uint8Array>): Promise<void> {
    await later
  }
}

class AsyncChunks extends Counter {
  async *snapshot(): AsyncGenerator<Uint8Array> {
    yield Uint8Array.of(await later)
  }
  async restore(_: AsyncIterable<Uint8Array>): Promise<void> {
    await later
  }
}

class RestoreOfNoPromise extends Counter {
  snapshot(): Uint8Array[] {
    return []
  }
  restore(_: AsyncIterable<Uint8Array>): number {
    return 1
  }
}

class Batched extends Counter {
  applyBatch(batch: readonly BatchedCommand<number>[]): (number | Refusal)[] {
    return batch.map(({ command }) => command)
  }
}

class BatchedOtherwise extends Counter {
  applyBatch(batch: readonly BatchedCommand<number>[]): string[] {
    return batch.map(String)
  }
}

class AsyncBatch extends Counter {
  async applyBatch(batch: readonly BatchedCommand<number>[]): Promise<number[]> {
    return [batch.length, await later]
  }
}

interface With<Command, Result> {
  apply(command: Command): Result
  query(query: 'total'): number
}

declare const withDate: With<{ at: Date }, number>
declare const withBigint: With<string, bigint>
declare const withBytes: With<string, { values: readonly Uint8Array[] }>
declare const withText: With<{ at: string; of?: number[] }, null>
declare const withTree: With<Tree, undefined>

class Dated {
  readonly codecs = { command: codecOf<Date>() }
  apply(_: Date): number {
    return 0
  }
  query(_: 'total'): number {
    return 0
  }
}

interface Tree {
  readonly branches: readonly Tree[]
}

declare function codecOf<T>(): Codec<T>

export function types() {
  // A machine that is done when it returns has its types inferred.
  const opened: Promise<Replica<Counter>> = Replica.open({
    ...around,
    machine: new Counter(),
  })
  // @ts-expect-error apply returns a promise
  void Replica.open({ ...around, machine: new AsyncApply() })
  // @ts-expect-error apply returns a promise of nothing, which would fit a result of nothing
  void Replica.open({ ...around, machine: new AsyncApplyOfNothing() })
  // @ts-expect-error the same where the type is given
  void Replica.open<AsyncApplyOfNothing>({ ...around, machine: new AsyncApplyOfNothing() })
  // @ts-expect-error query returns a promise
  void Replica.open({ ...around, machine: new AsyncQuery() })
  // @ts-expect-error apply may return a promise
  void Replica.open({ ...around, machine: new SometimesAsync() })
  // @ts-expect-error snapshot returns a promise
  void Replica.open({ ...around, machine: new AsyncSnapshot() })
  // @ts-expect-error snapshot returns an async iterable
  void Replica.open({ ...around, machine: new AsyncChunks() })
  // @ts-expect-error restore returns no promise
  void Replica.open({ ...around, machine: new RestoreOfNoPromise() })
  // @ts-expect-error applyBatch has results that apply has not
  void Replica.open({ ...around, machine: new BatchedOtherwise() })
  // @ts-expect-error applyBatch returns a promise
  void Replica.open({ ...around, machine: new AsyncBatch() })
  const batched = Replica.open({ ...around, machine: new Batched() })
  // @ts-expect-error a simulation refuses the same
  void simulate({ machine: () => new AsyncApply(), command: () => 1, query: () => 'total' as const })

  // JSON would give back other values than these: without a codec they are refused.
  // @ts-expect-error a command with a Date in it
  void Replica.open({ ...around, machine: withDate })
  // @ts-expect-error a result that is a bigint
  void Replica.open({ ...around, machine: withBigint })
  // @ts-expect-error bytes in a list
  void Replica.open({ ...around, machine: withBytes })
  const withCodec = Replica.open({ ...around, machine: new Dated() })
  const json = Replica.open({ ...around, machine: withText })
  const tree = Replica.open({ ...around, machine: withTree })

  const total: (replica: Replica<Counter>) => Promise<number> = (replica) => replica.read('total')
  // @ts-expect-error no such query
  const sum = (replica: Replica<Counter>) => replica.read('sum')
  const silent: Machine<number, void, 'total', number> = { apply: () => undefined, query: () => 0 }
  const anything: AnyMachine = { apply: (it) => it, query: (it) => it }
  return { opened, batched, withCodec, json, tree, total, sum, silent, anything }
}
