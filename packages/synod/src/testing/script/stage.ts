import type { ServerId } from '../../paxos/ballot.js'
import type { Cluster, Transit } from '../cluster/cluster.js'
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

  /** Does something, with disks that write at once unless they are stuck, and tells what came of it. */
  tell(detail: Detail, act: () => void): string[] {
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
      atOnce && isLeaderless ? this.cluster.setOut(id, ...values) : this.cluster.propose(id, ...values)
    for (const [place, proposal] of proposals.entries())
      this.#proposals.set(`s${id} ${words[place] ?? ''}`, proposal)
  }

  /** Nobody waits any more for a value that was proposed on a server. */
  withdraw(id: ServerId, word: string): void {
    const proposal = this.#proposals.get(`s${id} ${word}`)
    if (proposal === undefined) throw new Error(`s${id} was not asked to propose ${word}`)
    this.cluster.step(id, { type: 'withdraw', id: proposal })
  }

  /** Delivers messages one by one, and tells of each what it causes. With `keep` they stay under way. */
  deliver(selection: Selection, keep: boolean): string[] {
    const detail = detailFor(selection)
    const lines: string[] = []
    for (const transit of this.#select(selection)) {
      this.cluster.deliver(this.cluster.network.indexOf(transit), keep)
      this.cluster.syncDisks()
      const effects = this.narrator.take(detail).map((line) => `  ${line}`)
      const [message] = this.narrator.describe([transit], effects.length > 0 ? 'heartbeats' : detail)
      if (message !== undefined) lines.push(message + this.#fate(transit), ...effects)
    }
    return lines.length === 0 ? ['nothing new'] : lines
  }

  /** Takes messages off the network for good. */
  lose(selection: Selection): string[] {
    return this.#list(this.#takeOff(selection), detailFor(selection))
  }

  /** Takes messages off the network until they are released. */
  hold(selection: Selection): string[] {
    const transits = this.#takeOff(selection)
    this.#heldBack.push(...transits)
    return this.#list(transits, detailFor(selection))
  }

  /** Puts the messages that were held back on the network again, the first one held first. */
  release(): string[] {
    const transits = this.#heldBack.splice(0)
    if (transits.length === 0) throw new Error('no message is held back')
    this.cluster.network.push(...transits)
    return this.#list(transits, 'heartbeats')
  }

  /** What is under way, without heartbeats. */
  underWay(): string[] {
    return this.#list(this.cluster.network, 'messages')
  }

  #takeOff(selection: Selection): Transit[] {
    const transits = this.#select(selection)
    this.cluster.network = this.cluster.network.filter((transit) => !transits.includes(transit))
    return transits
  }

  #list(transits: readonly Transit[], detail: Detail): string[] {
    const lines = this.narrator.describe(transits, detail)
    return lines.length === 0 ? ['nothing'] : lines
  }

  /** The messages under way that are meant, in the order in which they were sent. Throws if there is none. */
  #select({ matches }: Selection): Transit[] {
    const transits = this.cluster.network.filter(matches)
    if (transits.length === 0) throw new Error('no such message is under way')
    return transits
  }

  #fate({ from, to }: { from: ServerId; to: ServerId }): string {
    if (this.cluster.isCut(from, to)) return ' (lost: cut off)'
    return this.cluster.server(to).up ? '' : ` (lost: s${to} is down)`
  }
}

/** Heartbeats are told of where they are asked for by name. */
function detailFor({ type }: Selection): Detail {
  return type === 'heartbeat' || type === 'heartbeat-answer' ? 'heartbeats' : 'messages'
}
