import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { acceptanceTests } from 'synod-testing'
import { expect, test } from 'vitest'
import { leases } from './leases-workload.js'

for (const { name, run } of acceptanceTests(leases)) test(name, run)

test('the acceptance tests also pass under node:test', async () => {
  const file = fileURLToPath(new URL('dist/leases-acceptance.js', import.meta.url))
  const args = ['--test', '--test-reporter=tap', file]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  expect(stdout).toContain(`# pass ${acceptanceTests(leases).length}\n`)
})
