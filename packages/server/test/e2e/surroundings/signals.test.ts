import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { KvClient } from 'synod-server'
import { freePorts } from '../ports.js'
import { temporaryDirectory } from '../processes.js'
import { BIN, LoneServer, serveArgs } from './lone-server.js'

let directory: string
beforeEach(async () => {
  directory = await temporaryDirectory()
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const noTerminal =
  process.platform !== 'linux' || spawnSync('script', ['--version']).error !== undefined
    ? 'it takes script(1) of util-linux'
    : undefined
if (noTerminal !== undefined) console.log(`servers in a terminal are not tested: ${noTerminal}`)

test.each([
  ['by itself', []],
  ['under nohup', ['nohup']],
])('a server without a terminal, %s, ignores SIGHUP, SIGUSR1 and SIGUSR2', async (_, under) => {
  await using server = await LoneServer.start(directory, {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    under,
  })
  let log = ''
  server.child.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()))
  await server.serves()
  for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) {
    server.child.kill(signal)
    await expect.poll(() => log, { timeout: 60_000 }).toMatch(new RegExp(` info .*${signal} is ignored\n`))
  }
  await server.serves()
  expect(log).not.toMatch(/Debugger/)
  expect(await server.kill('SIGTERM')).toBe(0)
})

/** A server in a terminal of its own, in which `keys` can be pressed. */
async function inTerminal(): Promise<{
  terminal: ReturnType<typeof spawn>
  endpoint: string
  pid: number
  dataDir: string
}> {
  const port = await freePorts(2)
  const dataDir = join(directory, 's1')
  const command = [process.execPath, BIN, ...serveArgs(dataDir, port)].join(' ')
  const terminal = spawn('script', ['-qfc', `exec ${command}`, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let shown = ''
  terminal.stdout.on('data', (chunk: Buffer) => (shown += chunk.toString()))
  await expect.poll(() => shown, { timeout: 60_000 }).toMatch(/ready s1 pid \d+ /)
  const pid = Number(/ready s1 pid (\d+) /.exec(shown)?.[1])
  return { terminal, endpoint: `127.0.0.1:${port}`, pid, dataDir }
}

function isRunning(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

async function put(endpoint: string): Promise<void> {
  await using client = await KvClient.connect({ endpoints: [endpoint], timeoutMs: 60_000 })
  await client.put('key', 'value')
}

test.skipIf(noTerminal !== undefined)(
  'a server in a terminal that is stopped with Ctrl-S serves, and stops when asked',
  async () => {
    const { terminal, endpoint, pid, dataDir } = await inTerminal()
    try {
      terminal.stdin?.write('\x13')
      await put(endpoint)
      for (let count = 0; count < 3; count++) {
        process.kill(pid, 'SIGUSR2')
        await put(endpoint)
      }
      process.kill(pid, 'SIGTERM')
      await expect.poll(() => isRunning(pid), { timeout: 60_000 }).toBe(false)
      expect(await readdir(dataDir)).not.toContain('lock')
    } finally {
      terminal.kill('SIGKILL')
    }
  },
)

test.skipIf(noTerminal !== undefined)('a server whose terminal is closed stops in order', async () => {
  const { terminal, endpoint, pid, dataDir } = await inTerminal()
  await put(endpoint)
  const gone = once(terminal, 'exit')
  terminal.kill('SIGKILL')
  await gone
  await expect.poll(() => isRunning(pid), { timeout: 60_000 }).toBe(false)
  expect(await readdir(dataDir)).not.toContain('lock')
})
