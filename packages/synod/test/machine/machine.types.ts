// Compiled by `npm run check:types`, and never run: what the types must refuse, and what they must take.
import { type Machine, Replica, type ReplicaOptions } from '../../src/index.js'
import { simulate } from '../../../testing/src/index.js'

declare const around: Omit<ReplicaOptions<never, never, never, never>, 'machine'>
type Nothing = ReturnType<() => void>
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

export function types() {
  // A machine that is done when it returns has its types inferred.
  const opened: Promise<Replica<number, number, 'total', number>> = Replica.open({
    ...around,
    machine: new Counter(),
  })
  // @ts-expect-error apply returns a promise
  void Replica.open({ ...around, machine: new AsyncApply() })
  // @ts-expect-error apply returns a promise of nothing, which would fit a result of nothing
  void Replica.open({ ...around, machine: new AsyncApplyOfNothing() })
  // @ts-expect-error the same where the types are given
  void Replica.open<number, Nothing, 'total', number>({ ...around, machine: new AsyncApplyOfNothing() })
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
  // @ts-expect-error a simulation refuses the same
  void simulate({ machine: () => new AsyncApply(), command: () => 1, query: () => 'total' as const })

  // @ts-expect-error and so does the interface
  const implemented: Machine<number, Promise<number>, 'total', number> = new AsyncApply()
  // @ts-expect-error also where there is no result
  const ofNothing: Machine<number, void, 'total', number> = new AsyncApplyOfNothing()
  const silent: Machine<number, void, 'total', number> = { apply: () => undefined, query: () => 0 }
  const anything: Machine<unknown, unknown, unknown, unknown> = { apply: (it) => it, query: (it) => it }
  return { opened, implemented, ofNothing, silent, anything }
}
