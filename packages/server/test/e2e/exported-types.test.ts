import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from './docs/snippets.js'
import { unexportedTypes } from './exported-types.js'

test.each(['synod', 'store', 'store/client', 'testing', 'server'])(
  '%s exports every type that its exports name',
  (name) => {
    const [folder = '', part = ''] = name.split('/')
    expect(unexportedTypes(join(ROOT, 'packages', folder, 'dist', part, 'index.d.ts'))).toEqual([])
  },
)
