import { execFileSync, spawnSync } from 'node:child_process'
import type { Site } from '../site.js'

const CLIENTS_PORT = 2379
const PEERS_PORT = 2380
/** 198.18.0.0/15 is for tests of networks: RFC 2544. */
const NETWORK = '198.18'
const PREFIX = 'synod-e2e-'

/** Why there can be no network namespaces here; undefined if there can. */
export function whyNoNamespaces(): string | undefined {
  const name = `${PREFIX}${process.pid}-probe`
  const attempts = [
    ['netns', 'add', name],
    ['netns', 'exec', name, 'true'],
    ['-n', name, 'link', 'add', 'near', 'type', 'veth', 'peer', 'name', 'far'],
  ]
  try {
    for (const attempt of attempts) {
      const { error, status, stderr } = spawnSync('ip', attempt, { encoding: 'utf8' })
      if (error !== undefined) return error.message
      if (status !== 0) return stderr.trim()
    }
    return undefined
  } finally {
    spawnSync('ip', ['netns', 'delete', name])
  }
}

/**
 * Each server in a network namespace of its own, joined to each other one, and to the clients, by a
 * cable of its own: a pair of `veth` devices. A cable can be pulled out.
 */
export class Namespaces implements Site {
  readonly ids: readonly number[]
  readonly #removeAtExit = () => {
    this.#remove()
  }

  private constructor(count: number) {
    this.ids = Array.from({ length: count }, (_, index) => index + 1)
    process.once('exit', this.#removeAtExit)
  }

  static create(count: number): Namespaces {
    removeLeftOvers()
    const site = new Namespaces(count)
    try {
      for (const id of site.ids) {
        ip('netns', 'add', nameOf(id))
        ip('-n', nameOf(id), 'link', 'set', 'lo', 'up')
      }
      for (const id of site.ids) {
        site.#joinClients(id)
        for (const other of site.ids.filter((each) => each > id)) site.#join(id, other)
      }
      return site
    } catch (error) {
      site.#end()
      throw error
    }
  }

  /** Pulls out the cable between two servers, or plugs it in again. */
  cable(one: number, other: number, state: 'up' | 'down'): void {
    ip('-n', nameOf(one), 'link', 'set', `to-s${other}`, state)
  }

  /** Those from a server to all others. */
  cables(id: number, state: 'up' | 'down'): void {
    for (const other of this.ids.filter((each) => each !== id)) this.cable(id, other, state)
  }

  clients(id: number): string {
    return `${addressOf(id, 0)}:${CLIENTS_PORT}`
  }

  peers(): string {
    return `0.0.0.0:${PEERS_PORT}`
  }

  address(from: number, to: number): string {
    return from === to ? `127.0.0.1:${PEERS_PORT}` : `${addressOf(to, from)}:${PEERS_PORT}`
  }

  under(id: number): readonly string[] {
    return ['ip', 'netns', 'exec', nameOf(id)]
  }

  listens(): Promise<void> {
    return Promise.resolve()
  }

  async stop(): Promise<void> {
    this.#end()
  }

  #joinClients(id: number): void {
    const device = `se${process.pid}-${id}`
    ip('link', 'add', device, 'type', 'veth', 'peer', 'name', 'to-clients', 'netns', nameOf(id))
    ip('address', 'add', `${addressOf(0, id)}/30`, 'dev', device)
    ip('link', 'set', device, 'up')
    this.#plugIn(id, 'to-clients', addressOf(id, 0))
  }

  #join(one: number, other: number): void {
    const [near, far] = [`to-s${other}`, `to-s${one}`]
    ip('link', 'add', near, 'netns', nameOf(one), 'type', 'veth', 'peer', 'name', far, 'netns', nameOf(other))
    this.#plugIn(one, near, addressOf(one, other))
    this.#plugIn(other, far, addressOf(other, one))
  }

  #plugIn(id: number, device: string, address: string): void {
    ip('-n', nameOf(id), 'address', 'add', `${address}/30`, 'dev', device)
    ip('-n', nameOf(id), 'link', 'set', device, 'up')
  }

  #end(): void {
    process.off('exit', this.#removeAtExit)
    this.#remove()
  }

  /**
   * Its devices, and what they are joined to, go with a namespace; the one of the clients' side is
   * gone when this returns.
   */
  #remove(): void {
    for (const id of this.ids) {
      spawnSync('ip', ['link', 'delete', `se${process.pid}-${id}`])
      spawnSync('ip', ['netns', 'delete', nameOf(id)])
    }
  }
}

function nameOf(id: number): string {
  return `${PREFIX}${process.pid}-${id}`
}

/**
 * Of a server, on its cable to another one; 0 is the clients. Each cable is a network of four
 * addresses.
 */
function addressOf(id: number, other: number): string {
  const [low, high] = [Math.min(id, other), Math.max(id, other)]
  return `${NETWORK}.${process.pid % 256}.${4 * (8 * low + high) + (id === low ? 1 : 2)}`
}

/** Of test processes that were killed. */
function removeLeftOvers(): void {
  for (const line of ip('netns', 'list').split('\n')) {
    const [name = ''] = line.split(' ')
    const [pid] = name.startsWith(PREFIX) ? name.slice(PREFIX.length).split('-').map(Number) : []
    if (pid !== undefined && !isRunning(pid)) ip('netns', 'delete', name)
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
