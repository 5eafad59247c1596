// The acceptance tests of the leases with the test runner of Node: node --test leases-acceptance.js
import { test } from 'node:test'
import { acceptanceTests } from 'synod-testing'
import { leases } from './leases-workload.js'

for (const { name, run } of acceptanceTests(leases)) void test(name, run)
