// Commands at the wrong moment, twice, several at once, and on the wrong directory: each refuses
// with words, and keeps what is there.
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { type Server, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { KvClient } from 'synod-server'
import { freePorts } from './ports.js'
import { temporaryDirectory } from './processes.js'
import { SynodProcess, runCli } from './synod-process.js'

const POLL_MS = 10

let cwd: string
let port: number
let server: SynodProcess

const run = (line: string) =>
  runCli(
    line
      .replaceAll('CLIENTS', String(port))
      .replaceAll('PEERS', String(port + 1))
      .split(' '),
    { cwd },
  )

beforeAll(async () => {
  cwd = await temporaryDirectory()
  port = await freePorts(10)
  const serve = `serve --id 1 --cluster-name test --servers 1=127.0.0.1:${port + 1} --clients 127.0.0.1:${port}`
  const start = async () => {
    const process = new SynodProcess([...serve.split(' '), '--data-dir', 'used'], { cwd })
    await process.stdoutMatch(/^ready /m)
    return process
  }
  server = await start()
  await using client = await KvClient.connect({ endpoints: [`127.0.0.1:${port}`], timeoutMs: 60_000 })
  for (let n = 0; n < 10; n++) await client.put(`key-${n}`, 'x'.repeat(100_000))
  expect(await run('snapshot save backup.snapshot --endpoints 127.0.0.1:CLIENTS')).toMatchObject({ code: 0 })
  await server.kill('SIGTERM')
  await cp(join(cwd, 'used'), join(cwd, 'stopped'), { recursive: true })
  server = await start()
  await mkdir(join(cwd, 'empty'))
  await writeFile(join(cwd, 'file'), 'not to be lost')
  await mkdir(join(cwd, 'old'))
  const old = { format: 1, cluster: 'test', mode: 'leader', server: 1 }
  await writeFile(join(cwd, 'old', 'identity'), JSON.stringify({ ...old, crc32: crc32(JSON.stringify(old)) }))
})

afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await rm(cwd, { recursive: true, force: true })
})

/** All that no refused command may change, with its content. */
async function contents(): Promise<string[]> {
  const names = await readdir(cwd, { recursive: true, withFileTypes: true })
  const files = names
    .filter((each) => each.isFile())
    .map(({ name, parentPath }) => join(parentPath, name))
    .filter((path) => !path.startsWith(join(cwd, 'used')))
    .sort()
  return Promise.all(files.map(async (path) => `${path} ${crc32(await readFile(path))}`))
}

const TO = '--id 1 --address 127.0.0.1:PEERS'
const SERVE =
  'serve --id 1 --cluster-name test --servers 1=127.0.0.1:FREE --clients 127.0.0.1:FREE2 --data-dir'
const HERE = '--endpoints 127.0.0.1:CLIENTS'

/** What is refused, and in which words. */
const REFUSED: readonly (readonly [string, RegExp])[] = [
  [`${SERVE} used`, /is in use by a running process.*directory-in-use/],
  [`${SERVE.replace('--id 1', '--id 2').replace('1=', '2=')} stopped`, /belongs to server s1, not to s2/],
  [`${SERVE.replace('-name test', '-name other')} stopped`, /belongs to cluster 'test'/],
  [`${SERVE} old`, /the data directory old is of another version of Synod.*nothing in it was changed/],
  [`${SERVE} file`, /file is a file: give a directory/],
  [`${SERVE} new --trace backup.snapshot`, /holds no trace.*not-a-trace/],
  [`recover --yes --from used --data-dir new ${TO}`, /is in use by a running process/],
  [
    `recover --yes --from stopped --data-dir new ${TO}`,
    /something answers at .*, where s1 .*cluster-running/,
  ],
  [`recover --yes --from stopped --from ./stopped --data-dir new ${TO}`, /given twice/],
  [`recover --yes --from stopped --data-dir stopped ${TO}`, /stopped is not empty/],
  [`recover --yes --from stopped --data-dir file ${TO}`, /file is a file: give a directory/],
  [`recover --yes --from empty --data-dir new ${TO}`, /empty is no data directory/],
  [`recover --yes --from old --data-dir new ${TO}`, /old cannot be used: the identity has format version 1/],
  [`recover --yes --from absent --data-dir new ${TO}`, /absent could not be read/],
  [`recover --yes --from file --data-dir new ${TO}`, /file could not be read/],
  [`snapshot restore backup.snapshot --data-dir stopped ${TO}`, /stopped is not empty/],
  [`snapshot restore backup.snapshot --data-dir used ${TO}`, /used is not empty/],
  [`snapshot restore backup.snapshot --data-dir file ${TO}`, /file is a file: give a directory/],
  [`snapshot restore file --data-dir new ${TO}`, /file cannot be used/],
  [`snapshot status file`, /file cannot be used/],
  [`snapshot save backup.snapshot ${HERE}`, /is there already.*file-exists/],
  [`snapshot save empty --force ${HERE}`, /EISDIR/],
  [`snapshot save absent/backup ${HERE}`, /ENOENT/],
  [`rebuild used`, /is in use by a running process/],
  [`rebuild stopped`, /has the only copy of its state/],
  [`rebuild empty`, /empty is no data directory/],
  [`rebuild old`, /the identity has format version 1/],
  [`rebuild file`, /ENOTDIR/],
  [`inspect file`, /ENOTDIR/],
  [`inspect absent`, /ENOENT/],
  [`demo --dir file --base-port FREE`, /file is a file.*not-a-demo/],
  [`demo --dir stopped --fresh --base-port FREE`, /was not made by synod demo.*not-a-demo/],
  [`simulate --mode leader --seed 1 --trace backup.snapshot`, /holds no trace.*not-a-trace/],
  [`check leader --goal leader --trace stopped/identity`, /holds no trace.*not-a-trace/],
  [`member remove 1 ${HERE}`, /a cluster cannot be without any server that votes/],
  [`member remove 1 --force ${HERE}`, /a cluster cannot be without any server that votes/],
  [`member remove 7 ${HERE}`, /s7 is not a member/],
  [`member update 7 --address 127.0.0.1:9 ${HERE}`, /s7 is not a member/],
  [`member add 1=127.0.0.1:9 ${HERE}`, /s1 is a member already/],
  [`member add 2=127.0.0.1:PEERS ${HERE}`, /change-refused/],
  [`transfer --to s9 ${HERE}`, /s9 is not a server that votes/],
]

