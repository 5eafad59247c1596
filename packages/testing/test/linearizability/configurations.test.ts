import { expect, test } from 'vitest'
import { BitSet } from '../../src/linearizability/bit-set.js'
import { Configurations } from '../../src/linearizability/configurations.js'

test('a configuration is visited unless one with fewer pending operations was visited before', () => {
  const configurations = new Configurations()
  const ordered = new BitSet(10)
  const admit = (...used: number[]) => configurations.admit(ordered, 0, used)
  expect(admit(1, 1, 3)).toBe(true)
  expect(admit(1, 1, 3)).toBe(false)
  expect(admit(1, 1, 2, 3)).toBe(false)
  expect(admit(1, 2, 3)).toBe(true)
  expect(admit(3)).toBe(true)
  expect(admit(1, 3)).toBe(false)
  expect(admit(1, 1)).toBe(true)
  expect(configurations.count).toBe(7)
})

test('configurations differ if their states or their sets of ordered operations do', () => {
  const configurations = new Configurations()
  const ordered = new BitSet(10)
  expect(configurations.admit(ordered, 0, [])).toBe(true)
  expect(configurations.admit(ordered, 1, [])).toBe(true)
  expect(configurations.admit(ordered, 0x10000, [])).toBe(true)
  ordered.add(4)
  expect(configurations.admit(ordered, 0, [])).toBe(true)
  ordered.delete(4)
  expect(configurations.admit(ordered, 0, [])).toBe(false)
})
