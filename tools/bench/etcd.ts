import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { measureRun } from './measure.js'
import { freePorts, output, start, stopAll } from './processes.js'
import { PUTS, type System, type Work } from './system.js'

const VALUE = Buffer.alloc(256, 'v')

/**
 * etcd with its defaults, from the distribution's packages: operations over gRPC, sent by h2load.
 * That is a load generator in C, where the others have one in Node.
 */
export const etcd: System = {
  name: 'etcd',
  async start(directory) {
    const data = await mkdtemp(join(directory, 'etcd-'))
    const ports = await freePorts(6)
    const names = ['e1', 'e2', 'e3']
    const peer = (index: number) => `http://127.0.0.1:${ports[index] ?? 0}`
    const client = (index: number) => `http://127.0.0.1:${ports[index + 3] ?? 0}`
    const cluster = names.map((name, index) => `${name}=${peer(index)}`).join(',')
    const servers = await Promise.all(
      names.map((name, index) => {
        const args = ['--name', name, '--data-dir', join(data, name), '--initial-cluster', cluster]
        args.push('--listen-peer-urls', peer(index), '--initial-advertise-peer-urls', peer(index))
        args.push('--listen-client-urls', client(index), '--advertise-client-urls', client(index))
        return start('etcd', args, 'ready to serve client requests')
      }),
    )
    const bodyOf = (operation: Work['operation']) => join(data, `${operation}.grpc`)
    await writeFile(bodyOf('put'), grpcFrame(field(KEY, Buffer.from('bench')), field(PUT_VALUE, VALUE)))
    await writeFile(bodyOf('get'), grpcFrame(field(KEY, Buffer.from('bench'))))
    await writeFile(bodyOf('stale-get'), grpcFrame(field(KEY, Buffer.from('bench')), SERIALIZABLE))
    const clients = names.map((_, index) => client(index))
    const leader = clients.indexOf(await leaderOf(clients))
    return {
      measure: ({ connections, inFlight, work: { at, operation } = PUTS }, span) =>
        measureRun({
          command: 'h2load',
          args: [
            ...['-c', String(connections), '-m', String(inFlight), '-t', '1'],
            ...['-D', String(span.seconds), `--warm-up-time=${span.warmUpSeconds}`, '-d', bodyOf(operation)],
            ...['-H', 'content-type: application/grpc', '-H', 'te: trailers'],
            `${clients[at === 'leader' ? leader : (leader + 1) % names.length] ?? ''}${methodOf(operation)}`,
          ],
          ...{ servers, leader, span, read: readH2load },
        }),
      stop: () => stopAll(servers, data),
    }
  },
}

function readH2load(text: string) {
  const rate = /finished in [^,]+, ([\d.]+) req\/s/.exec(text)?.[1]
  const failed = /(\d+) failed/.exec(text)?.[1]
  if (rate === undefined || failed !== '0') throw new Error(`h2load said:\n${text}`)
  const mean = /time for request: +\S+ +\S+ +(\S+)/.exec(text)?.[1] ?? ''
  return { rate: Number(rate), p50Ms: milliseconds(mean), p99Ms: NaN }
}

async function leaderOf(endpoints: readonly string[]): Promise<string> {
  const text = await output('etcdctl', [
    '-w',
    'json',
    '--endpoints',
    endpoints.join(','),
    'endpoint',
    'status',
  ])
  const statuses = JSON.parse(text) as {
    Endpoint: string
    Status: { leader: number; header: { member_id: number } }
  }[]
  const leader = statuses.find(({ Status }) => Status.leader === Status.header.member_id)
  if (leader === undefined) throw new Error(`etcd has no leader: ${text}`)
  return leader.Endpoint
}

/** Fields 1 of PutRequest and RangeRequest, and 2 of PutRequest: bytes. */
const KEY = 0x0a
const PUT_VALUE = 0x12
/** Field 7 of RangeRequest, set: any member answers from what it has. */
const SERIALIZABLE = Buffer.from([0x38, 1])

function methodOf(operation: Work['operation']): string {
  return `/etcdserverpb.KV/${operation === 'put' ? 'Put' : 'Range'}`
}

function field(tag: number, bytes: Uint8Array): Buffer {
  const size = bytes.length < 128 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, bytes.length >> 7]
  return Buffer.concat([Buffer.from([tag, ...size]), bytes])
}

/** A message in a gRPC frame. */
function grpcFrame(...fields: readonly Uint8Array[]): Buffer {
  const message = Buffer.concat(fields)
  const frame = Buffer.alloc(5)
  frame.writeUInt32BE(message.length, 1)
  return Buffer.concat([frame, message])
}

function milliseconds(text: string): number {
  const [, number = 'NaN', unit = ''] = /^([\d.]+)(us|ms|s)$/.exec(text) ?? []
  return Number(number) * (unit === 'us' ? 0.001 : unit === 's' ? 1000 : 1)
}
