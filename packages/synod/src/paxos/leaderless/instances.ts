import { type Ballot, type Slot, ZERO_BALLOT } from '../ballot.js'
import type { LogView } from '../log.js'
import type { ReportedVote } from '../messages.js'
import { NO_SERVERS, type ServerSet } from '../server-set.js'
import { NO_OP, type Value } from '../value.js'

/** Single-decree Paxos in one slot, run by this server. */
export interface Instance {
  readonly slot: Slot
  /**
   * `ready`: phase 1 has found no vote, and there is no request to propose yet. `waiting`:
   * preempted, until its back-off is over.
   */
  step: 'prepare' | 'ready' | 'accept' | 'waiting'
  ballot: Ballot
  /** How often it was preempted. */
  preemptions: number
  /** The highest ballot seen in this slot. */
  seen: Ballot
  /** The request that this server proposes here if it is free to; 0 for none. */
  request: number
  /** The servers that have answered in this step. */
  answered: ServerSet
  /** The reported vote at the highest ballot. */
  vote: ReportedVote | null
  /** When the prepare was sent first. */
  sinceMs: number
  /** What it proposes in phase 2. */
  value: Value
  untilMs: number
}

export function newInstance(slot: Slot, request: number, nowMs: number): Instance {
  return {
    slot,
    step: 'waiting',
    ballot: ZERO_BALLOT,
    preemptions: 0,
    seen: ZERO_BALLOT,
    request,
    answered: NO_SERVERS,
    vote: null,
    sinceMs: nowMs,
    value: NO_OP,
    untilMs: Infinity,
  }
}

export interface InstancesState {
  readonly instances: Map<Slot, Instance>
  /** No instance is due before this time. */
  dueMs: number
}

/** The instances that this server runs: at most one in a slot. Each step asks for them. */
export class Instances {
  readonly #state: InstancesState
  readonly #log: LogView
  /** `decisions` of the log when decided instances were last taken. */
  #decisions = -1

  constructor(state: InstancesState, log: LogView) {
    this.#state = state
    this.#log = log
  }

  has(slot: Slot): boolean {
    return this.#state.instances.has(slot)
  }

  get(slot: Slot): Instance | undefined {
    return this.#state.instances.get(slot)
  }

  /** How many of them propose a request in phase 2. */
  get proposing(): number {
    let count = 0
    for (const { request, step } of this.#state.instances.values())
      if (step === 'accept' && request !== 0) count++
    return count
  }

  /**
   * Instances without a request in slots above `voted`, in which phase 1 is under way or over and
   * has found no vote: lowest slot first.
   */
  preparedAbove(voted: Slot): Instance[] {
    return [...this.#state.instances.values()]
      .filter(
        ({ request, slot, step, vote }) =>
          request === 0 && slot > voted && isPreparing(step) && vote === null,
      )
      .sort((a, b) => a.slot - b.slot)
  }

  /** Ready ones in slots up to `voted`: these slots must be decided, with a request or not. */
  readyUpTo(voted: Slot): Instance[] {
    return [...this.#state.instances.values()].filter(({ slot, step }) => step === 'ready' && slot <= voted)
  }

  /** Adds an instance. The caller then says how long it waits. */
  begin(instance: Instance): void {
    this.#state.instances.set(instance.slot, instance)
  }

  end(slot: Slot): void {
    this.#state.instances.delete(slot)
  }

  /** The instance is due at this time, if nothing happens before. */
  wait(instance: Instance, untilMs: number): void {
    instance.untilMs = untilMs
    this.#state.dueMs = Math.min(this.#state.dueMs, untilMs)
  }

  /** The instances that are due. The caller then says how long each waits. */
  takeDue(nowMs: number): Instance[] {
    if (nowMs < this.#state.dueMs) return []
    const due: Instance[] = []
    this.#state.dueMs = Infinity
    for (const instance of this.#state.instances.values()) {
      if (instance.untilMs <= nowMs) due.push(instance)
      else this.#state.dueMs = Math.min(this.#state.dueMs, instance.untilMs)
    }
    return due
  }

  /** Ends the instances whose slots are decided, and returns them. */
  takeDecided(): Instance[] {
    if (this.#decisions === this.#log.decisions) return []
    this.#decisions = this.#log.decisions
    const decided = [...this.#state.instances.values()].filter(({ slot }) => this.#log.isChosen(slot))
    for (const { slot } of decided) this.#state.instances.delete(slot)
    return decided
  }
}

function isPreparing(step: Instance['step']): boolean {
  return step === 'prepare' || step === 'ready'
}
