import { type Position, comparePositions } from 'synod/internal/machine/position.js'
import type { ServerId, Slot } from 'synod/internal/paxos/ballot.js'
import { valueText } from '../trace/words.js'
import { Violation } from './violation.js'

/** The outcome of one command, on the replica that executed it first. */
export interface ExecutedCommand {
  readonly position: Position
  /** Numbers the requests of a simulation. */
  readonly tag: number
  readonly timeMs: number
  /** Of the state machine, as the members had agreed on it by then. */
  readonly version: number
  readonly command: unknown
  /** As it stands in the log. */
  readonly encoded: Uint8Array
  readonly by: ServerId
  /** The encoded result, or the message of what was thrown. */
  readonly result: Uint8Array | string
}

/**
 * What all replicas have executed: at the same positions the same commands, with the same results,
 * each once.
 */
export class Executions {
  /** In the order of their positions. */
  readonly all: ExecutedCommand[] = []
  readonly #byTag = new Map<number, Position>()
  readonly #onFirst: (execution: ExecutedCommand) => void

  /** `onFirst` is told of each execution when the first replica has come to it. */
  constructor(onFirst: (execution: ExecutedCommand) => void) {
    this.#onFirst = onFirst
  }

  /** How many commands were executed in the slots up to this one. */
  upTo(slot: Slot): number {
    let [low, high] = [0, this.all.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.all[middle]?.position.slot ?? Infinity) <= slot) low = middle + 1
      else high = middle
    }
    return low
  }

  /** A replica, which has executed `before` commands, has executed one more. Throws a Violation. */
  add(execution: ExecutedCommand, before: number): void {
    const { by, command, position, tag, timeMs, version } = execution
    const place = describePosition(position)
    const first = this.all[before]
    if (first === undefined) {
      const last = this.all.at(-1)?.position
      if (last !== undefined && comparePositions(position, last) <= 0) {
        throw new Violation('agreement', `s${by} executed ${place} anew, after ${describePosition(last)}`)
      }
      const other = this.#byTag.get(tag)
      if (other !== undefined) {
        const what = `${valueText(command)} was executed in ${describePosition(other)}, and again in ${place}`
        throw new Violation('executed-twice', what)
      }
      this.#byTag.set(tag, position)
      this.all.push(execution)
      this.#onFirst(execution)
      return
    }
    if (comparePositions(first.position, position) !== 0 || first.tag !== tag || first.timeMs !== timeMs) {
      const there = `s${by} executed ${valueText(command)} (stamped ${timeMs}) in ${place}`
      const here = `where s${first.by} executed ${valueText(first.command)} (stamped ${first.timeMs}) in ${describePosition(first.position)}`
      throw new Violation('agreement', `${there}, ${here}`)
    }
    if (first.version !== version) {
      const what = `by the rules of version ${version} on s${by}, and of version ${first.version} on s${first.by}`
      throw new Violation('agreement', `${valueText(command)} was executed in ${place} ${what}`)
    }
    if (!sameResult(first.result, execution.result)) {
      throw new Violation(
        'non-determinism',
        `apply(${valueText(command)}) in ${place} came to ${showResult(execution.result)} on s${by}, but to ` +
          `${showResult(first.result)} on s${first.by}: it depends on something other than the state, the command and the context`,
      )
    }
  }
}

/** As messages for people name a position. */
export function describePosition({ index, slot }: Position): string {
  return index === 0 ? `slot ${slot}` : `slot ${slot} at ${index}`
}

export function sameResult(a: Uint8Array | string, b: Uint8Array | string): boolean {
  if (typeof a === 'string' || typeof b === 'string') return a === b
  return Buffer.compare(a, b) === 0
}

/** For people: most results are text. */
export function showResult(result: Uint8Array | string): string {
  return typeof result === 'string' ? `the error '${result}'` : Buffer.from(result).toString()
}
