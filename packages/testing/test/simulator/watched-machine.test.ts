import { describe, expect, it, vi } from 'vitest'
import { MAX_RESULT_BYTES } from 'synod/internal/machine/contract.js'
import type { Executor } from 'synod/internal/machine/executor.js'
import type { AnyMachine, ApplyContext, Machine } from 'synod/internal/machine/machine.js'
import { encodeOpen, encodeRequest } from 'synod/internal/machine/request.js'
import { keyOf } from '../../../synod/test/machine/keys.js'
import { Executions } from '../../src/simulator/checks/executions.js'
import { DeterminismGuard } from '../../src/simulator/checks/determinism-guard.js'
import { WatchedMachine, watchedCodecs } from '../../src/simulator/checks/watched-machine.js'
import { runPlan } from '../../src/simulator/simulation.js'
import { drawPlan } from '../../src/simulator/faults/plan.js'
import { simulate } from '../../src/simulator/simulate.js'
import type { Workload } from '../../src/simulator/workload.js'
import { newExecutor } from '../../../synod/test/machine/new-executor.js'

/** Writes down how it is called. */
class CallRecorder implements Machine<string, number, string, string> {
  readonly lines: string[] = []
  readonly #chunks: number

  constructor(chunks: number) {
    this.#chunks = chunks
  }

  apply(text: string, { position }: ApplyContext): number {
    this.lines.push(`apply ${text} in slot ${position.slot}`)
    if (text === 'refuse') throw new Error('refused')
    if (text === 'large') return 'x'.repeat(MAX_RESULT_BYTES) as never
    return this.lines.length
  }

  query(text: string): string {
    this.lines.push(`query ${text}`)
    if (text === 'refuse') throw new Error('refused')
    return text
  }

  *snapshot(): Generator<Uint8Array, void, undefined> {
    this.lines.push('snapshot begins')
    try {
      for (let chunk = 1; chunk <= this.#chunks; chunk++) {
        this.lines.push(`chunk ${chunk}`)
        yield Uint8Array.of(chunk)
      }
      this.lines.push('snapshot ends')
    } finally {
      this.lines.push('snapshot is over')
    }
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.lines.push('restore begins')
    for await (const [byte = 0] of chunks) this.lines.push(`got ${byte}`)
    this.lines.push('restore ends')
  }
}

interface Bench {
  readonly executor: Executor<AnyMachine>
  readonly encode: (text: string) => Uint8Array
  readonly answerIn: (bytes: Uint8Array) => Uint8Array
}

/** The same machine as a replica has it, and as a simulated replica has it. */
const WAYS: readonly [string, (machine: Machine<string, number, string, string>) => Bench][] = [
  [
    'as in production',
    (machine) => ({
      executor: newExecutor(machine),
      encode: (text) => Buffer.from(`"${text}"`),
      answerIn: (bytes) => bytes,
    }),
  ],
  [
    'watched',
    (machine) => {
      const guard = new DeterminismGuard(1)
      guard[Symbol.dispose]()
      const fail = (error: Error) => expect.fail(error.message)
      const watched = new WatchedMachine(machine, 1, new Executions(() => undefined), guard, fail)
      let tag = 0
      const { answer, command } = watchedCodecs(machine)
      return {
        executor: newExecutor(watched),
        encode: (text) => command.encode({ tag: ++tag, command: text }),
        answerIn: (bytes) => answer.decode(bytes).answer,
      }
    },
  ],
]

function apply({ encode, executor }: Bench, text: string) {
  if (executor.executed === 0) executor.execute(1, encodeOpen(keyOf(7)))
  const slot = executor.executed + 1
  const request = { kind: 'command', timeMs: 0, session: keyOf(7), opening: 1, sequence: slot } as const
  const value = encodeRequest({ ...request, acknowledged: slot - 1, version: 1, command: encode(text) })
  return executor.execute(slot, value)[0]?.outcome
}

/** The calls of a machine, and their results, when a replica does all that replicas do. */
async function recordedCalls(watch: (machine: CallRecorder) => Bench, chunks: number): Promise<string[]> {
  const machine = new CallRecorder(chunks)
  const { lines } = machine
  const bench = watch(machine)
  const note = (what: string, of: unknown) => lines.push(`${what}: ${JSON.stringify(of)}`)
  note('outcome', apply(bench, 'a'))
  note('outcome', apply(bench, 'refuse'))
  note('outcome', apply(bench, 'large'))
  note('answer', Buffer.from(bench.answerIn(bench.executor.query(Buffer.from('"q"')))).toString())
  expect(() => bench.executor.query(Buffer.from('"refuse"'))).toThrow('refused')

  const { parts } = bench.executor.snapshot()!
  lines.push('taken')
  apply(bench, 'b')
  const taken = [...parts]
  const early = bench.executor.snapshot()!.parts
  early.next()
  early.return?.()

  const restored = new CallRecorder(chunks)
  const again = watch(restored)
  await again.executor.restore(
    (async function* () {
      yield* taken
    })(),
  )
  return [...lines, ...restored.lines]
}

