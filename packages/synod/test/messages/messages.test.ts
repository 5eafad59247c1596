// What callers read: each message with a situation that makes it.
import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { REFUSED_CALLS } from './refused-calls.js'
import { SERVERS } from './servers.js'
import { UNANSWERED_CALLS } from './unanswered-calls.js'

const situations = [...UNANSWERED_CALLS, ...REFUSED_CALLS, ...SERVERS]
const named = situations.map((situation) => [situation.name, situation.code, situation] as const)

describe('the error message of', () => {
  test.each(named)('%s (%s)', async (_, code, { failure, message }) => {
    const error = await failure()
    expect(error).toMatchObject({ code })
    if (typeof message === 'string') expect(error?.message).toBe(message)
    else expect(error?.message).toMatch(message)
  })
})

test('every error code has a situation', async () => {
  const source = await readFile(new URL('../../src/errors.ts', import.meta.url), 'utf8')
  const union = /export type ErrorCode =((?:\s*\| '[a-z-]+')+)/.exec(source)
  const codes = [...union![1]!.matchAll(/'([a-z-]+)'/g)].map(([, code]) => code)
  expect([...new Set(situations.map(({ code }) => code))].sort()).toEqual(codes.sort())
})
