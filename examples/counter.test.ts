import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)

test('the counter survives in three replicas', async () => {
  const example = fileURLToPath(new URL('dist/counter.js', import.meta.url))
  const { stderr, stdout } = await run(process.execPath, [example, `${await freePorts(3)}`], {
    timeout: 60_000,
  })
  expect(stdout).toBe('s1: 30\ns2: 30\ns3: 30\n')
  expect(stderr).toBe('')
})

test('and fits on one screen', async () => {
  const text = await readFile(new URL('counter.ts', import.meta.url), 'utf8')
  expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(40)
})

/** The first of some ports in a row that nobody listens at. */
async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = await listen(0)
    const rest = await Promise.allSettled(
      Array.from({ length: count - 1 }, (_, index) => listen(first + 1 + index)),
    )
    if (rest.every(({ status }) => status === 'fulfilled')) return first
  }
}

/** Listens for a moment, and says where. */
function listen(port: number): Promise<number> {
  return new Promise((found, failed) => {
    const server = createServer()
    server.once('error', failed)
    server.listen(port, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => found(port))
    })
  })
}
