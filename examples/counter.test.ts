import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { freePorts } from './free-ports.js'

const run = promisify(execFile)

test('the counter keeps its value while one of three replicas is down', async () => {
  const example = fileURLToPath(new URL('dist/counter.js', import.meta.url))
  const { stderr, stdout } = await run(process.execPath, [example, `${await freePorts(3)}`], {
    timeout: 60_000,
  })
  expect(stdout).toBe('s1: 30\ns2: 30\ns3: 30\n')
  expect(stderr).toBe('')
})

test('the example fits on one screen', async () => {
  const text = await readFile(new URL('counter.ts', import.meta.url), 'utf8')
  expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(40)
})
