import { join } from 'node:path'
import type { Mode } from 'synod'
import { defaultClientAddress, defaultPeerAddress, localAddress } from '../terminal/addresses.js'

/** The most replicas of a demo. */
export const MAX_REPLICAS = 9

export interface DemoOptions {
  readonly mode: Mode
  readonly replicas: number
  readonly directory: string
  /** Replica i, from 0 on, uses port N + 2i for clients and N + 2i + 1 for peers. */
  readonly basePort?: number
}

/** One replica of a demo, with its addresses and files. */
export interface DemoReplica {
  readonly id: number
  readonly name: string
  readonly clients: string
  readonly peers: string
  readonly dataDir: string
  readonly logFile: string
  /** The arguments of `synod` that run it. */
  readonly serveArgs: readonly string[]
}

const CLUSTER_NAME = 'demo'

/** Assigns addresses and directories to the replicas. */
export function planDemo({ basePort, directory, mode, replicas }: DemoOptions): DemoReplica[] {
  const addresses = Array.from({ length: replicas }, (_, index) => ({
    clients: basePort === undefined ? defaultClientAddress(index) : localAddress(basePort + 2 * index),
    peers: basePort === undefined ? defaultPeerAddress(index) : localAddress(basePort + 2 * index + 1),
  }))
  const servers = addresses.map(({ peers }, index) => `${index + 1}=${peers}`).join(',')
  return addresses.map(({ clients, peers }, index) => {
    const id = index + 1
    const name = `s${id}`
    const dataDir = join(directory, name)
    const serveArgs = [
      ['serve', '--id', String(id), '--cluster-name', CLUSTER_NAME, '--mode', mode, '--servers', servers],
      ['--clients', clients, '--data-dir', dataDir],
    ].flat()
    return { id, name, clients, peers, dataDir, logFile: join(directory, 'logs', `${name}.log`), serveArgs }
  })
}
