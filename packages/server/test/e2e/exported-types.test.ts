import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from './docs/snippets.js'
import { unexportedTypes } from './exported-types.js'

test.each(['synod', 'testing', 'server'])('%s exports every type that its exports name', (name) => {
  expect(unexportedTypes(join(ROOT, 'packages', name, 'dist', 'index.d.ts'))).toEqual([])
})
