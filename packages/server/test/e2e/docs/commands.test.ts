// Every command in README and docs is run, with the substitutions that stand here; what is not run
// is printed, with its reason.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePorts } from '../ports.js'
import { temporaryDirectory } from '../processes.js'
import { type Exit, SynodProcess, runCli } from '../synod-process.js'
import { ROOT, commandsOfDocs } from './snippets.js'

/** Commands that are not run here, and why. The first rule that fits holds. */
const NOT_RUN: readonly (readonly [RegExp, string])[] = [
  [/^npm ci && npm test$|^npm test$/, 'it runs this test'],
  [/^npm (?:ci && npm )?run lab(?::screenshots)?$/, 'it needs a browser: packages/lab/test/e2e does that'],
  [/^npm run proof$/, 'it takes an hour'],
  [
    /^npm run spec\b/,
    'it takes minutes, and needs Java: packages/testing/test/spec does what can be done without',
  ],
  [
    /^(?:\w+=\S+ )*npx vitest run /,
    'it runs other tests, or hours of them; that the file is there is checked',
  ],
  [/^SYNOD_\w+(?:=\S+)?$/, 'a variable'],
  [/^synod member replace$/, 'a name, without its arguments'],
  [/^printf .* synod /, 'a pipe: bytes.test.ts does the same'],
  [
    /^npm (?:ci && npm run build$|init|install|pack|pkg)\b|^npx --package /,
    'packages.test.ts installs the packages',
  ],
  [/^npx tsc .* counter\.ts$/, 'start.test.ts does the same'],
]

/** Commands that are known by these words, and what is run in their place. */
const INSTEAD: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^transfer \[--to s2\]$/, ['transfer --to s2', 'transfer']],
  // Ids go up, and what was removed is gone: the pages tell of one cluster each.
  [/^member add 4=\S+$/, ['member add NEXT']],
  [/^member add 4=\S+ --learner$/, ['member add NEXT --learner']],
  [
    /^member update \d --address \S+$/,
    ['member add NEXT --learner', 'member update LAST --address 10.0.0.LAST:9'],
  ],
  [/^member remove \d$/, ['member remove LAST']],
  [/^member remove \d --force$/, ['member remove LAST --force']],
  [/^member replace 3 \d=\S+$/, ['member replace 3 NEXT --timeout-ms 60000']],
  [/^put photo - < photo.jpg$/, ['put photo --value-file photo.jpg']],
  [/^range "" \| head -1$/, ['range ""']],
  [/^get photo > photo.jpg$/, ['get photo']],
  [/^cas door open closed$/, ['put door open', 'cas door open closed']],
  [/^cas --absent lock /, ['cas --absent lock "held by me"']],
  [/^get --encoding hex 6b6579$/, ['put --encoding hex 6b6579 00ff', 'get --encoding hex 6b6579']],
  [/^status --watch/, ['status --watch --interval-ms 200 UNTIL-OUTPUT']],
  [/^rebuild (?:DIR|\/var\/lib\/synod)$/, ['rebuild .synod/demo/s1']],
  // A server of the demo, and a directory of its own.
  [/^snapshot save backup\.snapshot --endpoints \S+ --force$/, ['snapshot save backup.snapshot --force']],
  [
    /^snapshot restore backup\.snapshot .*$/,
    ['snapshot restore backup.snapshot --data-dir restored --id 1 --address 10.0.0.1:2380'],
  ],
  [
    // Forced: the members that the pages have added have addresses at which anything may answer.
    /^recover --from .*$/,
    ['recover --from .synod/demo/s2 --data-dir recovered --id 1 --address 10.0.0.1:2380 --yes --force'],
  ],
  [/^inspect DIR$/, ['inspect .synod/demo/s1']],
  [/^snapshot status FILE$/, ['snapshot status backup.snapshot']],
  // Bounded, by an option that goes after the others.
  [/^bench/, ['$& --seconds 0.2 --warmup-seconds 0.1 --connections 2 --timeout-ms 60000']],
  [/^simulate$/, ['simulate --seeds 1']],
  [/^simulate --minutes 10 --jobs 4$/, ['simulate --minutes 0.001 --jobs 1']],
  [
    /^check$|^check leaderless-small$|^check leader-small$/,
    ['check leader-small --walks 2', 'check leaderless-small --walks 2'],
  ],
  [/^check leader-wide --walks 1000 --seed 7$/, ['check leader-wide --walks 1 --seed 7']],
  [/^check leader --goal .*$/, ['$&']],
]

