// The worst that a new leader can find: votes for as many bytes as may be under way, none of them
// known to be chosen. How long until it has chosen them all, and how much memory does that take?
import { mkdir, mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect } from 'synod'
import { kvCodecs } from 'synod-server'
import { numberOf, readArguments } from './arguments.js'
import { type Running, freePorts, peak_MiB, start, stopAll } from './processes.js'
import { progress } from './progress.js'
import { median, saveSection } from './report.js'
import { settledLeader } from './settled-leader.js'
import { statusesOf } from './statuses.js'

const HELP = `Usage: npm run bench:inherit -- [options]

A leader proposes the largest batches until 64 MiB are under way, and hears of no vote. Then it is killed: measured is
the time until the next leader has chosen all of it and answered a new write.

  --times N     how often (default: 5)
  --dir DIR     where the data goes; it must be on the disk to be measured (default: .bench)
  --no-save     do not write the result into tools/bench/results.md
`
const DEAF = fileURLToPath(new URL('deaf-leader.js', import.meta.url))
const SYNOD = fileURLToPath(new URL('../../../packages/server/dist/bin.js', import.meta.url))
/** So long that nothing but the end of the leader elects another one. */
const ELECTION_TIMEOUT_MS = '10000'
/** Each command fills a batch; together they are more than may be under way. */
const VALUE_BYTES = (512 << 10) - 256
const COMMANDS = 160
const MAX_BEHIND_MS = 20_000
const WATCH_MS = 20

const options = readArguments(HELP, { times: '5', dir: '.bench', save: true })
const count = numberOf('times', options.times, true)

interface Inherited {
  readonly slots: number
  readonly leadsMs: number
  readonly peak_MiB: number
}

const directory = join(process.cwd(), options.dir)
await mkdir(directory, { recursive: true })
const found: Inherited[] = []
for (let n = 1; n <= count; n++) {
  progress(`${n} of ${count}`)
  found.push(await inherit())
}
progress('')
const times = found.map(({ leadsMs }) => leadsMs)
const report = `| a new leader that inherits | until all is chosen, and a new write too | its peak memory |
| --- | --- | --- |
| ${median(found.map(({ slots }) => slots))} slots of 512 KiB | median ${median(times).toFixed(0)} ms, slowest ${Math.max(...times).toFixed(0)} ms of ${times.length} | ${Math.max(...found.map(({ peak_MiB: peak }) => peak))} MiB |
`
process.stdout.write(report)
if (options.save) await saveSection('A full window', report)

async function inherit(): Promise<Inherited> {
  const data = await mkdtemp(join(directory, 'inherit-'))
  const ports = await freePorts(6)
  const peers = ports.slice(0, 3).map((port, index) => `${index + 1}=127.0.0.1:${port}`)
  const endpoints = ports.slice(3).map((port) => `127.0.0.1:${port}`)
  const servers: Running[] = await Promise.all(
    endpoints.map((clients, index) => {
      const [id, dataDir] = [String(index + 1), join(data, `s${index + 1}`)]
      const timeout = ['--election-timeout-ms', ELECTION_TIMEOUT_MS]
      const told = ['--cluster-name', 'bench', '--servers', peers.join(','), '--clients', clients]
      const deaf = [DEAF, id, peers.join(','), clients, dataDir, ELECTION_TIMEOUT_MS]
      return start(
        process.execPath,
        index === 0
          ? [...deaf, String(COMMANDS), String(VALUE_BYTES)]
          : [SYNOD, 'serve', '--id', id, '--data-dir', dataDir, ...told, ...timeout],
        'ready',
      )
    }),
  )
  const client = connect({ endpoints, codecs: kvCodecs, timeoutMs: MAX_BEHIND_MS })
  try {
    if ((await settledLeader(endpoints)) !== 1) await client.transferLeadership({ to: 1 })
    await client.execute({ type: 'put', key: 'first', value: Buffer.alloc(1) })
    servers[0]?.child.kill('SIGUSR2')
    const slots = await untilFull()
    const killedMs = performance.now()
    await servers[0]?.stop('SIGKILL')
    await client.execute({ type: 'put', key: 'next', value: Buffer.alloc(1) })
    const leadsMs = performance.now() - killedMs
    const peaks = await Promise.all(servers.slice(1).map(({ child }) => peak_MiB(child.pid ?? 0)))
    return { slots, leadsMs, peak_MiB: Math.max(...peaks) }
  } finally {
    await client.close()
    await stopAll(servers, data)
  }

  /** Until no more votes come. Returns for how many slots, none known to be chosen. */
  async function untilFull(): Promise<number> {
    for (let before = 0; ;) {
      await new Promise((resolve) => setTimeout(resolve, 50 * WATCH_MS))
      const followers = (await statusesOf(client, 5000)).filter(({ server }) => server !== 1)
      const open = followers.map(({ watermarks: { chosen, voted } }) => voted - chosen)
      const least = Math.min(...open)
      if (least > 0 && least === before) return least
      before = least
    }
  }
}
