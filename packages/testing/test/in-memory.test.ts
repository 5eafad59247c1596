import type { ApplyContext, Replicated } from 'synod'
import type { SynodError } from 'synod'
import { describe, expect, test } from 'vitest'
import { InMemory } from '../src/index.js'

class Counter {
  total = 0
  apply(amount: number, { timeMs }: ApplyContext): { total: number; timeMs: number } {
    if (amount < 0) throw new Error('no way back')
    this.total += amount
    return { total: this.total, timeMs }
  }
  query(_: 'total'): number {
    return this.total
  }
}

/** Code of a user, which knows the interface alone. */
async function visit(state: Replicated<Counter>): Promise<number> {
  try {
    return (await state.execute(1)).total
  } catch (error) {
    const { request, retryable } = error as SynodError
    if (retryable) return (await state.execute(1)).total
    if (request !== undefined) return (await state.execute(1, { resume: request })).total
    throw error
  }
}

describe('a state machine in memory', () => {
  test('executes commands and answers queries, at the time that the test sets', async () => {
    const state = new InMemory(new Counter())
    expect(await state.execute(2)).toEqual({ total: 2, timeMs: 0 })
    state.advance(50)
    expect(await state.execute(3)).toEqual({ total: 5, timeMs: 50 })
    expect(await state.read('total')).toBe(5)
    expect(await state.readStale('total', { atLeast: state.seen })).toEqual({ answer: 5, slot: 2 })
    await expect(state.readStale('total', { atLeast: 3 })).rejects.toMatchObject({ code: 'too-stale' })
    expect(() => state.advance(-1)).toThrow(RangeError)
  })

  test('fails as a cluster does if the machine throws or the caller gives up', async () => {
    const state = new InMemory(new Counter())
    await expect(state.execute(-1)).rejects.toMatchObject({
      ...{ code: 'command-failed', message: 'no way back', mayHaveExecuted: false, retryable: false },
    })
    await expect(state.execute(1, { signal: AbortSignal.abort('enough') })).rejects.toMatchObject({
      ...{ code: 'aborted', cause: 'enough' },
    })
    expect(await state.read('total')).toBe(0)
  })

  test.each([
    ['refused', 1],
    ['lost', 1],
    ['executed', 1],
  ] as const)(
    'is counted once by code that inspects the error, when a command is %s',
    async (kind, total) => {
      const state = new InMemory(new Counter())
      state.failNext('no-quorum', kind)
      expect(await visit(state)).toBe(total)
      expect(await state.read('total')).toBe(total)
    },
  )

  test('resumes a request any number of times, and executes it once', async () => {
    const state = new InMemory(new Counter())
    state.failNext('closed', 'lost')
    const { request } = (await state.execute(1).catch((error: unknown) => error)) as SynodError
    await state.execute(5)
    for (let count = 0; count < 2; count++)
      expect(await state.execute(1, { resume: request })).toMatchObject({ total: 6 })
    await expect(state.execute(2, { resume: request })).rejects.toMatchObject({ code: 'invalid-options' })
    const other = new InMemory(new Counter())
    await expect(other.execute(1, { resume: request })).rejects.toMatchObject({ code: 'invalid-options' })
  })

  test('copies values, so that callers cannot change its state', async () => {
    class Notes {
      readonly texts: string[] = []
      apply(text: string): string[] {
        this.texts.push(text)
        return this.texts
      }
      query(_: 'all'): string[] {
        return this.texts
      }
    }
    const state = new InMemory(new Notes())
    const [result, answer] = [await state.execute('a'), await state.read('all')]
    result.push('b')
    answer.push('c')
    expect(await state.read('all')).toEqual(['a'])
  })

  test('refuses an object that is no state machine', () => {
    expect(() => new InMemory({} as never)).toThrow('machine must be an object with the methods')
  })
})
