import { mkdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { freePorts, isFree } from './ports.js'
import { temporaryDirectory } from './processes.js'
import { SynodProcess, runCli } from './synod-process.js'

let directory: string
let port: number
/** The first three of the demo's client addresses. */
let endpoints: string[]
beforeEach(async () => {
  directory = await temporaryDirectory()
  port = await freePorts(6)
  endpoints = [port, port + 2, port + 4].map((each) => `127.0.0.1:${each}`)
})
afterEach(() => rm(directory, { recursive: true, force: true }))

function startDemo(...args: string[]): SynodProcess {
  return new SynodProcess(['demo', '--base-port', String(port), ...args], { cwd: directory })
}

/** Runs a command that must succeed, and returns what it printed. */
async function ok(...args: string[]): Promise<string> {
  const { code, stderr, stdout } = await runCli([...args, '--endpoints', endpoints.join(',')], {
    cwd: directory,
  })
  expect({ code, stderr }, args.join(' ')).toMatchObject({ code: 0 })
  return stdout
}

/** Runs a command that must fail, and returns what it printed on stderr. */
async function fails(code: number, ...args: string[]): Promise<string> {
  const exit = await runCli(args, { cwd: directory })
  expect(exit, args.join(' ')).toMatchObject({ code, stdout: '' })
  return exit.stderr
}

interface ReadyEvent {
  readonly event: 'ready'
  readonly leader: number
  readonly replicas: { id: number; pid: number; clients: string; peers: string; dataDir: string }[]
}

interface EndedEvent {
  readonly name: string
  readonly pid: number
  readonly how: string
  readonly command: string
}

test('a demo starts, survives the loss of its leader, takes it back, stops, and finds its data at the next start', async () => {
  await using demo = startDemo('--json')
  const ready = JSON.parse((await demo.stdoutMatch(/^.*"ready".*$/m))[0]) as ReadyEvent
  expect(ready.replicas.map(({ clients }) => clients)).toEqual(endpoints)
  expect(await ok('put', 'hello', 'world')).toBe('created\n')
  expect(await ok('get', 'hello')).toBe('world')

  const statuses = JSON.parse(await ok('status', '--json')) as { endpoints: { status: { leader: number } }[] }
  const victim = ready.replicas.find(({ id }) => id === statuses.endpoints[0]!.status.leader)!
  process.kill(victim.pid, 'SIGKILL')
  const ended = JSON.parse((await demo.stdoutMatch(/^.*"ended".*$/m))[0]) as EndedEvent
  expect(ended).toMatchObject({ name: `s${victim.id}`, pid: victim.pid, how: 'was killed by SIGKILL' })
  expect(await ok('put', 'hello', 'again')).toBe('replaced\n')
  expect(await ok('status')).toMatch(new RegExp(`${victim.clients} .*refused`))

  // What it says to type is `node path/to/bin.js serve …` here, as that is how this test runs it.
  const typed = ended.command.split(' ')
  expect(typed[0]).toBe('node')
  {
    await using serve = new SynodProcess(typed.slice(2), { cwd: directory })
    await serve.stdoutMatch(new RegExp(`^ready s${victim.id} pid ${serve.pid} `))
    expect(await runCli(['get', 'hello', '--endpoints', victim.clients])).toMatchObject({ stdout: 'again' })
    expect(await serve.kill('SIGTERM')).toMatchObject({ code: 0 })
  }

  expect(await demo.kill('SIGINT')).toMatchObject({ code: 0 })
  expect(demo.stdout).toMatch(/\{"event":"stopped"\}\n$/)
  for (const { pid } of ready.replicas) expect(() => process.kill(pid, 0)).toThrow('ESRCH')

  await using second = startDemo()
  await second.stdoutMatch(/^Next, in a second terminal: .*kill -9 \d+/m)
  for (const name of ['s1', 's2', 's3']) {
    expect(second.stdout).toMatch(
      new RegExp(`^${name} +\\d+ +127[.\\d]+:\\d+ +127[.\\d]+:\\d+ +\\.synod/demo/${name}`, 'm'),
    )
  }
  expect(await ok('get', 'hello')).toBe('again')
  expect(await second.kill('SIGTERM')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^stopped; .*\.synod/m),
  })
})

test('in leaderless mode the demo survives the loss of any replica', async () => {
  await using demo = startDemo('--mode', 'leaderless')
  const [, pid] = await demo.stdoutMatch(/kill a replica with kill -9 (\d+)/)
  await ok('put', 'hello', 'world')
  process.kill(Number(pid), 'SIGKILL')
  await demo.stdoutMatch(/^s1 \(pid \d+\) was killed by SIGKILL\. To bring it back: node .* serve --id 1 /m)
  expect(await ok('get', 'hello')).toBe('world')
})

