import { SynodError } from '../errors.js'
import { decodeAnswered } from '../machine/contract.js'
import type { Executor } from '../machine/executor.js'
import type { Applied } from '../machine/outcome.js'
import type { AnyMachine, CodecsOf, CommandOf, ResultOf } from '../machine/machine.js'
import type { Position } from '../machine/position.js'
import { Refusal } from '../machine/refusal.js'
import { type Rules, SIGNAL, group, required, wholeFrom } from '../options.js'
import type { Slot } from '../paxos/ballot.js'
import type { NextItem } from './subscriptions.js'

/** What is kept for readers that are late or slow: slots, and bytes of commands and results. */
export const MAX_APPLIED_SLOTS = 4096
export const MAX_APPLIED_BYTES = 16 << 20

export interface AppliedOptions {
  /** Begins with what was executed at this position or after it; with what comes, unless given. */
  readonly from?: Position | undefined
  /** Ends the iteration, which rejects with `aborted`. */
  readonly signal?: AbortSignal | undefined
}

const NUMBER = required(wholeFrom(0, Number.MAX_SAFE_INTEGER))

export const APPLIED_RULES: Rules = { from: group({ slot: NUMBER, index: NUMBER }), signal: SIGNAL }

/** What was executed in one slot, in the order of its commands. They are decoded when looked at. */
export interface AppliedBatch<M extends AnyMachine> {
  /** Of the first command. */
  readonly position: Position
  /** The log time at which they were executed. */
  readonly timeMs: number
  readonly commands: readonly CommandOf<M>[]
  /** Of each command; a `Refusal` where the state machine refused it. */
  readonly results: readonly (ResultOf<M> | Refusal)[]
}

interface AppliedRecord {
  readonly slot: Slot
  readonly timeMs: number
  readonly command: Uint8Array
  readonly result: Uint8Array
  readonly isDone: boolean
}

/** The commands that were applied lately. They are kept from the first reader on. */
export class AppliedLog<M extends AnyMachine> {
  readonly #executor: Executor<M>
  /** In the order of their slots. */
  #kept: AppliedRecord[] = []
  #bytes = 0
  #isKeeping = false
  /** What was applied up to this slot is not here. */
  #floor: Slot = 0

  constructor(executor: Executor<M>) {
    this.#executor = executor
  }

  /** What a reader takes, from a position on. */
  reader(from: Position | undefined): NextItem<AppliedBatch<M>> {
    const { executed } = this.#executor
    if (!this.#isKeeping) this.#begin()
    // A slot holds one command, so what comes after it stands in the next one.
    let next = from === undefined ? executed + 1 : Math.max(1, from.index === 0 ? from.slot : from.slot + 1)
    return () => {
      if (next <= this.#floor) throw gapError(next, this.#floor)
      const kept = this.#kept[this.#find(next)]
      if (kept === undefined) return undefined
      next = kept.slot + 1
      return new Batch(kept, this.#executor.codecs)
    }
  }

  /** The state is that of a peer now, and what was executed until there is not known here. */
  restored(): void {
    this.#kept = []
    this.#bytes = 0
    this.#floor = this.#executor.executed
  }

  #begin(): void {
    this.#isKeeping = true
    this.#floor = this.#executor.executed
    this.#executor.onApplied((applied) => {
      this.#add(applied)
    })
  }

  /** A copy: the command is a view into a frame or a segment, which is much larger. */
  #add({ outcome: { result, status }, request, slot, timeMs }: Applied): void {
    const kept = {
      slot,
      timeMs,
      command: Uint8Array.from(request.command),
      result,
      isDone: status === 'done',
    }
    this.#kept.push(kept)
    this.#bytes += sizeOf(kept)
    if (this.#kept.length <= MAX_APPLIED_SLOTS && this.#bytes <= MAX_APPLIED_BYTES) return
    this.#dropHalf()
  }

  /** Half of it at once, which is cheaper than one by one. */
  #dropHalf(): void {
    let dropped = 0
    while (dropped < MAX_APPLIED_SLOTS / 2 || this.#bytes > MAX_APPLIED_BYTES / 2) {
      const kept = this.#kept[dropped]
      if (kept === undefined || dropped === this.#kept.length - 1) break
      this.#bytes -= sizeOf(kept)
      this.#floor = kept.slot
      dropped++
    }
    this.#kept.splice(0, dropped)
  }

  /** Where the first one stands that is in this slot or after it. */
  #find(slot: Slot): number {
    let [low, high] = [0, this.#kept.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#kept[middle]?.slot ?? Infinity) < slot) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Each reader has its own: what it does to a command or a result changes nothing for others. */
class Batch<M extends AnyMachine> implements AppliedBatch<M> {
  readonly position: Position
  readonly timeMs: number
  readonly #kept: AppliedRecord
  readonly #codecs: CodecsOf<M>

  constructor(kept: AppliedRecord, codecs: CodecsOf<M>) {
    this.position = { slot: kept.slot, index: 0 }
    this.timeMs = kept.timeMs
    this.#kept = kept
    this.#codecs = codecs
  }

  get commands(): readonly CommandOf<M>[] {
    return [decodeAnswered('command', this.#codecs.command, this.#kept.command)]
  }

  get results(): readonly (ResultOf<M> | Refusal)[] {
    const { isDone, result } = this.#kept
    if (!isDone) return [new Refusal(Buffer.from(result).toString())]
    return [decodeAnswered('result', this.#codecs.result, result)]
  }
}

function sizeOf({ command, result }: AppliedRecord): number {
  return command.length + result.length
}

function gapError(first: Slot, last: Slot): SynodError {
  return new SynodError(
    'applied-gap',
    `what was executed in slots ${first} to ${last} is not kept here: read the state, and go on from slot ${last + 1}`,
  )
}
