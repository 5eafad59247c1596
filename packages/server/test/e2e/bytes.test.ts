// Keys and values through real processes: every byte comes back, or the command says why it cannot.
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { KvClient } from 'synod-server'
import { freePorts } from './ports.js'
import { temporaryDirectory } from './processes.js'
import { SynodProcess } from './synod-process.js'

const BIN = fileURLToPath(new URL('../../dist/bin.js', import.meta.url))

let directory: string
let endpoint: string
let demo: SynodProcess
beforeAll(async () => {
  directory = await temporaryDirectory()
  const port = await freePorts(2)
  endpoint = `127.0.0.1:${port}`
  demo = new SynodProcess(['demo', '--replicas', '1', '--base-port', String(port)], { cwd: directory })
  await demo.stdoutMatch(/^Next/m)
})
afterAll(async () => {
  await demo[Symbol.asyncDispose]()
  await rm(directory, { recursive: true, force: true })
})

interface Run {
  readonly input?: Uint8Array
  readonly env?: Readonly<Record<string, string>>
}

/** Runs the command to its end; stdout is bytes. */
function run(args: readonly string[], { env = {}, input }: Run = {}) {
  const { status, stderr, stdout } = spawnSync(process.execPath, [BIN, ...args, '--endpoints', endpoint], {
    cwd: directory,
    env: { PATH: process.env.PATH, ...env },
    ...(input === undefined ? {} : { input }),
  })
  return { status, stdout, stderr: stderr.toString() }
}

function ok(args: readonly string[], input?: Uint8Array): Buffer {
  const { status, stderr, stdout } = run(args, input === undefined ? {} : { input })
  expect({ args, status, stderr }).toEqual({ args, status: 0, stderr: '' })
  return stdout
}

/**
 * Runs the command as a shell does when it is given these words, with \\377 and the like in them.
 */
function typed(words: string, env: Readonly<Record<string, string>> = {}) {
  const script = `exec "$NODE" "$BIN" ${words} --endpoints "$ENDPOINT"`
  const { status, stderr, stdout } = spawnSync('sh', ['-c', script], {
    cwd: directory,
    env: { PATH: process.env.PATH, NODE: process.execPath, BIN, ENDPOINT: endpoint, ...env },
  })
  return { status, stdout, stderr: stderr.toString() }
}

const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
/** The random ones are printed if a test fails, as all of them are. */
const VALUES = {
  'no bytes': Buffer.alloc(0),
  'all bytes': Buffer.concat([ALL_BYTES, randomBytes(1000), Buffer.from('\ufffd\ufefftext\n')]),
}

describe('values of any bytes can be written and read', () => {
  test.each(Object.entries(VALUES))('%s', async (_, value) => {
    const hex = value.toString('hex')
    const file = join(directory, 'value')
    await writeFile(file, value)
    const base64 = value.toString('base64')
    const ways: readonly (readonly [readonly string[], Uint8Array?])[] = [
      [['put', 'k', '-'], value],
      [['put', 'k', '--value-file', '-'], value],
      [['put', 'k', '--value-file', file]],
      [['put', '6b', hex, '--encoding', 'hex']],
      [['put', '--encoding', 'base64', 'aw==', base64]],
    ]
    await using client = await KvClient.connect({ endpoints: [endpoint], timeoutMs: 60_000 })
    for (const [args, input] of ways) {
      ok(args, input)
      expect(Buffer.from((await client.get('k'))!).toString('hex')).toBe(hex)
      await client.delete('k')
    }
    await client.put('k', value)
    expect(ok(['get', 'k']).toString('hex')).toBe(hex)
    expect(ok(['get', '6b', '--encoding', 'hex']).toString()).toBe(`${hex}\n`)
    expect(ok(['get', 'aw==', '--encoding', 'base64']).toString()).toBe(`${base64}\n`)
    expect(JSON.parse(ok(['get', '6b', '--json', '--encoding', 'hex']).toString())).toMatchObject({
      key_hex: '6b',
      value_hex: hex,
    })
    const plain = JSON.parse(ok(['get', 'k', '--json']).toString()) as {
      value?: string
      value_base64?: string
    }
    const back =
      plain.value === undefined ? Buffer.from(plain.value_base64!, 'base64') : Buffer.from(plain.value)
    expect(back.toString('hex')).toBe(hex)
    expect(ok(['cas', 'k', '--expected-file', file, 'swapped']).toString()).toBe('swapped\n')
  })
})

