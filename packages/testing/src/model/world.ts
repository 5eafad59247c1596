import { InvariantError } from 'synod/internal/paxos/invariants.js'
import { describeMessage } from '../describe.js'
import { type ModelConfig, serversOf } from './config.js'
import { checkCluster } from './evidence.js'
import { GOALS, GOAL_NAMES, type Goal } from './goals.js'
import type { Move } from './outcomes.js'
import { type StepFunction, stepCore } from './running-server.js'
import type { KnownState } from './server-states.js'
import { NOTHING, Sites } from './sites.js'
import { TupleTable } from './tuple-table.js'

/** A state of the cluster: by server, from the first on, the number of its site. */
export type ModelCluster = Int32Array

/** What is to be said of a state of the cluster. */
export interface Assessment {
  /** The invariant that is broken, if one is. */
  readonly violation: string | undefined
  readonly goals: ReadonlySet<Goal>
}

export interface ModelWorldOptions {
  /** Whether messages that look spent are dropped, which `prove` then has to prove right. */
  readonly forgets?: boolean
  readonly step?: StepFunction
}

/** All that can happen in a cluster. */
export class ModelWorld {
  readonly config: ModelConfig
  readonly sites: Sites
  /** By state of a server: whether it is part of a state of the cluster. */
  readonly #reached: boolean[] = []
  readonly #assessed: TupleTable
  readonly #assessments: Assessment[] = []

  constructor(config: ModelConfig, options: ModelWorldOptions = {}) {
    const { forgets = true, step = stepCore } = options
    this.config = config
    this.sites = new Sites(config, step, forgets)
    this.#assessed = new TupleTable(config.servers)
  }

  start(): ModelCluster {
    return Int32Array.from(serversOf(this.config), (server) => {
      const state = this.sites.states.start(server)
      this.#reached[state] = true
      return this.sites.number(state, NOTHING)
    })
  }

  /** The state of the server at this place. */
  state(cluster: ModelCluster, index: number): KnownState {
    return this.sites.get(cluster[index] ?? -1).state
  }

  /**
   * Visits the states that are one step of the server at `index` away. They are all written into
   * `next`.
   */
  successors(cluster: ModelCluster, next: ModelCluster, visit: (index: number) => void): void {
    for (let index = 0; index < cluster.length; index++) {
      const moves = this.sites.next(cluster[index] ?? -1)
      for (let at = 0; at < moves.length; at += 2) {
        if (this.#move(cluster, next, index, moves[at] ?? -1, moves[at + 1] ?? -1)) visit(index)
      }
    }
  }

  /**
   * Writes into `next` where a move of one server leads; answers whether that is within what the
   * configuration allows.
   */
  move(cluster: ModelCluster, next: ModelCluster, index: number, { state, said }: Move): boolean {
    return this.#move(cluster, next, index, this.sites.after(cluster[index] ?? -1, state), said)
  }

  #move(cluster: ModelCluster, next: ModelCluster, index: number, site: number, said: number): boolean {
    for (let other = 0; other < cluster.length; other++) {
      const before = cluster[other] ?? -1
      const part = other === index ? 0 : this.sites.part(said, other)
      next[other] = part === 0 ? before : this.sites.receive(before, part)
    }
    next[index] = site
    const { number, amounts } = this.state(next, index)
    if (amounts !== this.state(cluster, index).amounts && !this.#isWithin(next)) return false
    this.#reached[number] = true
    return true
  }

  #isWithin(cluster: ModelCluster): boolean {
    const { ballots, crashes, proposals, trims = 0 } = this.config
    const limits = [crashes, proposals, trims]
    const total: number[] = []
    for (let index = 0; index < cluster.length; index++) {
      const amounts = this.sites.states.amounts(this.state(cluster, index).amounts)
      for (const [i, amount] of amounts.entries()) total[i] = (total[i] ?? 0) + amount
    }
    return total.every((amount, i) => amount <= (limits[i] ?? ballots))
  }

  /**
   * Proves that dropped messages lose nothing: in each state that its server has been in since,
   * such a message does no more than the server may do without it (docs/internals/model.md).
   * Returns the message that does more, if there is one.
   */
  refuteForgetting(): string | undefined {
    const { states } = this.sites
    const dropped = this.#droppedBefore()
    for (const [number, messages] of dropped) {
      const state = states.get(number)
      for (const message of messages) {
        if (this.sites.isIdle(state, message)) continue
        const { from, to, message: content } = states.messages.get(message)
        return `s${to} may still be changed by [${describeMessage(content)}] from s${from}`
      }
    }
    return undefined
  }

  /**
   * By state of a server: the messages that were dropped there, or in a state that may have come
   * before.
   */
  #droppedBefore(): Map<number, Set<number>> {
    const { sites } = this
    const dropped = new Map<number, Set<number>>()
    const open = new Set<number>()
    const drop = (number: number, messages: Iterable<number>) => {
      const before = dropped.get(number) ?? new Set()
      const { size } = before
      for (const message of messages) before.add(message)
      dropped.set(number, before)
      if (before.size > size) open.add(number)
    }
    for (const number of this.#reached.keys()) {
      if (this.#reached[number] === true) drop(number, sites.spent(sites.states.get(number)))
    }
    for (const number of open) {
      open.delete(number)
      for (const move of sites.knownMoves(sites.states.get(number))) {
        if (this.#reached[move.state] === true) drop(move.state, dropped.get(number) ?? [])
      }
    }
    return dropped
  }

  /** Looks at a state with the eyes of the invariants and the goals. */
  assess(cluster: ModelCluster): Assessment {
    const evidence = cluster.map((_, index) => this.state(cluster, index).evidence)
    const number = this.#assessed.add(evidence)
    return (this.#assessments[number] ??= this.#assess(evidence))
  }

  #assess(numbers: Int32Array): Assessment {
    const evidence = Array.from(numbers, (number) => this.sites.states.evidence(number))
    try {
      checkCluster(evidence, this.config)
    } catch (error) {
      if (error instanceof InvariantError) return { violation: error.message, goals: new Set() }
      throw error
    }
    return { violation: undefined, goals: new Set(GOAL_NAMES.filter((goal) => GOALS[goal](evidence))) }
  }
}
