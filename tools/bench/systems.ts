import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { etcd } from './etcd.js'
import { type MeasuredRun, measureRun } from './measure.js'
import { type Running, freePorts, start, stopAll } from './processes.js'
import { settledLeader } from './settled-leader.js'
import { type Cluster, type Load, type Measured, PUTS, type Span, type System } from './system.js'

const SERVERS = 3
const here = (file: string) => fileURLToPath(new URL(file, import.meta.url))
const SYNOD = fileURLToPath(new URL('../../../packages/server/dist/bin.js', import.meta.url))

export interface SynodCluster extends Cluster {
  readonly endpoints: readonly string[]
  /** In the order of their ids, from 1. */
  readonly servers: Running[]
  readonly dataDirs: readonly string[]
  startServer(id: number): Promise<void>
}

/** How the servers run and are reached, where that is not directly. */
export interface Setup {
  /** Arguments of node, before the server. */
  readonly nodeArguments?: readonly string[]
  /** Returns the addresses that lead to those at which servers listen. */
  readonly reach?: (addresses: readonly string[]) => Promise<readonly string[]>
}

export const floor: System = {
  name: 'floor',
  async start(directory) {
    const data = await mkdtemp(join(directory, 'floor-'))
    const ports = await freePorts(SERVERS + 1)
    const peers = ports.slice(0, SERVERS).map((port) => `127.0.0.1:${port}`)
    const clients = `127.0.0.1:${ports[SERVERS] ?? 0}`
    const servers = await Promise.all(
      peers.map((_, index) => {
        const args = [String(index + 1), peers.join(','), clients, join(data, `s${index + 1}`)]
        return start(process.execPath, [here('floor-server.js'), ...args], 'ready')
      }),
    )
    return {
      measure: (load, span) => measure('floor', [clients], load, { servers, leader: 0, span }),
      stop: () => stopAll(servers, data),
    }
  },
}

/** Synod's own server, in one of its modes. */
export async function startSynod(
  mode: 'leader' | 'leaderless',
  directory: string,
  more: readonly string[] = [],
  { nodeArguments = [], reach = (addresses) => Promise.resolve(addresses) }: Setup = {},
): Promise<SynodCluster> {
  const data = await mkdtemp(join(directory, `${mode}-`))
  const ports = await freePorts(2 * SERVERS)
  const addresses = ports.map((port) => `127.0.0.1:${port}`)
  const reached = await reach(addresses)
  const peers = reached.slice(0, SERVERS).map((address, index) => `${index + 1}=${address}`)
  const endpoints = reached.slice(SERVERS)
  const servers: Running[] = []
  const dataDirs = endpoints.map((_, index) => join(data, `s${index + 1}`))
  const startServer = async (id: number) => {
    const args = ['serve', '--id', String(id), '--cluster-name', 'bench', '--servers', peers.join(',')]
    args.push(
      '--listen',
      addresses[id - 1] ?? '',
      '--clients',
      addresses[SERVERS + id - 1] ?? '',
      '--data-dir',
      dataDirs[id - 1] ?? '',
      '--mode',
      mode,
      ...more,
    )
    servers[id - 1] = await start(process.execPath, [...nodeArguments, SYNOD, ...args], 'ready')
  }
  await Promise.all(endpoints.map((_, index) => startServer(index + 1)))
  return {
    endpoints,
    servers,
    dataDirs,
    startServer,
    measure: async (load, span) => {
      const leader = mode === 'leader' ? (await settledLeader(endpoints)) - 1 : -1
      return measure('synod', endpoints, load, { servers, leader, span })
    },
    stop: () => stopAll(servers, data),
  }
}

export const SYSTEMS: readonly System[] = [
  floor,
  { name: 'leader', start: (directory) => startSynod('leader', directory) },
  { name: 'leaderless', start: (directory) => startSynod('leaderless', directory) },
  etcd,
]

function measure(
  system: string,
  endpoints: readonly string[],
  { connections, inFlight, work = PUTS }: Load,
  run: Pick<MeasuredRun, 'servers' | 'leader'> & { readonly span: Span },
): Promise<Measured> {
  const { seconds, warmUpSeconds } = run.span
  const numbers = [connections, inFlight, seconds, warmUpSeconds].map(String)
  return measureRun({
    command: process.execPath,
    args: [here('load.js'), system, endpoints.join(','), ...numbers, work.operation, work.at],
    read: (text) => JSON.parse(text) as Omit<Measured, 'cpu'>,
    ...run,
  })
}
