import { SynodError } from '../errors.js'
import { decodeAnswered } from '../machine/contract.js'
import type { Executor } from '../machine/executor.js'
import type { Applied } from '../machine/outcome.js'
import type { AnyMachine, CodecsOf, CommandOf, ResultOf } from '../machine/machine.js'
import { type Position, comparePositions } from '../machine/position.js'
import { Refusal } from '../machine/refusal.js'
import { type Rules, SIGNAL, group, required, wholeFrom } from '../options.js'
import type { Slot } from '../paxos/ballot.js'
import type { NextItem } from './subscriptions.js'

/** The most commands that are kept for slow readers, and bytes of these and their results. */
export const MAX_APPLIED_COMMANDS = 16_384
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
  readonly position: Position
  readonly timeMs: number
  readonly command: Uint8Array
  readonly result: Uint8Array
  readonly isDone: boolean
}

/** The commands that were applied lately. They are kept from the first reader on. */
export class AppliedLog<M extends AnyMachine> {
  readonly #executor: Executor<M>
  /** In the order of their positions. */
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
    let next: Position = from ?? { slot: executed + 1, index: 0 }
    return () => {
      if (next.slot <= this.#floor) throw gapError(Math.max(1, next.slot), this.#floor)
      const start = this.#find(next)
      const first = this.#kept[start]
      if (first === undefined) return undefined
      const { slot } = first.position
      next = { slot: slot + 1, index: 0 }
      return new Batch(first, this.#kept.slice(start, this.#find(next)), this.#executor.codecs)
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
  #add({ outcome: { result, status }, position, request, timeMs }: Applied): void {
    const kept = {
      position,
      timeMs,
      command: Uint8Array.from(request.command),
      result,
      isDone: status === 'done',
    }
    this.#kept.push(kept)
    this.#bytes += sizeOf(kept)
    if (this.#kept.length <= MAX_APPLIED_COMMANDS && this.#bytes <= MAX_APPLIED_BYTES) return
    this.#dropHalf()
  }

  /**
   * Half of it at once, which is cheaper than one by one; whole slots, and never the last one, of
   * which there may be more to come.
   */
  #dropHalf(): void {
    const last = this.#kept.at(-1)?.position.slot ?? 0
    let dropped = 0
    for (const kept of this.#kept) {
      const { slot } = kept.position
      const isEnough = dropped >= MAX_APPLIED_COMMANDS / 2 && this.#bytes <= MAX_APPLIED_BYTES / 2
      if (slot === last || (isEnough && slot > this.#floor)) break
      this.#bytes -= sizeOf(kept)
      this.#floor = slot
      dropped++
    }
    this.#kept.splice(0, dropped)
  }

  /** Where the first one stands that is at this position or after it. */
  #find(position: Position): number {
    let [low, high] = [0, this.#kept.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const kept = this.#kept[middle]
      if (kept !== undefined && comparePositions(kept.position, position) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Each reader has its own: what it does to a command or a result changes nothing for others. */
class Batch<M extends AnyMachine> implements AppliedBatch<M> {
  readonly position: Position
  readonly timeMs: number
  readonly #kept: readonly AppliedRecord[]
  readonly #codecs: CodecsOf<M>

  constructor({ position, timeMs }: AppliedRecord, kept: readonly AppliedRecord[], codecs: CodecsOf<M>) {
    this.position = position
    this.timeMs = timeMs
    this.#kept = kept
    this.#codecs = codecs
  }

  get commands(): readonly CommandOf<M>[] {
    return this.#kept.map(({ command }) => decodeAnswered('command', this.#codecs.command, command))
  }

  get results(): readonly (ResultOf<M> | Refusal)[] {
    return this.#kept.map(({ isDone, result }) =>
      isDone
        ? decodeAnswered('result', this.#codecs.result, result)
        : new Refusal(Buffer.from(result).toString()),
    )
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