let directory: string
let port: number
let endpoints: string
let demo: SynodProcess
let nextId = 4
beforeAll(async () => {
  directory = await temporaryDirectory()
  port = await freePorts(6)
  endpoints = [0, 2, 4].map((step) => `127.0.0.1:${port + step}`).join(',')
  await writeFile(join(directory, 'photo.jpg'), Buffer.of(0xff, 0xd8, 0))
  demo = await startDemo([])
})
afterAll(async () => {
  await demo[Symbol.asyncDispose]()
  await rm(directory, { recursive: true, force: true })
})

async function startDemo(args: readonly string[]): Promise<SynodProcess> {
  // The addresses: other demos may run on this machine.
  const started = new SynodProcess(['demo', ...args, '--base-port', String(port)], { cwd: directory })
  await started.stdoutMatch(/^Next/m)
  return started
}

/** The words of a command as a shell reads them. */
function wordsOf(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
}

const TALKS = /^(?:put|get|del|cas|incr|range|status|transfer|member|bench)$/

async function run(words: readonly string[]): Promise<Exit> {
  const talks = TALKS.test(words[0] ?? '') || words[1] === 'save'
  const where = talks ? ['--endpoints', endpoints] : []
  const at = words.indexOf('--')
  const args = at < 0 ? [...words, ...where] : [...words.slice(0, at), ...where, ...words.slice(at)]
  return runCli(args, { cwd: directory })
}

/** Runs it until it has written something, and stops it. */
async function runUntilOutput(words: readonly string[]): Promise<void> {
  await using process = new SynodProcess([...words, '--endpoints', endpoints], { cwd: directory })
  await process.stdoutMatch(/\n/)
}

/** A server by itself: on this machine, on an empty directory, and with what `…` leaves out. */
async function serve(words: readonly string[]): Promise<void> {
  const [first, dataDir] = [await freePorts(12), await temporaryDirectory()]
  const here = (text: string) =>
    text.replace(/10\.0\.0\.(\d):(\d+)/g, (_, host) => `127.0.0.1:${first + Number(host)}`)
  const args = words.filter((word) => word !== '…').map(here)
  const value = (option: string, usual: string) => {
    if (!args.includes(option)) args.push(option, usual)
  }
  value('--id', '1')
  value('--cluster-name', 'main')
  const id = Number(args[args.indexOf('--id') + 1])
  value('--servers', [...new Set([1, 2, 3, id])].map((each) => `${each}=127.0.0.1:${first + each}`).join(','))
  value('--clients', '')
  value('--data-dir', '')
  args[args.indexOf('--clients') + 1] = `127.0.0.1:${first + 10}`
  args[args.indexOf('--data-dir') + 1] = dataDir
  if (args.includes('--metrics')) args[args.indexOf('--metrics') + 1] = `127.0.0.1:${first + 11}`
  await using server = new SynodProcess(args, { cwd: directory })
  await server.stdoutMatch(/^ready /m)
  expect(await server.kill('SIGTERM')).toMatchObject({ code: 0 })
  await rm(dataDir, { recursive: true, force: true })
}

/** What `npm run NAME -- …` runs: the last part of the script, which builds first. */
async function scriptOf(name: string): Promise<string> {
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  const script = scripts[name]
  if (script === undefined) throw new Error(`there is no script ${name}`)
  return script.split(' && ').at(-1) ?? ''
}

/** As `synod …` what npm runs; undefined for what is no run of the command. */
async function asSynod(text: string): Promise<string | undefined> {
  const [, name = '', rest = ''] = /^npm (?:ci && npm )?(?:run )?([\w:]+)(?: --)?(.*)$/.exec(text) ?? []
  if (name === '') return text
  const script = await scriptOf(name)
  if (!script.startsWith('node packages/server/dist/bin.js')) return undefined
  return `${script.replace('node packages/server/dist/bin.js', 'synod')}${rest}`.trim()
}

async function runSynod(text: string): Promise<void> {
  const line = text.replace(/^synod /, '')
  const [, replacements] = INSTEAD.find(([pattern]) => pattern.test(line)) ?? []
  for (const replacement of replacements ?? ['$&']) {
    const whole = replacement
      .replace('$&', line)
      .replace('NEXT', () => `${nextId}=10.0.0.${nextId++}:2380`)
      .replaceAll('LAST', () => String(nextId - 1))
    const words = wordsOf(whole)
    if (words[0] === 'demo') continue
    if (words[0] === 'serve') await serve(words)
    else if (words.at(-1) === 'UNTIL-OUTPUT') await runUntilOutput(words.slice(0, -1))
    else {
      const { code, stderr } = await run(words)
      expect(code, `${whole}: ${stderr}`).toBe(0)
    }
  }
}