test('every command on keys does what it says', async () => {
  await using demo = startDemo('--replicas', '1')
  await demo.stdoutMatch(/^Next/m)
  endpoints = endpoints.slice(0, 1)
  const at = ['--endpoints', endpoints[0]!]

  const input = 'two\nlines\n'
  // More than a pipe holds.
  const large = 'large '.repeat(100_000)
  expect(await runCli(['put', 'text', '-', ...at], { input: large })).toMatchObject({ stdout: 'created\n' })
  expect((await ok('get', 'text')) === large, 'the value is the same').toBe(true)
  expect(await runCli(['put', 'text', '-', ...at], { input })).toMatchObject({ stdout: 'replaced\n' })
  expect(await ok('get', 'text')).toBe(input)
  expect(JSON.parse(await ok('get', 'text', '--json'))).toEqual({
    key: 'text',
    value: input,
    slot: expect.any(Number),
  })
  expect(await fails(1, 'get', 'none', ...at)).toBe("error: there is no key 'none' (not-found)\n")
  expect(JSON.parse(await fails(1, 'get', 'none', '--json', ...at))).toMatchObject({
    error: { code: 'not-found' },
  })

  expect(await ok('cas', '--absent', 'door', 'open')).toBe('swapped\n')
  expect(await ok('cas', 'door', 'open', 'shut')).toBe('swapped\n')
  expect(await fails(1, 'cas', 'door', 'open', 'shut', ...at)).toMatch(/\(cas-mismatch\)$/m)
  expect(JSON.parse(await fails(1, 'cas', '--absent', 'door', 'x', '--json', ...at))).toMatchObject({
    error: { code: 'cas-mismatch', actual: { value: 'shut' } },
  })

  expect(await ok('incr', 'n')).toBe('1\n')
  expect(await ok('incr', 'n', '-3')).toBe('-2\n')
  expect(await fails(1, 'incr', 'door', ...at)).toMatch(/not an integer \(increment-refused\)$/m)

  expect(await ok('range', '')).toBe(`door\tshut\nn\t-2\ntext\t${input}\n`)
  expect(await ok('range', '', '--keys-only', '--limit', '2')).toBe('door\nn\n')
  expect(JSON.parse(await ok('range', 'n', '--json'))).toEqual({
    pairs: [{ key: 'n', value: '-2' }],
    more: false,
    slot: expect.any(Number),
  })
  expect(await ok('range', '', '--keys-only', '--after', 'n')).toBe('text\n')

  const { slot } = JSON.parse(await ok('get', 'n', '--json')) as { slot: number }
  expect(await ok('get', 'n', '--at-least', String(slot))).toBe('-2')
  expect(await ok('range', 'n', '--stale', '--at-least', String(slot))).toBe('n\t-2\n')
  expect(
    await fails(1, 'get', 'n', '--at-least', String(slot + 1_000_000), '--timeout-ms', '200', ...at),
  ).toMatch(/\(too-stale\)$/m)

  expect(await ok('del', 'door')).toBe('deleted\n')
  expect(await ok('del', 'door')).toBe('there was no such key\n')

  const result = JSON.parse(
    await ok(
      'bench',
      '--json',
      '--connections',
      '2',
      '--seconds',
      '0.2',
      '--warmup-seconds',
      '0.1',
      '--reads',
      '50',
    ),
  ) as { operations: number; latencyMs: { p50: number; max: number }; errors: object }
  expect(result.operations).toBeGreaterThan(0)
  expect(result.latencyMs.p50).toBeLessThanOrEqual(result.latencyMs.max)
  expect(result.errors).toEqual({})

  // While the replica runs: nothing is taken, nothing changed.
  const report = await runCli(['inspect', join('.synod', 'demo', 's1'), '--records'], { cwd: directory })
  expect(report.stdout).toMatch(/^identity {3}s1 of cluster 'demo', in leader mode/m)
  expect(report.stdout).toMatch(/^ {4}vote at \(\d+, s1\) in slots? \d+/m)
})

test('a demo names the port that is taken', async () => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen({ host: '127.0.0.1', port: port + 3 }, resolve))
  const stderr = await fails(1, 'demo', '--base-port', String(port))
  await new Promise((resolve) => other.close(resolve))
  expect(stderr).toContain(`cannot listen at 127.0.0.1:${port + 3} for the peers of s2: `)
  expect(stderr).toMatch(/--base-port .* \(port-in-use\)$/m)
})

