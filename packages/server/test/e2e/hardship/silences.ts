import { KvClient } from 'synod-server'
import type { Chance } from 'synod-testing'
import { freePorts } from '../ports.js'
import { type TestCluster, type TestReplica, startCluster } from '../processes.js'
import { statusesWhen } from '../settled.js'
import { LinkProxy } from './link-proxy.js'
import { Links } from './links.js'

/** What takes longer than this has failed, however slow the machine is. */
const PATIENCE_MS = 60_000
const SERVERS = 3

/** How a leader falls silent while its connections stay. */
export type Silence = 'cut off' | 'cut off from its peers alone' | 'stopped'

/** Which replicas a client knows. */
export type Knows = 'all' | 'the others' | 'the leader and one other'

/**
 * From the silence of the leader to the acknowledgement of a write that was asked for right after
 * it, by what its client knows.
 */
export type Waits = Readonly<Record<Knows, number>>

/** Where clients find a server. */
interface Door {
  readonly proxy: LinkProxy
  readonly address: string
}

/**
 * A cluster of three whose links, those of clients too, go through proxies, so that its leader can
 * be made to fall silent.
 */
export class SilencedCluster implements AsyncDisposable {
  readonly #cluster: TestCluster
  readonly #links: Links
  readonly #doors: ReadonlyMap<number, Door>
  readonly #chance: Chance

  private constructor(cluster: TestCluster, links: Links, doors: ReadonlyMap<number, Door>, chance: Chance) {
    this.#cluster = cluster
    this.#links = links
    this.#doors = doors
    this.#chance = chance
  }

  static async start(chance: Chance, electionTimeoutMs: number): Promise<SilencedCluster> {
    const links = await Links.start(SERVERS, chance)
    const args = ['--election-timeout-ms', String(electionTimeoutMs)]
    const cluster = await startCluster({ mode: 'leader', replicas: links, args })
    const firstPort = await freePorts(SERVERS)
    const doors = new Map<number, Door>()
    for (const [index, { endpoint, id }] of cluster.replicas.entries()) {
      const [host = '', targetPort] = endpoint.split(':')
      const port = firstPort + index
      const target = { host, port: Number(targetPort) }
      const proxy = new LinkProxy({ port, target, random: () => chance.next() })
      await proxy.open()
      doors.set(id, { proxy, address: `127.0.0.1:${port}` })
    }
    return new SilencedCluster(cluster, links, doors, chance)
  }

  /** The leader falls silent, clients write, another one leads; then all is well again. */
  async silence(how: Silence): Promise<Waits> {
    const leader = await this.#leader()
    const others = this.#cluster.replicas.filter((replica) => replica !== leader)
    const clients = {
      all: await this.#connect(this.#cluster.replicas),
      'the others': await this.#connect(others),
      'the leader and one other': await this.#connect([leader, this.#chance.pick(others)]),
    } satisfies Record<Knows, KvClient>
    const ofLeader = await this.#connect([leader])
    try {
      const end = this.#begin(how, leader)
      const answered: boolean[] = []
      const unanswered = ofLeader.put('of the leader', 'it').then((existed) => answered.push(existed))
      try {
        const begunMs = performance.now()
        const waits = await Promise.all(
          Object.entries(clients).map(async ([knows, client]) => {
            await client.put('after', 'it')
            return [knows, performance.now() - begunMs] as const
          }),
        )
        if (how === 'cut off from its peers alone')
          await statusesWhen([leader.endpoint], PATIENCE_MS, ([status]) => status?.leader === null)
        if (answered.length > 0) throw new Error('a leader that reached no quorum acknowledged a write')
        return Object.fromEntries(waits) as unknown as Waits
      } finally {
        end()
        await unanswered
      }
    } finally {
      await Promise.all([...Object.values(clients), ofLeader].map((client) => client.close()))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#doors.values()].map(({ proxy }) => proxy.close()))
    await this.#cluster.stop()
  }

  /** The one that all follow. */
  async #leader(): Promise<TestReplica> {
    const [status] = await statusesWhen(this.#cluster.endpoints, PATIENCE_MS, (statuses) =>
      statuses.every(({ leader }) => leader !== null && leader === statuses[0]?.leader),
    )
    const leader = this.#cluster.replicas.find(({ id }) => id === status?.leader)
    if (leader === undefined) throw new Error('nobody leads')
    return leader
  }

  /** A client that has written already. */
  async #connect(known: readonly TestReplica[]): Promise<KvClient> {
    const endpoints = known.map(({ id }) => this.#door(id).address)
    const client = await KvClient.connect({ endpoints, timeoutMs: PATIENCE_MS })
    await client.put('before', 'it')
    return client
  }

  /** Returns what ends it. */
  #begin(how: Silence, leader: TestReplica): () => void {
    if (how === 'stopped') {
      leader.signal('SIGSTOP')
      return () => {
        leader.signal('SIGCONT')
      }
    }
    const { id } = leader
    const doors = how === 'cut off' ? [this.#door(id).proxy] : []
    const cut = [...this.#links.from(id), ...this.#links.to(id), ...doors]
    for (const link of cut) link.impair({ cut: ['forth', 'back'] })
    return () => {
      for (const link of cut) link.impair({})
    }
  }

  #door(id: number): Door {
    const door = this.#doors.get(id)
    if (door === undefined) throw new RangeError(`no door of s${id}`)
    return door
  }
}