describe('keys of any text can be written and read', () => {
  const keys = ['\ufeffa\nb\tc\0\x1b[31m\ufffdü\u{1f600}', '-']
  test.each(keys.map((key) => [JSON.stringify(key), key]))('%s', async (_, key) => {
    const bytes = Buffer.from(key)
    const file = join(directory, 'key')
    await writeFile(file, bytes)
    const [hex, base64] = [bytes.toString('hex'), bytes.toString('base64')]
    ok(['put', '--key-file', file, 'one'])
    expect(ok(['get', '--key-file', '-'], bytes).toString()).toBe('one')
    expect(ok(['get', hex, '--encoding', 'hex']).toString()).toBe('6f6e65\n')
    expect(ok(['range', hex, '--encoding', 'hex']).toString()).toBe(`${hex}\t6f6e65\n`)
    const range = JSON.parse(ok(['range', '', '--json', '--encoding', 'base64']).toString()) as {
      pairs: { key_base64: string }[]
    }
    expect(range.pairs.map(({ key_base64 }) => key_base64)).toContain(base64)
    const plain = JSON.parse(ok(['range', '', '--json']).toString()) as { pairs: { key: string }[] }
    expect(plain.pairs.map((pair) => pair.key)).toContain(key)
    expect(ok(['del', base64, '--encoding', 'base64']).toString()).toBe('deleted\n')
    const { status, stderr } = run(['get', '--key-file', file])
    expect(status).toBe(1)
    // eslint-disable-next-line no-control-regex
    expect(stderr).toMatch(/^error: there is no key '[^\x00-\x1f]*' \(not-found\)\n$/)
  })

  test('a key that is not UTF-8 is refused', async () => {
    const file = join(directory, 'key')
    await writeFile(file, Buffer.of(0x61, 0xff))
    for (const args of [
      ['put', '--key-file', file, 'x'],
      ['get', '--encoding', 'hex', '61ff'],
      ['range', '--encoding', 'hex', '61ff'],
    ]) {
      expect(run(args)).toMatchObject({
        status: 2,
        stderr: expect.stringMatching(
          / is text in UTF-8, and these bytes are not: 61ff \(usage\)\n$/,
        ) as string,
      })
    }
  })
})

test('arguments that are not UTF-8 are refused, and change nothing', () => {
  const words = [
    `put "$(printf 'a\\377')" value`,
    `put key "$(printf '\\300\\200')"`,
    `put key --value-file "$(printf '/tmp/\\377')"`,
    `get key --cluster "$(printf '\\377')"`,
    `range "$(printf '\\377')" --json`,
  ]
  ok(['put', 'key', 'before'])
  for (const each of words) {
    const { status, stderr } = typed(each)
    expect({ each, status }).toEqual({ each, status: 2 })
    expect(stderr).toMatch(/argument \d is not UTF-8: give keys and values of any bytes with --encoding/)
  }
  expect(ok(['get', 'key']).toString()).toBe('before')
  expect(ok(['range', 'a']).toString()).toBe('')
})

test.runIf(process.platform === 'linux')(
  'an argument may hold the replacement character, except through npm',
  () => {
    expect(typed(`put "$(printf '\\357\\277\\275')" x`)).toMatchObject({ status: 0 })
    expect(ok(['del', '\ufffd']).toString()).toBe('deleted\n')
    expect(typed(`put "$(printf '\\377')" x`, { npm_lifecycle_event: 'synod' })).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(
        /^error: argument 2 holds \ufffd, or bytes that are not UTF-8: /,
      ) as string,
    })
  },
)

test('an environment variable that is not UTF-8 is refused', () => {
  const { status, stderr } = spawnSync(
    'sh',
    ['-c', `SYNOD_ENDPOINTS="$(printf '\\377:1')" exec "$NODE" "$BIN" get key`],
    { env: { PATH: process.env.PATH, NODE: process.execPath, BIN } },
  )
  expect(status).toBe(2)
  expect(stderr.toString()).toMatch(/SYNOD_ENDPOINTS.* is invalid: it must be a list such as a,b,c \(usage\)/)
})
