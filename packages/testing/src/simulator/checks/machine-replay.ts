import { answerQuery, applyCommand, errorText, codecsOf } from 'synod/internal/machine/contract.js'
import type { Machine } from 'synod/internal/machine/machine.js'
import { valueText } from '../trace/words.js'
import { type Executions, describePosition, sameResult, showResult } from './executions.js'
import { Violation } from './violation.js'

/** The answer to a query from one place in the log on. */
interface Answer {
  readonly from: number
  readonly output: Uint8Array | string
}

/**
 * The log told again to one more copy of the state machine: what it makes of the commands, and how
 * it would have answered each query at each place. Place n is after the n-th command.
 */
export class MachineReplay<Q> {
  readonly #answers = new Map<string, Answer[]>()

  /**
   * `queries` are encoded: as a replica does, the copy gets each one anew from its bytes, and each
   * command. Throws a Violation where it comes to other results than the replicas did.
   */
  constructor(
    machine: Machine<unknown, unknown, Q, unknown>,
    executions: Executions,
    queries: ReadonlyMap<string, Uint8Array>,
  ) {
    const codecs = codecsOf(machine)
    const answer = (place: number) => {
      for (const [key, query] of queries) {
        const output = outputOf(() => answerQuery(machine, codecs, codecs.query.decode(query)))
        const answers = this.#answers.get(key)
        const last = answers?.at(-1)
        if (answers === undefined) this.#answers.set(key, [{ from: 0, output }])
        else if (last !== undefined && !sameResult(last.output, output)) answers.push({ from: place, output })
      }
    }
    answer(0)
    for (const [index, { command, encoded, position, result, timeMs, version }] of executions.all.entries()) {
      const again = outputOf(() =>
        applyCommand(machine, codecs, codecs.command.decode(encoded), {
          position,
          timeMs,
          version,
        }),
      )
      if (!sameResult(again, result)) {
        throw new Violation(
          'non-determinism',
          `apply(${valueText(command)}) in ${describePosition(position)} came to ${showResult(result)}, but to ${showResult(again)} on a copy ` +
            `that had executed the same commands: it depends on something other than the state, the command and the context`,
        )
      }
      answer(index + 1)
    }
  }

  /** The answer to the query at this place. */
  answerAt(query: string, place: number): Uint8Array | string | undefined {
    return this.#answers.get(query)?.findLast(({ from }) => from <= place)?.output
  }

  /** The first place from `from` on at which the query has this answer. */
  placeOf(query: string, output: Uint8Array | string, from: number): number | undefined {
    const answers = this.#answers.get(query) ?? []
    for (const [index, answer] of answers.entries()) {
      const end = answers[index + 1]?.from ?? Infinity
      if (end > from && sameResult(answer.output, output)) return Math.max(answer.from, from)
    }
    return undefined
  }
}

function outputOf(run: () => Uint8Array): Uint8Array | string {
  try {
    return run()
  } catch (error) {
    return errorText(error)
  }
}
