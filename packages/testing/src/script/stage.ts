import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { Cluster } from '../cluster/cluster.js'
import type { Transit } from '../cluster/observer.js'
import type { Selection } from './arguments.js'
import { encodeValue } from './client-requests.js'
import { type Detail, Narrator } from './narrator.js'

/** The cluster of a script, who tells of it, and what is kept off the network for a while. */
export class Stage {
  readonly cluster: Cluster
  readonly narrator: Narrator
  /** The proposals made, by server and value. */
  readonly #proposals = new Map<string, number>()
  #heldBack: Transit[] = []

  constructor(cluster: Cluster) {
    this.cluster = cluster
    this.narrator = new Narrator(cluster)
  }

  /** Acts, with disks that write at once unless they are stuck. Returns the effects as lines. */
  report(detail: Detail, act: () => void): string[] {
    act()
    this.cluster.syncDisks()
    const lines = this.narrator.take(detail)
    return lines.length === 0 ? ['nothing new'] : lines
  }

  /** Proposes values on a server; with `atOnce`, a leaderless one does not hold them back. */
  propose(id: ServerId, words: readonly string[], atOnce: boolean): void {
    const values = words.map((word) => encodeValue(this.cluster, word))
    const isLeaderless = this.cluster.server(id).config.mode === 'leaderless'
    const proposals =
      atOnce && isLeaderless ? this.cluster.proposeAlone(id, ...values) : this.cluster.propose(id, ...values)
    for (const [place, proposal] of proposals.entries())
      this.#proposals.set(`s${id} ${words[place] ?? ''}`, proposal)
  }

  /** A client asks these servers for values. One that is down or paused does not hear it. */
  request(client: number, servers: readonly ServerId[], words: readonly string[]): void {
    const values = words.map((word) => encodeValue(this.cluster, word))
    this.cluster.request(client, servers, values)
  }

  /** The caller of a value that was proposed on a server has given up. */
  withdraw(id: ServerId, word: string): void {
    const proposal = this.#proposals.get(`s${id} ${word}`)
    if (proposal === undefined) throw new Error(`s${id} was not asked to propose ${word}`)
    this.cluster.step(id, { type: 'withdraw', id: proposal })
  }

  /**
   * Delivers messages one by one, and tells of each what it causes. With `keep` they stay under
   * way.
   */
  deliver(selection: Selection, keep: boolean): string[] {
    const detail = detailFor(selection)
    const lines: string[] = []
    for (const transit of this.#select(selection)) {
      if (this.cluster.server(transit.to).paused) {
        const [message] = this.narrator.describe([transit], detail)
        if (message !== undefined) lines.push(`${message} (waits: s${transit.to} is paused)`)
        continue
      }
      this.cluster.deliver(this.cluster.network.transits.indexOf(transit), keep)
      this.cluster.syncDisks()
      const effects = this.narrator.take(detail).map((line) => `  ${line}`)
      const [message] = this.narrator.describe([transit], effects.length > 0 ? 'heartbeats' : detail)
      if (message !== undefined) lines.push(message + this.#fate(transit), ...effects)
    }
    return lines.length === 0 ? ['nothing new'] : lines
  }

  /** Takes messages off the network for good. */
  lose(selection: Selection): string[] {
    const transits = this.#select(selection)
    this.cluster.network.drop(transits)
    return this.#list(transits, detailFor(selection))
  }

  /** Takes messages off the network until they are released. */
  hold(selection: Selection): string[] {
    const transits = this.#select(selection)
    this.cluster.network.transits = this.cluster.network.transits.filter(
      (transit) => !transits.includes(transit),
    )
    this.#heldBack.push(...transits)
    return this.#list(transits, detailFor(selection))
  }

  /** Puts messages that were held back on the network again, the first one held first. */
  release(selection?: Selection): string[] {
    if (this.#heldBack.length === 0) throw new Error('no message is held back')
    const transits =
      selection === undefined ? this.#heldBack : pick(this.#heldBack, selection, 'is held back')
    this.#heldBack = this.#heldBack.filter((transit) => !transits.includes(transit))
    this.cluster.network.transits.push(...transits)
    return this.#list(transits, 'heartbeats')
  }

  /** What is kept off the network until it is released. */
  get heldBack(): readonly Transit[] {
    return this.#heldBack
  }

  /** What is under way, without heartbeats. */
  underWay(): string[] {
    return this.#list(this.cluster.network.transits, 'messages')
  }

  #list(transits: readonly Transit[], detail: Detail): string[] {
    const lines = this.narrator.describe(transits, detail)
    return lines.length === 0 ? ['nothing'] : lines
  }

  /**
   * The messages under way that are meant, in the order in which they were sent. Throws if there is
   * none.
   */
  #select(selection: Selection): Transit[] {
    return pick(this.cluster.network.transits, selection, 'is under way')
  }

  #fate({ from, to }: { from: ServerId; to: ServerId }): string {
    if (this.cluster.network.isCut(from, to)) return ' (lost: cut off)'
    return this.cluster.server(to).up ? '' : ` (lost: s${to} is down)`
  }
}

/** Those of the messages that are meant, in their order. Throws if there is none. */
function pick(all: readonly Transit[], { matches, place }: Selection, state: string): Transit[] {
  const transits = all.filter(matches)
  if (transits.length === 0) throw new Error(`no such message ${state}`)
  if (place === undefined) return transits
  const transit = transits[place - 1]
  if (transit === undefined) throw new Error(`there is no #${place}: only ${transits.length} of them`)
  return [transit]
}

/** Heartbeats are told of where they are asked for by name. */
function detailFor({ type }: Selection): Detail {
  return type === 'heartbeat' || type === 'heartbeat-answer' ? 'heartbeats' : 'messages'
}
