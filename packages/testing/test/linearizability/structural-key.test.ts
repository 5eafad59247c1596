import { expect, test } from 'vitest'
import { structuralKey } from '../../src/linearizability/structural-key.js'

test('different values have different keys', () => {
  const values = [
    ...[undefined, null, true, false, 0, -0, 1, NaN, Infinity, 1n, '', '1', '1n', 'null', 'a,b'],
    ...[[], [[]], [undefined], [1, 2], [2, 1], ['1,2'], new Set([1, 2]), new Set([12]), new Set()],
    ...[{}, { a: undefined }, { a: 1 }, { a: '1' }, { a: 1, b: 2 }, { 'a:1,b': 2 }, { a: { b: 1 } }],
    ...[new Map(), new Map([['a', 1]]), new Map([[1, 'a']]), new Uint8Array(), new Uint8Array([1, 2])],
  ]
  expect(new Set(values.map(structuralKey)).size).toBe(values.length)
})

test('the order of properties, of maps and of sets does not matter', () => {
  expect(structuralKey({ a: 1, b: [2] })).toBe(structuralKey({ b: [2], a: 1 }))
  expect(structuralKey(new Set([1, 2]))).toBe(structuralKey(new Set([2, 1])))
  expect(
    structuralKey(
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
    ),
  ).toBe(
    structuralKey(
      new Map([
        ['b', 2],
        ['a', 1],
      ]),
    ),
  )
})

test('a value that is not plain data is refused', () => {
  class Secret {
    readonly #value = 1
    reveal() {
      return this.#value
    }
  }
  for (const value of [new Secret(), () => 1, Symbol('s'), new Date(0), [new Secret()]]) {
    expect(() => structuralKey(value)).toThrow(TypeError)
  }
})