test(
  'a command that is impossible in the current state is refused with the reason, and changes nothing',
  { timeout: 300_000 },
  async () => {
    const before = await contents()
    for (const [line, words] of REFUSED) {
      const free = line.replace('FREE2', String(port + 3)).replace('FREE', String(port + 2))
      const { code, signal, stderr } = await run(free)
      expect({ code, signal }, `${free}: ${stderr}`).toEqual({ code: 1, signal: null })
      expect(stderr, free).toMatch(words)
      expect(stderr, free).not.toMatch(/^ +at /m)
    }
    expect(await contents()).toEqual(before)
    expect(await run(`get key-1 ${HERE}`)).toMatchObject({ code: 0 })
  },
)

test(
  'of three equal commands at the same moment one succeeds, and the others are refused',
  { timeout: 120_000 },
  async () => {
    const lines = [
      `snapshot save several.snapshot ${HERE}`,
      `recover --yes --force --from stopped --data-dir recovered ${TO}`,
      `snapshot restore backup.snapshot --data-dir restored ${TO}`,
    ]
    for (const line of lines) {
      const codes = (await Promise.all([run(line), run(line), run(line)])).map(({ code }) => code)
      expect(codes.sort(), line).toEqual([0, 1, 1])
    }
    expect((await readdir(cwd)).filter((name) => name.endsWith('.partial'))).toEqual([])
    expect(await run('snapshot status several.snapshot')).toMatchObject({ code: 0 })
    for (const directory of ['recovered', 'restored'])
      expect((await run(`inspect ${directory}`)).stdout, directory).toMatch(/finding {4}clean/)
  },
)

test(
  'a change of the members that is repeated succeeds, and is made once',
  { timeout: 120_000 },
  async () => {
    for (const line of [
      `member add 2=127.0.0.1:9 --learner ${HERE}`,
      `member update 2 --address 127.0.0.1:10 ${HERE}`,
      `member remove 2 ${HERE}`,
    ])
      for (let times = 0; times < 2; times++) {
        const done = await run(line)
        expect(done.code, `${line}: ${done.stderr}`).toBe(0)
      }
    expect((await run(`member list ${HERE}`)).stdout.trim().split('\n')).toHaveLength(2)
  },
)

test('an interrupted snapshot save leaves no file, and a later save works', async () => {
  const relay = await stallingRelay()
  const save = ['snapshot', 'save', 'cut.snapshot', '--endpoints', `127.0.0.1:${port + 4}`]
  await using saving = new SynodProcess(save, { cwd })
  const left = async () => (await readdir(cwd)).filter((name) => name.startsWith('cut.snapshot'))
  while ((await left()).length === 0) await delay(POLL_MS)
  expect(await saving.kill('SIGINT')).toMatchObject({ code: null, signal: 'SIGINT' })
  expect(await left()).toEqual([])
  relay.close()
})

/** Passes on what the server sends, but no more than this: less than a snapshot. */
async function stallingRelay(limitBytes = 100_000): Promise<Server> {
  const relay = createServer((client) => {
    const there = connect(port, '127.0.0.1')
    let seenBytes = 0
    client.pipe(there)
    there.on('data', (data) => {
      seenBytes += data.length
      if (seenBytes < limitBytes) client.write(data)
    })
    for (const socket of [client, there]) socket.on('error', () => socket.destroy())
    client.on('close', () => there.destroy())
  })
  await new Promise<void>((resolve) => relay.listen(port + 4, '127.0.0.1', resolve))
  return relay
}
