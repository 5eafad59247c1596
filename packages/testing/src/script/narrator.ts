import { type ServerId, type Slot, formatBallot, sameBallot } from 'synod/internal/paxos/ballot.js'
import type { Output } from 'synod/internal/paxos/effects.js'
import type { PaxosStatus } from 'synod/internal/paxos/paxos.js'
import type { Value } from 'synod/internal/paxos/value.js'
import type { Input } from 'synod/internal/paxos/paxos.js'
import type { Cluster } from '../cluster/cluster.js'
import type { ClusterObserver, Transit } from '../cluster/observer.js'
import { type DescribeValue, describeMessage, describeRecord, describeValues } from '../describe.js'
import { decodeValue } from './client-requests.js'

/**
 * How much is told: the effects; the messages that left, too; or even the heartbeats among them.
 */
export type Detail = 'outcome' | 'messages' | 'heartbeats'

/** What was last known of a server, to tell what is new. */
interface Known {
  status: PaxosStatus
  readonly chosen: Set<Slot>
  /** What `LogView.decisions` was when the log was last looked through. */
  decisions: number
  /** Reads that cannot be answered yet. */
  readonly pending: Set<number>
  /**
   * Reads that can be answered, by the slot that they have to see; and reads that were said to
   * wait.
   */
  readonly reads: Map<number, Slot>
  readonly waiting: Set<number>
}

/** A message that left, or that waits until what it rests on is durable. */
interface Sent extends Transit {
  readonly isHeld?: boolean
}

/** Tells what happens in a cluster, in words. */
export class Narrator implements ClusterObserver {
  readonly #cluster: Cluster
  readonly #describe: DescribeValue
  readonly #known = new Map<ServerId, Known>()
  /** What is new, and of which servers. */
  #notes = new Map<string, ServerId[]>()
  #sent: Sent[] = []

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.#describe = decodeValue
    for (const id of cluster.ids) this.forget(id)
    cluster.observe(this)
  }

  sent(transit: Transit): void {
    this.#sent.push(transit)
  }

  stepped(id: ServerId, input: Input, output: Output): void {
    const { pending, reads } = this.#of(id)
    if (input.type === 'read') pending.add(input.id)
    for (const read of output.reads) {
      pending.delete(read.id)
      reads.set(read.id, read.slot)
    }
    if (!this.#cluster.stuckDisks.has(id)) return
    for (const record of output.records) this.#note(id, `writes ${describeRecord(record, this.#describe)}`)
    for (const { afterDurable, message, to } of output.messages) {
      if (afterDurable && this.#cluster.server(id).isWriting)
        this.#sent.push({ from: id, to, message, isHeld: true })
    }
  }

  /** What this server is and knows by now is no news. */
  forget(id: ServerId): void {
    const { paxos } = this.#cluster.server(id)
    this.#known.set(id, {
      status: paxos.status(),
      chosen: new Set(),
      decisions: -1,
      pending: new Set(),
      reads: new Map(),
      waiting: new Set(),
    })
    this.#newlyChosen(id)
  }

  /** What has happened since the last time, a line each. */
  take(detail: Detail): string[] {
    for (const id of this.#cluster.ids) {
      this.#noteRole(id)
      this.#noteChosen(id)
      this.#noteReads(id)
    }
    const lines = [...this.#notes].map(([text, servers]) => `${names(servers)}: ${text}`)
    lines.push(...this.describe(this.#sent, detail))
    this.#notes = new Map()
    this.#sent = []
    return lines
  }

  /** Messages, a line each; one that goes to several servers is one line. */
  describe(transits: readonly Sent[], detail: Detail): string[] {
    const lines = new Map<string, { readonly head: string; readonly text: string; readonly to: ServerId[] }>()
    for (const transit of transits) {
      if (!isShown(transit, detail)) continue
      const head = `${transit.isHeld === true ? 'once durable, ' : ''}s${transit.from}`
      const text = describeMessage(transit.message, this.#describe)
      const line = lines.get(head + text)
      if (line === undefined) lines.set(head + text, { head, text, to: [transit.to] })
      else line.to.push(transit.to)
    }
    return [...lines.values()].map(({ head, text, to }) => `${head} > ${names(to)}: ${text}`)
  }

  #noteRole(id: ServerId): void {
    const known = this.#of(id)
    const status = this.#cluster.paxos(id).status()
    const { ballot, leader, role } = known.status
    const same =
      role === status.role &&
      leader === status.leader &&
      (leader === undefined || sameBallot(ballot, status.ballot))
    known.status = status
    if (!same && this.#cluster.server(id).up) this.#note(id, describeRole(status))
  }

  #noteChosen(id: ServerId): void {
    const { chosen } = this.#cluster.paxos(id)
    for (const [first, values] of this.#newlyChosen(id)) {
      const gap = first > chosen ? ` (waits for slot ${chosen + 1})` : ''
      this.#note(id, `chosen in ${describeValues(first, values, this.#describe)}${gap}`)
    }
  }

  /** Runs of slots that were not known to be chosen, by their first slot. */
  #newlyChosen(id: ServerId): Map<Slot, Value[]> {
    const known = this.#of(id)
    const { log } = this.#cluster.paxos(id)
    const runs = new Map<Slot, Value[]>()
    if (log.decisions === known.decisions) return runs
    known.decisions = log.decisions
    let run: Value[] | undefined
    for (let slot = 1; slot <= log.state.voted; slot++) {
      const value = known.chosen.has(slot) ? undefined : log.chosen(slot)
      if (value === undefined) {
        run = undefined
        continue
      }
      known.chosen.add(slot)
      if (run === undefined) runs.set(slot, (run = []))
      run.push(value)
    }
    return runs
  }

  #noteReads(id: ServerId): void {
    const { pending, reads, waiting } = this.#of(id)
    const settling = pending.size === 0 ? [] : this.#cluster.paxos(id).save().reads.settling
    for (const { ids, slot } of settling) {
      for (const read of ids) {
        if (!waiting.has(read)) this.#note(id, `read ${read} waits until slot ${slot} is executed`)
        waiting.add(read)
      }
    }
    for (const [read, slot] of reads) {
      const state = slot === 0 ? 'nobody has voted yet' : `slot ${slot} is executed`
      this.#note(id, `read ${read} is answered: ${state}`)
    }
    reads.clear()
  }

  #note(id: ServerId, text: string): void {
    const servers = this.#notes.get(text)
    if (servers === undefined) this.#notes.set(text, [id])
    else if (!servers.includes(id)) servers.push(id)
  }

  #of(id: ServerId): Known {
    const known = this.#known.get(id)
    if (known === undefined) throw new Error(`no server ${id}`)
    return known
  }
}

/** What a server of leader mode is at the moment. */
export function describeRole({ ballot, leader, role }: PaxosStatus): string {
  if (role === 'leader' || role === 'candidate') return `${role} at ${formatBallot(ballot)}`
  if (role === 'proposer') return role
  const following = leader === undefined ? 'no leader' : `following s${leader} at ${formatBallot(ballot)}`
  return role === 'learner' ? `learner, ${following}` : following
}

function names(servers: readonly ServerId[]): string {
  return servers.map((id) => `s${id}`).join(', ')
}

function isShown({ message: { type } }: Transit, detail: Detail): boolean {
  if (type === 'heartbeat' || type === 'heartbeat-answer') return detail === 'heartbeats'
  return detail !== 'outcome'
}