describe.each([0, 1, 2, 5])('a watched machine with a snapshot of %i chunks', (chunks) => {
  it('is called as in production: in the same order, with the same arguments, at the same time', async () => {
    const [shipped, watched] = await Promise.all(WAYS.map(([, watch]) => recordedCalls(watch, chunks)))
    expect(watched).toEqual(shipped)
    expect(shipped).toContain('snapshot begins')
    expect(shipped?.indexOf('snapshot begins')).toBeLessThan(shipped?.indexOf('taken') ?? 0)
  })
})

describe.each(WAYS)('a machine that restores a snapshot, %s,', (_, watch) => {
  const restoring = async (restore: (chunks: AsyncIterable<Uint8Array>) => Promise<void>, chunks = 2) => {
    const { executor } = watch(new CallRecorder(chunks))
    executor.execute(1, encodeOpen(keyOf(7)))
    const parts = [...executor.snapshot()!.parts]
    const bench = watch(Object.assign(new CallRecorder(chunks), { restore }))
    return bench.executor.restore(
      (async function* () {
        yield* parts
      })(),
    )
  }

  it('is refused if it leaves the last chunk or the end unread', async () => {
    const leave = async (chunks: AsyncIterable<Uint8Array>) => {
      for await (const [byte] of chunks) if (byte === 2) break
    }
    await expect(restoring(leave)).rejects.toThrow('before it had read all chunks')
    const count = async (chunks: AsyncIterable<Uint8Array>) => {
      const source = chunks[Symbol.asyncIterator]()
      await source.next()
      await source.next()
    }
    await expect(restoring(count)).rejects.toThrow('before it had read all chunks')
  })

  it('gets exactly the chunks of the snapshot', async () => {
    const got: number[][] = []
    await restoring(async (chunks) => {
      for await (const chunk of chunks) got.push([...chunk])
    }, 3)
    expect(got).toEqual([[1], [2], [3]])
  })
})

/**
 * A counter as docs/concepts/state-machines.md allows it: its snapshot is a generator that
 * looks at the state when it begins.
 */
class LazyCounter implements Machine<number, number, 'n', number> {
  n = 0
  apply(amount: number): number {
    return (this.n += amount)
  }
  query(): number {
    return this.n
  }
  *snapshot(): Generator<Uint8Array, void, undefined> {
    yield Buffer.from(String(this.n))
  }
  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of chunks) this.n = Number(Buffer.from(chunk).toString())
  }
}

const counting = (
  machine: () => Machine<number, number, 'n', number>,
): Workload<Machine<number, number, 'n', number>> => ({
  machine,
  command: (chance) => chance.below(10),
  query: () => 'n',
})

describe('a simulation with a watched machine', () => {
  it('accepts a snapshot that is a generator', async () => {
    vi.stubEnv('SYNOD_SEED', undefined)
    vi.stubEnv('SYNOD_SEEDS', undefined)
    await simulate(
      counting(() => new LazyCounter()),
      { seed: 19, seeds: 1 },
    )
    vi.unstubAllEnvs()
  })

  const plan = { ...drawPlan(1, { mode: 'leader', servers: 3 }), durationMs: 1000, faults: [] }

  it('accepts a machine that keeps and changes its arguments', async () => {
    class Keeper implements Machine<{ n: number }, number, { n: number }, number> {
      readonly #kept: { n: number }[] = []
      apply(command: { n: number }): number {
        for (const kept of this.#kept) kept.n++
        return this.#kept.push(command)
      }
      query(query: { n: number }): number {
        return (query.n += this.#kept.length)
      }
    }
    const { violation } = await runPlan(plan, {
      machine: () => new Keeper(),
      command: () => ({ n: 0 }),
      query: () => ({ n: 0 }),
    })
    expect(violation).toBe(undefined)
  })

  it('accepts commands and queries without a JSON form, or changed by it', async () => {
    const big = {
      encode: (value: bigint) => Buffer.from(value.toString()),
      decode: (bytes: Uint8Array) => BigInt(Buffer.from(bytes).toString()),
    }
    class Big implements Machine<bigint, bigint, { at?: unknown }, string> {
      readonly codecs = { command: big, result: big }
      #n = 0n
      apply(amount: bigint): bigint {
        return (this.#n += amount)
      }
      query({ at }: { at?: unknown }): string {
        return `${typeof at} ${this.#n}`
      }
    }
    const { violation } = await runPlan(plan, {
      machine: () => new Big(),
      command: (chance) => BigInt(chance.below(10)),
      query: () => ({ at: new Date(0) }),
    })
    expect(violation).toBe(undefined)
  })

  it('names a snapshot that fails, and an apply that returns a promise', async () => {
    class Failing extends LazyCounter {
      override *snapshot(): Generator<Uint8Array, void, undefined> {
        yield Buffer.from(String(this.n))
        throw new Error('no more paper')
      }
    }
    const often = { everySlots: 5, keepSlots: 2, chunkBytes: 1000 }
    const { violation } = await runPlan(
      { ...plan, snapshots: often },
      counting(() => new Failing()),
    )
    expect(violation?.message).toMatch(/^the snapshot of s\d failed: no more paper$/)
    class Later extends LazyCounter {
      override apply(): never {
        return Promise.reject(new Error('unheard')) as never
      }
    }
    const found = await runPlan(
      plan,
      counting(() => new Later()),
    )
    expect(found.violation?.message).toMatch(/^s\d gave up, invalid-machine: apply returned a promise/)
  })
})