test('the commands of the README: a killed leader loses no data, and leaderless mode works too', async () => {
  const commands = (await commandsOfDocs()).filter(({ page }) => page === 'README.md').map(({ text }) => text)
  const story = commands.slice(0, commands.findIndex((text) => text.startsWith('kill -9')) + 2)
  expect(story).toEqual([
    'npm ci && npm start',
    'npm run synod -- put hello world',
    'npm run synod -- status',
    'kill -9 <pid of the leader>',
    'npm run synod -- get hello',
  ])
  expect(await asSynod('npm ci && npm start')).toBe('synod demo')
  for (const text of story.slice(1, 3)) await runSynod((await asSynod(text)) ?? '')
  const [, pid] = /kill the leader with kill -9 (\d+)/.exec(demo.stdout)!
  process.kill(Number(pid), 'SIGKILL')
  expect(await run(['get', 'hello'])).toMatchObject({ code: 0, stdout: 'world' })
  expect(await demo.kill('SIGINT')).toMatchObject({ code: 0 })

  const other = commands.find((text) => text.includes('leaderless'))!
  const words = wordsOf((await asSynod(other)) ?? '')
  expect(words.slice(0, 2)).toEqual(['synod', 'demo'])
  {
    await using leaderless = await startDemo(words.slice(2))
    expect(await leaderless.kill('SIGINT')).toMatchObject({ code: 0 })
  }
  demo = await startDemo([])
})

test('examples/counter.ts runs as the README says', async () => {
  const [program = '', ...args] = wordsOf(await scriptOf('example'))
  expect(program).toBe('node')
  const child = spawn(process.execPath, [...args, String(await freePorts(3))], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (data: Buffer) => (text += data.toString()))
  await once(child, 'close')
  expect(text).toBe('s1: 30\ns2: 30\ns3: 30\n')
})

test('every other command of the docs does what they say', { timeout: 600_000 }, async () => {
  const done = new Set<string>()
  /** These need servers that do not run. */
  const afterwards: string[] = []
  const failures: string[] = []
  for (const { page, text, where } of await commandsOfDocs()) {
    if (done.has(text) || text.startsWith('kill -9') || text === 'npm run example') continue
    // start.test.ts tells the story of this page.
    if (page === 'docs/start/first-cluster.md') continue
    done.add(text)
    const [, reason] = NOT_RUN.find(([pattern]) => pattern.test(text)) ?? []
    if (reason !== undefined) {
      console.log(`${where}: not run: ${text} (${reason})`)
      const [, path] = /vitest run (?:--project unit )?(\S+)/.exec(text) ?? []
      if (path !== undefined)
        expect([path, `examples/${path}`].some((each) => existsSync(join(ROOT, each)))).toBe(true)
      const [, name] = /npm run (\S+)/.exec(text) ?? []
      if (name !== undefined) await scriptOf(name)
      continue
    }
    const command = await asSynod(text)
    if (command === undefined) throw new Error(`${where}: it is not known how to run ${text}`)
    // In a sentence, what is left out is left to the reader.
    if (page !== 'README.md' && /…$|<\w+>/.test(command) && !command.startsWith('synod serve')) {
      console.log(`${where}: not run: ${text} (it is not the whole command)`)
      continue
    }
    if (/^synod (?:rebuild|recover)/.test(command)) afterwards.push(command)
    // Demos have a test of their own.
    else if (!command.startsWith('synod demo')) {
      await runSynod(command).catch((error: unknown) => {
        failures.push(`${where}: ${text}: ${String(error)}`)
      })
    }
  }
  expect(failures).toEqual([])
  await demo.kill('SIGINT')
  for (const command of afterwards) await runSynod(command)
})

test('every demo of the docs becomes ready in a directory of its own, and stops', async () => {
  const demos = new Set<string>()
  for (const { text } of await commandsOfDocs()) {
    if (!/^synod demo|^npm .*start/.test(text)) continue
    const command = await asSynod(text)
    if (command !== undefined) demos.add(command)
  }
  expect(demos.size).toBeGreaterThan(2)
  for (const command of demos) {
    const words = wordsOf(command).slice(2)
    const at = words.indexOf('--base-port')
    const args = at < 0 ? words : words.toSpliced(at, 2)
    const cwd = await temporaryDirectory()
    const first = await freePorts(12)
    await using started = new SynodProcess(['demo', ...args, '--base-port', String(first)], { cwd })
    await started.stdoutMatch(/^Next/m)
    expect(await started.kill('SIGINT')).toMatchObject({ code: 0 })
    await rm(cwd, { recursive: true, force: true })
  }
})
