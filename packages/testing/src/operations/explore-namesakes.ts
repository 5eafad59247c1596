import type { Client } from 'synod/internal/client/client.js'
import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { Mode } from 'synod/internal/paxos/config.js'
import type { ReplicaOptions } from 'synod/internal/replica/options.js'
import { Chance } from '../chance.js'
import { Violation } from '../simulator/checks/violation.js'
import { World, clientAddressOf, peerAddressOf } from '../simulator/world.js'
import { RecordingMachine } from './recording-machine.js'

const SERVERS = 3
const STEPS = 12
const PATIENCE_MS = 60_000

type Clusters = World<RecordingMachine>
type Options = Partial<ReplicaOptions<RecordingMachine>>

/**
 * Two clusters with the same name and server ids, on machines of their own; some lists of servers
 * and endpoints lead to the wrong one. No command may be executed in both, each client must stay in
 * one, and with right lists both must work. Throws a Violation.
 */
export async function exploreNamesakes(mode: Mode, seed: number): Promise<void> {
  const run = new Run(mode, new Chance(seed ^ 0x6e616d65))
  await run.formClusters()
  for (let step = 0; step < STEPS; step++) await run.step()
  await run.end()
}

class Run {
  readonly #chance: Chance
  readonly #world: Clusters
  readonly #clients: Client<RecordingMachine>[] = []
  #written = 0

  constructor(mode: Mode, chance: Chance) {
    this.#chance = chance
    const latencyMs = 0.1 * 50 ** chance.next()
    this.#world = new World({
      mode,
      servers: 2 * SERVERS,
      seed: chance.seed(),
      network: { latencyMs: () => chance.between(0, latencyMs) },
      machine: () => new RecordingMachine(),
      options: { heartbeatMs: 50 + 2 * latencyMs, electionTimeoutMs: 300 + 10 * latencyMs },
    })
  }

  /** They form at the same time, and clients come before they have. */
  async formClusters(): Promise<void> {
    const { ids } = this.#world
    const opening = ids.map((place) => this.#world.begin(place, optionsOf(place)))
    for (let count = this.#chance.below(3); count > 0; count--) this.#connect()
    await this.#world.settled(Promise.all(opening), PATIENCE_MS)
    await this.#formed()
  }

  async step(): Promise<void> {
    const chance = this.#chance
    const world = this.#world
    const place = chance.pick(world.ids)
    if (chance.happens(0.3)) this.#connect()
    if (this.#clients.length > 0) this.#writeBy(chance.pick(this.#clients))
    if (world.isUp(place)) {
      const act = chance.pick(['propose', 'propose', 'crash', 'kill'] as const)
      if (act === 'propose') this.#propose(place)
      else world[act](place)
    } else await world.open(place, optionsOf(place, chance.happens(0.6) ? chance.pick(world.ids) : undefined))
    await world.wait(chance.between(0, chance.pick([5, 500, 2000])))
    this.#check()
  }

  /** All servers get the right list. */
  async end(): Promise<void> {
    const world = this.#world
    for (const place of world.ids) {
      if (world.isUp(place)) world.kill(place)
      await world.open(place, optionsOf(place))
    }
    await this.#formed()
    for (const place of world.ids) {
      const text = `${clusterOf(place)}.${++this.#written}`
      await world.settled(world.replica(place).execute(text), PATIENCE_MS)
    }
    await world.settled(Promise.all(this.#clients.map((client) => client.close())), PATIENCE_MS)
    this.#check()
  }

  async #formed(): Promise<void> {
    await this.#world.run(() => this.#world.running.every((id) => this.#world.status(id).formed), PATIENCE_MS)
  }

  /** One that has endpoints of either cluster, or of both. */
  #connect(): void {
    const { ids } = this.#world
    const endpoints = ids.filter(() => this.#chance.happens(0.5)).map(clientAddressOf)
    if (endpoints.length === 0) return
    const name = `client${this.#clients.length}.${++this.#written}`
    this.#world.beginConnect(name, { endpoints, timeoutMs: 3000 }).then(
      (client) => this.#clients.push(client),
      () => undefined,
    )
  }

  #writeBy(client: Client<RecordingMachine>): void {
    client
      .execute(`client${this.#clients.indexOf(client)}.${++this.#written}`, { timeoutMs: 3000 })
      .catch(() => undefined)
  }

  #propose(place: ServerId): void {
    if (!this.#world.running.includes(place)) return
    const text = `${clusterOf(place)}.${++this.#written}`
    this.#world
      .replica(place)
      .execute(text, { timeoutMs: 3000 })
      .catch(() => undefined)
  }

  /** By whom something was asked for, and in which cluster it was executed. */
  #check(): void {
    const where = new Map<string, string>()
    for (const place of this.#world.running) {
      const cluster = clusterOf(place)
      for (const { text } of this.#world.server(place).machine.executed) {
        const [by = ''] = text.split('.')
        const other = by.startsWith('client') ? (where.get(by) ?? cluster) : by
        if (other !== cluster)
          throw new Violation('stranger', `'${text}' was executed in ${cluster}, and belongs to ${other}`)
        where.set(by, cluster)
      }
    }
  }
}

function clusterOf(place: ServerId): string {
  return place <= SERVERS ? 'first' : 'second'
}

/**
 * A server has the same id as its counterpart. `misled`: the machine that it takes for the one
 * which has the server with that id.
 */
function optionsOf(place: ServerId, misled?: ServerId): Options {
  const base = place <= SERVERS ? 0 : SERVERS
  const idOf = (place: ServerId) => ((place - 1) % SERVERS) + 1
  const servers = Array.from({ length: SERVERS }, (_, index) => [index + 1, peerAddressOf(base + index + 1)])
  const addresses = Object.fromEntries(servers) as Record<ServerId, string>
  if (misled !== undefined && idOf(misled) !== idOf(place)) addresses[idOf(misled)] = peerAddressOf(misled)
  return {
    id: idOf(place),
    listen: peerAddressOf(place),
    clients: clientAddressOf(place),
    cluster: { servers: addresses },
  }
}
