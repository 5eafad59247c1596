import { expect, test } from 'vitest'
import { World } from '../../../testing/src/simulator/world.js'
import { type Codec, jsonCodec } from '../../src/machine/codec.js'

/** A list that it hands out as it is; its codecs count what they do. */
class List {
  readonly list: string[] = []
  calls = 0
  readonly codecs = { query: this.#counted<string>(), answer: this.#counted<readonly string[]>() }

  apply(text: string): number {
    return this.list.push(text)
  }

  query(query: string): readonly string[] {
    if (query === 'later') return Promise.resolve([]) as never
    if (query !== 'all') throw new Error(`no query: ${query}`)
    return this.list
  }

  #counted<T>(): Codec<T> {
    const { decode, encode } = jsonCodec<T>()
    return {
      encode: (value) => {
        this.calls++
        return encode(value)
      },
      decode: (bytes) => {
        this.calls++
        return decode(bytes)
      },
    }
  }
}

class FrozenList extends List {
  readonly immutableAnswers = true
}

async function formed<M extends List>(machine: () => M) {
  const world = new World<M>({ servers: 1, machine })
  await world.openAll()
  const replica = world.replica(1)
  await world.settled(replica.execute('a' as never))
  return { world, replica, machine: world.server(1).machine }
}

test('by default an answer is a copy, which callers can change without changing the state', async () => {
  const { machine, replica, world } = await formed(() => new List())
  const answer = (await world.settled(replica.read('all'))) as string[]
  answer.push('b')
  expect(machine.list).toEqual(['a'])
  expect(machine.calls).toBe(4)
  const stale = await world.settled(replica.readStale('all'))
  expect(stale.answer).not.toBe(machine.list)
  expect(machine.calls).toBe(8)
})

test('with immutableAnswers an answer is passed as it is, without a codec', async () => {
  const { machine, replica, world } = await formed(() => new FrozenList())
  expect(await world.settled(replica.read('all'))).toBe(machine.list)
  expect((await world.settled(replica.readStale('all'))).answer).toBe(machine.list)
  expect(machine.calls).toBe(0)
  expect(await world.failure(replica.read('none'))).toMatchObject({
    code: 'command-failed',
    message: 'no query: none',
  })
  expect(await world.failure(replica.read('later'))).toMatchObject({ code: 'invalid-machine' })
})
