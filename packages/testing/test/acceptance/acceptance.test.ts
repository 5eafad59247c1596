import { type ApplyContext, type BatchedCommand, Refusal } from 'synod'
import { type Workload, acceptanceTests } from 'synod-testing'
import { describe, expect, test } from 'vitest'

interface Command {
  readonly key: string
  readonly by: number
}

/** Counters by key, all that a machine can have. Each fault breaks one promise. */
class Counters {
  readonly immutableAnswers = true
  protected counts = new Map<string, number>()

  apply({ by, key }: Command, _: ApplyContext): number {
    if (by < 0) throw new Error(`no ${by}`)
    const count = (this.counts.get(key) ?? 0) + by
    this.counts.set(key, count)
    return count
  }

  applyBatch(batch: readonly BatchedCommand<Command>[]): (number | Refusal)[] {
    return batch.map(({ command, context }) =>
      command.by < 0 ? new Refusal(`no ${command.by}`) : this.apply(command, context),
    )
  }

  query(key: string): { readonly count: number } {
    return { count: this.counts.get(key) ?? 0 }
  }

  snapshot(): Iterable<Uint8Array> {
    return [...this.counts].map((entry) => Buffer.from(JSON.stringify(entry)))
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.counts.clear()
    for await (const chunk of chunks) {
      const [key, count] = JSON.parse(Buffer.from(chunk).toString()) as [string, number]
      this.counts.set(key, count)
    }
  }
}

const workload: Workload<Counters> = {
  machine: () => new Counters(),
  command: (chance) => ({ key: chance.pick(['a', 'b', 'c']), by: chance.below(5) - 1 }),
  query: (chance) => chance.pick(['a', 'b', 'c']),
}

describe('the acceptance tests pass for a correct machine:', () => {
  for (const { name, run } of acceptanceTests(workload)) test(name, run)
})

test('a machine is tested only for the methods that it has', () => {
  const bare = { machine: () => ({ apply: (by: number) => by, query: () => 0 }), command: () => 1 }
  expect(acceptanceTests(bare).map(({ name }) => name)).toEqual([
    'apply and query are done when they return',
    'two machines have the same results, answers and snapshots',
  ])
})

let calls = 0

class Clocked extends Counters {
  override apply(command: Command, context: ApplyContext): number {
    Date.now()
    return super.apply(command, context)
  }
}

class Shared extends Counters {
  override apply(command: Command, context: ApplyContext): number {
    return super.apply(command, context) + (calls++ % 2)
  }
}

class OtherSnapshots extends Counters {
  override snapshot(): Iterable<Uint8Array> {
    return [...super.snapshot(), Buffer.from(JSON.stringify([`n${calls++}`, 0]))]
  }
}

class Promising extends Counters {
  override apply(command: Command, context: ApplyContext): number {
    return Promise.resolve(super.apply(command, context)) as never
  }
}

class PromisingQuery extends Counters {
  override query(key: string): { readonly count: number } {
    return Promise.resolve(super.query(key)) as never
  }
}

class Lossy extends Counters {
  override snapshot(): Iterable<Uint8Array> {
    return [...super.snapshot()].slice(1)
  }
}

class LateSnapshot extends Counters {
  override *snapshot(): Generator<Uint8Array> {
    for (const entry of this.counts) yield Buffer.from(JSON.stringify(entry))
  }
}

class AddsToState extends Counters {
  override async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const before = [...this.counts]
    await super.restore(chunks)
    for (const [key, count] of before) this.counts.set(key, count + (this.counts.get(key) ?? 0))
  }
}

class Reversed extends Counters {
  override applyBatch(batch: readonly BatchedCommand<Command>[]): (number | Refusal)[] {
    return super.applyBatch(batch).reverse()
  }
}

class AllOrNothing extends Counters {
  override applyBatch(batch: readonly BatchedCommand<Command>[]): (number | Refusal)[] {
    if (batch.some(({ command }) => command.by < 0)) return batch.map(() => new Refusal('no -1'))
    return super.applyBatch(batch)
  }
}

/** Hands out the object that it counts in. */
class Open extends Counters {
  readonly #counters = new Map<string, { count: number }>()

  override apply(command: Command, context: ApplyContext): number {
    const count = super.apply(command, context)
    const counter = this.#counters.get(command.key)
    if (counter === undefined) this.#counters.set(command.key, { count })
    else counter.count = count
    return count
  }

  override query(key: string): { readonly count: number } {
    return this.#counters.get(key) ?? { count: 0 }
  }
}

/** Its answers cannot be frozen, and change all the same. */
class OpenWithin extends Counters {
  readonly #counters = new Map<string, { count: number }>()

  override query(key: string): { readonly count: number } {
    const counts = this.counts
    const counter = this.#counters.get(key) ?? {
      get count() {
        return counts.get(key) ?? 0
      },
    }
    this.#counters.set(key, counter)
    return counter
  }
}

test.each<[string, new () => Counters, string, RegExp]>([
  [
    'a machine that reads the clock',
    Clocked,
    'two machines have the same results, answers and snapshots',
    /called Date\.now\(\)/,
  ],
  [
    'state that machines share',
    Shared,
    'two machines have the same results, answers and snapshots',
    /came to result \d+, and on another/,
  ],
  [
    'snapshots that differ between machines',
    OtherSnapshots,
    'two machines have the same results, answers and snapshots',
    /have other snapshots/,
  ],
  [
    'an apply that returns a promise',
    Promising,
    'apply and query are done when they return',
    /apply returned a promise/,
  ],
  [
    'a query that returns a promise',
    PromisingQuery,
    'apply and query are done when they return',
    /query returned a promise/,
  ],
  [
    'a snapshot that loses state',
    Lossy,
    'a snapshot replaces the whole state of another machine',
    /after a restore to/,
  ],
  [
    'a snapshot that contains later changes',
    LateSnapshot,
    'a snapshot replaces the whole state of another machine',
    /after a restore to/,
  ],
  [
    'a restore that adds to the old state',
    AddsToState,
    'a snapshot replaces the whole state of another machine',
    /after a restore to/,
  ],
  [
    'an applyBatch in reverse order',
    Reversed,
    'applyBatch gives the same results as apply',
    /in a batch of \d+, at \d+ to/,
  ],
  [
    'an applyBatch that fails as a whole',
    AllOrNothing,
    'applyBatch gives the same results as apply',
    /and in a batch of \d+, at \d+ to error 'no -1'/,
  ],
  [
    'an answer that changes later',
    Open,
    'an answer is not changed after it was given',
    /where all answers given before were frozen/,
  ],
  [
    'a part of an answer that changes later',
    OpenWithin,
    'an answer is not changed after it was given',
    /the answer to query\("\w"\) came to/,
  ],
])('the acceptance tests find %s', async (_, Faulty, name, message) => {
  const tests = acceptanceTests({ ...workload, machine: () => new Faulty() })
  const failure = await tests
    .find((each) => each.name === name)!
    .run()
    .catch((error: unknown) => error as Error)
  expect(failure).toMatchObject({ name: 'AcceptanceFailure' })
  const { message: found, seed } = failure as Error & { seed: number }
  expect(found).toMatch(message)
  expect(found).toContain(`Replay: SYNOD_SEED=${seed} SYNOD_SEEDS=1`)
})
