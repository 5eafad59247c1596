import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const read = (path: string) => readFile(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8')

test('docs/reference/errors.md describes exactly the codes of ErrorCode', async () => {
  const union = /export type ErrorCode =((?:\s*\| '[a-z-]+')+)/.exec(
    await read('packages/synod/src/errors.ts'),
  )
  const codes = [...union![1]!.matchAll(/'([a-z-]+)'/g)].map((match) => match[1])
  const page = await read('docs/reference/errors.md')
  const sections = page.split(/^## /m).slice(1)
  expect(sections.map((section) => section.split('\n')[0]).sort()).toEqual([...codes].sort())
  for (const section of sections) {
    expect(section).toMatch(/\*\*Executed\?\*\* /)
    expect(section).toMatch(/\*\*What to do\.\*\* /)
  }
})

test('docs/reference/cli.md describes exactly the codes of the command', async () => {
  const union = /export type CliErrorCode =((?:\s*\|? ?'[a-z-]+')+)/.exec(
    await read('packages/server/src/terminal/cli-error.ts'),
  )
  const codes = [...union![1]!.matchAll(/'([a-z-]+)'/g)].map((match) => match[1])
  const page = await read('docs/reference/cli.md')
  const [, table] = page.split('## Errors')
  expect([...table!.matchAll(/^\| `([a-z-]+)`/gm)].map((match) => match[1]).sort()).toEqual([...codes].sort())
})
