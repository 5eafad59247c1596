// The pages for newcomers, read from top to bottom: what they say to type, and what happens then.
import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePorts } from '../ports.js'
import { temporaryDirectory } from '../processes.js'
import { SynodProcess, runCli } from '../synod-process.js'
import { ROOT, commandsOfDocs } from './snippets.js'

let directory: string
beforeAll(async () => {
  directory = await temporaryDirectory()
})
afterAll(async () => {
  await rm(directory, { recursive: true, force: true })
})

test('first-cluster.md: three servers, a write, a read, a killed leader, a lost quorum', async () => {
  const first = await freePorts(6)
  const ports = [2379, 2380, 22379, 22380, 32379, 32380]
  const lines = (await commandsOfDocs())
    .filter(({ page }) => page === 'docs/start/first-cluster.md')
    .map(({ text }) => text.replace(/127\.0\.0\.1:(\d+)/g, (_, port) => `127.0.0.1:${portOf(Number(port))}`))
  function portOf(port: number): number {
    expect(ports).toContain(port)
    return first + ports.indexOf(port)
  }
  const starts = lines.filter((text) => text.startsWith('synod serve'))
  const clients = lines.filter((text) => /^synod (?!serve|demo)/.test(text))
  expect(starts).toHaveLength(3)
  expect(clients).toEqual([
    'synod put hello world',
    'synod get hello',
    'synod status',
    'synod put hello again',
    'synod get hello',
    'synod put hello nobody --timeout-ms 2000',
    'synod get hello --stale',
  ])
  const endpoints = [0, 2, 4].map((step) => `127.0.0.1:${first + step}`).join(',')
  const start = (line: string) => new SynodProcess(line.split(' ').slice(1), { cwd: directory })
  const ask = (line: string) =>
    runCli([...line.split(' ').slice(1), '--endpoints', endpoints], { cwd: directory })
  const [put, get, status, putAgain, getAgain, putNobody, getStale] = clients as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ]

  await using one = start(starts[0]!)
  await using two = start(starts[1]!)
  await using three = start(starts[2]!)
  const servers = [one, two, three]
  for (const server of servers) await server.stdoutMatch(/^ready .* pid \d+/m)
  expect(await ask(put)).toMatchObject({ code: 0, stdout: 'created\n' })
  expect(await ask(get)).toMatchObject({ code: 0, stdout: 'world' })
  const { stdout } = await ask(status)
  const [, leader] = /^s(\d) +\S+ +leader/m.exec(stdout)!
  await servers[Number(leader) - 1]!.kill('SIGKILL')
  expect(await ask(putAgain)).toMatchObject({ code: 0 })
  expect(await ask(getAgain)).toMatchObject({ code: 0, stdout: 'again' })

  const second = Number(leader) % 3
  await servers[second]!.kill('SIGKILL')
  const refused = await ask(putNobody)
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('(no-quorum)')
  expect(await ask(getStale)).toMatchObject({ code: 0, stdout: 'again' })
  await using back = start(starts[second]!)
  await back.stdoutMatch(/^ready /m)
  expect(await ask(getAgain)).toMatchObject({ code: 0, stdout: 'again' })
})

test('first-state-machine.md: its program is the example, and compiles as the page says', async () => {
  const page = await readFile(join(ROOT, 'docs/start/first-state-machine.md'), 'utf8')
  const program = await readFile(join(ROOT, 'examples/counter-replica.ts'), 'utf8')
  expect(page).toContain(`\`\`\`ts\n${program}\`\`\`\n`)

  const [line] = (await commandsOfDocs())
    .filter(({ page }) => page === 'docs/start/first-state-machine.md')
    .map(({ text }) => text)
    .filter((text) => text.startsWith('npx tsc '))
  const project = join(directory, 'counter')
  await mkdir(project)
  await symlink(join(ROOT, 'node_modules'), join(project, 'node_modules'))
  await writeFile(join(project, 'package.json'), JSON.stringify({ type: 'module' }))
  await writeFile(join(project, 'counter.ts'), program)
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
  await promisify(execFile)(process.execPath, [tsc, ...line!.split(' ').slice(2)], { cwd: project })
  expect(await readFile(join(project, 'counter.js'), 'utf8')).toContain('Replica.open')
})