test('a demo refuses data of the other mode, and says what to do', async () => {
  {
    await using demo = startDemo('--replicas', '1')
    await demo.stdoutMatch(/^Next/m)
    await demo.kill('SIGTERM')
  }
  const sameDirectory = ['--mode', 'leaderless', '--dir', join('.synod', 'demo')]
  const demo = await fails(1, 'demo', '--replicas', '1', '--base-port', String(port), ...sameDirectory)
  expect(demo).toMatch(/holds a demo in leader mode.*--mode leader.*--fresh.*--dir.*\(wrong-mode\)$/m)

  const identity = ['--id', '1', '--cluster-name', 'demo', '--data-dir', join('.synod', 'demo', 's1')]
  const addresses = ['--servers', `1=127.0.0.1:${port + 1}`, '--clients', endpoints[0]!]
  const serve = await fails(1, 'serve', ...identity, ...addresses, '--mode', 'leaderless')
  expect(serve).toMatch(/^error: .* belongs to a cluster with leader mode.* \(wrong-mode\)$/m)
})

test('a replica that cannot start ends the demo, with the last error of the replica', async () => {
  {
    await using demo = startDemo('--replicas', '1')
    await demo.stdoutMatch(/^Next/m)
    await demo.kill('SIGTERM')
  }
  await rm(join(directory, '.synod', 'demo', 's1', 'identity'))
  await mkdir(join(directory, '.synod', 'demo', 's1', 'identity'))
  const stderr = await fails(1, 'demo', '--replicas', '1', '--base-port', String(port))
  expect(stderr).toMatch(
    /^error: s1 exited with code 1 before the cluster was ready: .*journal.* \(replica-ended\)$/m,
  )
})

test('a second Ctrl-C kills replicas that do not stop', async () => {
  await using demo = startDemo('--replicas', '1')
  const [, pid] = await demo.stdoutMatch(/^s1 +(\d+)/m)
  process.kill(Number(pid), 'SIGSTOP')
  demo.signal('SIGINT')
  await demo.stderrMatch(/stopping the replicas/)
  expect(await demo.kill('SIGINT')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^stopped; /m) })
  expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH')
})

test('the replicas of a demo end with it', async () => {
  {
    await using demo = startDemo()
    await demo.stdoutMatch(/^Next/m)
    await demo.kill('SIGKILL')
  }
  const ports = Array.from({ length: 6 }, (_, index) => port + index)
  await vi.waitFor(async () => expect(await Promise.all(ports.map(isFree))).not.toContain(false), 60_000)
  await using next = startDemo()
  await next.stdoutMatch(/^Next/m)
})

test('wrong usage and failure have different exit codes', async () => {
  expect(await fails(2, 'put', 'key')).toBe("error: missing required argument 'value' (usage)\n")
  expect(await fails(2, 'cas', 'key', 'value')).toBe("error: missing required argument 'value' (usage)\n")
  expect(await fails(2, 'put', 'a', 'b', 'c')).toMatch(
    /^error: too many arguments for 'put': expected 2 .* \(usage\)$/m,
  )
  expect(await fails(2, 'serve', '--mode', 'both')).toMatch(
    /is invalid: allowed choices are leader, leaderless \(usage\)$/m,
  )
  expect(await fails(2, 'demo', '--replicas', '7')).toMatch(/^error: more than 6 .* \(usage\)$/m)
  expect(await fails(2, 'serve', '--id', 'one')).toMatch(
    /^error: .*whole number from 1 to 65535.* \(usage\)$/m,
  )
  expect(JSON.parse(await fails(2, 'put', '--json'))).toMatchObject({ error: { code: 'usage' } })
  expect(await fails(2)).toMatch(/^Usage: synod/)
  expect(await fails(2, 'member')).toMatch(/^Usage: synod member/)
  expect(await fails(2, 'member', 'add', '4')).toMatch(/^error: .*4=10\.0\.0\.4:2380.* \(usage\)$/m)
  expect(await fails(1, 'get', 'key', '--endpoints', 'nowhere')).toMatch(/\(invalid-options\)$/m)
})

test('a command fails within its deadline if no server listens', async () => {
  const stderr = await fails(1, 'get', 'key', '--endpoints', endpoints.join(','), '--timeout-ms', '200')
  expect(stderr).toMatch(/^error: no answer from .*refused.* \(unreachable\)$/m)
  const status = await runCli(['status', '--endpoints', endpoints[0]!, '--timeout-ms', '200'])
  expect(status).toMatchObject({ code: 1, stdout: expect.stringMatching(/refused/) })
})
