import type { Slot } from './ballot.js'
import type { Instance, LeaderlessState } from './leaderless/leaderless-state.js'
import type { LogView } from './log.js'

/** The instances of single-decree Paxos that a leaderless proposer runs: at most one in a slot. There are many, and each step asks for them. */
export class Instances {
  readonly #state: Pick<LeaderlessState, 'instances' | 'due_ms'>
  readonly #log: LogView
  /** How many decisions of the log they have been held against. */
  #decisions = -1

  constructor(state: Pick<LeaderlessState, 'instances' | 'due_ms'>, log: LogView) {
    this.#state = state
    this.#log = log
  }

  has(slot: Slot): boolean {
    return this.#state.instances.has(slot)
  }

  get(slot: Slot): Instance | undefined {
    return this.#state.instances.get(slot)
  }

  /** Adds one, which is to be told how long it waits. */
  begin(instance: Instance): void {
    this.#state.instances.set(instance.slot, instance)
  }

  end(slot: Slot): void {
    this.#state.instances.delete(slot)
  }

  /** It has to be looked after at this time, if nothing happens before. */
  wait(instance: Instance, until_ms: number): void {
    instance.until_ms = until_ms
    this.#state.due_ms = Math.min(this.#state.due_ms, until_ms)
  }

  /** Those that have to be looked after now: each is to be told how long it waits from here on. */
  takeDue(now_ms: number): Instance[] {
    if (now_ms < this.#state.due_ms) return []
    const due: Instance[] = []
    this.#state.due_ms = Infinity
    for (const instance of this.#state.instances.values()) {
      if (instance.until_ms <= now_ms) due.push(instance)
      else this.#state.due_ms = Math.min(this.#state.due_ms, instance.until_ms)
    }
    return due
  }

  /** Ends those whose slots are decided. */
  takeDecided(): Instance[] {
    if (this.#decisions === this.#log.decisions) return []
    this.#decisions = this.#log.decisions
    const decided = [...this.#state.instances.values()].filter(({ slot }) => this.#log.isChosen(slot))
    for (const { slot } of decided) this.#state.instances.delete(slot)
    return decided
  }
}
