import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { freePorts } from '../ports.js'
import { temporaryDirectory } from '../processes.js'
import { Fifo } from './fifo.js'
import { BIN, LoneServer, serveArgs } from './lone-server.js'

let directory: string
beforeEach(async () => {
  directory = await temporaryDirectory()
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const fullDisk = process.platform === 'linux' ? undefined : '/dev/full is there on Linux only'
if (fullDisk !== undefined) console.log(`output to a full disk is not tested: ${fullDisk}`)

/** Has a server log something, and resolves when it has tried. */
async function logSomething(server: LoneServer): Promise<void> {
  // Before that the signal would end it.
  await server.serves()
  server.child.kill('SIGUSR2')
  await server.serves()
}

test('a server whose output pipes are full serves, and stops when asked', async () => {
  using pipe = new Fifo(join(directory, 'pipe'))
  pipe.fill()
  await using server = await LoneServer.start(directory, {
    stdio: ['ignore', pipe.writer, pipe.writer, 'ipc'],
  })
  await logSomething(server)
  expect(await server.kill('SIGTERM')).toBe(0)
})

test('a server serves, although another process sets their shared full pipe to blocking writes', async () => {
  using pipe = new Fifo(join(directory, 'pipe'))
  await using server = await LoneServer.start(directory, {
    stdio: ['ignore', pipe.writer, pipe.writer, 'ipc'],
  })
  await logSomething(server)
  // Node sets pipes back to how it found them when it ends.
  spawnSync(process.execPath, ['-e', 'process.stderr.write("")'], {
    stdio: ['ignore', 'ignore', pipe.writer],
  })
  pipe.fill()
  for (let count = 0; count < 3; count++) await logSomething(server)
  expect(await server.kill('SIGTERM')).toBe(0)
})

test('a server whose readers are gone goes on, stops when asked, and reports to later readers how many lines are missing', async () => {
  using out = new Fifo(join(directory, 'out'))
  using err = new Fifo(join(directory, 'err'))
  for (const pipe of [out, err]) pipe.closeReader()
  await using server = await LoneServer.start(directory, {
    stdio: ['ignore', out.writer, err.writer, 'ipc'],
    args: ['--json'],
  })
  for (let count = 0; count < 3; count++) await logSomething(server)
  err.openReader()
  let text = ''
  await expect
    .poll(async () => {
      await logSomething(server)
      text += err.read()
      return text
    })
    .toMatch(/missing here.*\n.*SIGUSR2/)
  const [notice = '', ...others] = text.trimEnd().split('\n')
  const { lines, message } = JSON.parse(notice) as { lines: number; message: string }
  expect(message).toBe(`${lines} lines could not be written, and are missing here`)
  // What one that starts logs, and what signals made it log; several signals at once may be one.
  expect(lines).toBeGreaterThan(3)
  for (const line of others) expect(JSON.parse(line)).not.toHaveProperty('lines')
  err.closeReader()
  expect(await server.kill('SIGTERM')).toBe(0)
})

test.skipIf(fullDisk !== undefined)(
  'a server that logs to a full disk serves, and stops when asked',
  async () => {
    const full = openSync('/dev/full', 'w')
    await using server = await LoneServer.start(directory, { stdio: ['ignore', full, full, 'ipc'] })
    closeSync(full)
    await logSomething(server)
    expect(await server.kill('SIGTERM')).toBe(0)
  },
)

test('a server that was started with stdin, stdout and stderr closed serves, and mixes no output into its files', async () => {
  await using server = await LoneServer.start(directory, {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    under: ['sh', '-c', 'exec "$@" <&- >&- 2>&-', 'sh'],
  })
  await logSomething(server)
  expect(await server.kill('SIGTERM')).toBe(0)
  await using again = await LoneServer.start(directory, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  await again.serves()
  expect(await again.kill('SIGTERM')).toBe(0)
})

test('a replica whose disk fails has the exit code for it, also if its output is not read', async () => {
  using pipe = new Fifo(join(directory, 'pipe'))
  pipe.fill()
  await mkdir(join(directory, 's1', 'identity'), { recursive: true })
  await using server = await LoneServer.start(directory, {
    stdio: ['ignore', pipe.writer, pipe.writer, 'ipc'],
  })
  expect(await server.exited).toBe(1)
})

test('a demo whose pipes are full runs, and stops all its replicas when asked', async () => {
  using pipe = new Fifo(join(directory, 'pipe'))
  pipe.fill()
  const port = await freePorts(2)
  const demo = spawn(
    process.execPath,
    [BIN, 'demo', '--replicas', '1', '--base-port', String(port), '--dir', join(directory, 'demo')],
    { stdio: ['ignore', pipe.writer, pipe.writer, 'ipc'] },
  )
  try {
    const status = [BIN, 'get', 'none', '--timeout-ms', '60000', '--endpoints', `127.0.0.1:${port}`]
    expect(String(spawnSync(process.execPath, status).stderr)).toMatch(/not-found/)
    demo.kill('SIGTERM')
    expect(await once(demo, 'exit')).toEqual([0, null])
    expect(await readdir(join(directory, 'demo', 's1'))).not.toContain('lock')
  } finally {
    demo.kill('SIGKILL')
  }
})

test('a trace to a pipe is refused, as a slow reader could stop the replica', async () => {
  using pipe = new Fifo(join(directory, 'pipe'))
  const args = [...serveArgs(join(directory, 's1'), await freePorts(2)), '--trace', join(directory, 'pipe')]
  const { status, stderr } = spawnSync(process.execPath, [BIN, ...args], {
    stdio: ['ignore', pipe.writer, 'pipe'],
  })
  expect({ status, stderr: String(stderr) }).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/pipe is a pipe or a terminal; a trace is written to a file \(usage\)/),
  })
})

test('a command without a reader ends quietly, and a command that cannot write its output fails', async () => {
  using pipe = new Fifo(join(directory, 'pipe'))
  pipe.closeReader()
  const help = (stdout: number) => {
    const { status, stderr } = spawnSync(process.execPath, [BIN, 'help'], {
      stdio: ['ignore', stdout, 'pipe'],
    })
    return { status, stderr: String(stderr) }
  }
  expect(help(pipe.writer)).toEqual({ status: 141, stderr: '' })
  if (fullDisk !== undefined) return
  const full = openSync('/dev/full', 'w')
  expect(help(full)).toEqual({
    status: 1,
    stderr: expect.stringMatching(/^error: the output could not be written: ENOSPC.* \(output-failed\)\n$/),
  })
  closeSync(full)
})
