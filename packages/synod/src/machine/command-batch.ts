import { applyCommands, failedOutcome } from './contract.js'
import type { AnyMachine, BatchedCommand, CodecsOf, CommandOf } from './machine.js'
import type { Applied } from './outcome.js'
import type { PendingOutcome, Sessions } from './sessions.js'

type BatchMachine = AnyMachine & Required<Pick<AnyMachine, 'applyBatch'>>

export interface CommandBatchParts<M extends AnyMachine> {
  readonly machine: M & BatchMachine
  readonly codecs: CodecsOf<M>
  readonly sessions: Sessions
  readonly onApplied: (applied: Applied) => void
}

/** A command that waits for the end of its batch; undefined where it was refused before that. */
interface Waiting<Command> extends Omit<Applied, 'outcome'> {
  readonly pending: PendingOutcome
  readonly command: BatchedCommand<Command> | undefined
}

const NOTHING = new Uint8Array(0)

/** The commands that a state machine is given with its next `applyBatch`. */
export class CommandBatch<M extends AnyMachine> {
  readonly #parts: CommandBatchParts<M>
  #waiting: Waiting<CommandOf<M>>[] = []

  constructor(parts: CommandBatchParts<M>) {
    this.#parts = parts
  }

  /**
   * Adds a command and returns its outcome, which is known once the batch is applied. If `decode`
   * throws, this command alone fails.
   */
  add(of: Omit<Applied, 'outcome'>, decode: () => BatchedCommand<CommandOf<M>>): PendingOutcome {
    const { sessions } = this.#parts
    // A batch ends before its outcomes could end a session: replicas with other batches, or none,
    // execute the same commands.
    if (!sessions.hasCapacityFor(this.#waiting.length + 1)) this.apply()
    const pending: PendingOutcome = { status: 'done', result: NOTHING }
    let command: BatchedCommand<CommandOf<M>> | undefined
    try {
      command = decode()
    } catch (error) {
      Object.assign(pending, failedOutcome(error))
    }
    this.#waiting.push({ ...of, pending, command })
    if (!sessions.hasCapacityFor(1)) this.apply()
    return pending
  }

  /** Gives the state machine all commands that were added. Throws `invalid-machine`. */
  apply(): void {
    const { codecs, machine, onApplied, sessions } = this.#parts
    const waiting = this.#waiting
    if (waiting.length === 0) return
    this.#waiting = []
    const commands = waiting.flatMap(({ command }) => command ?? [])
    const outcomes = commands.length === 0 ? [] : applyCommands(machine, codecs, commands)
    let next = 0
    for (const { command, pending, position, request, timeMs } of waiting) {
      const outcome = command === undefined ? undefined : outcomes[next++]
      if (outcome !== undefined) sessions.settle(request, pending, outcome)
      onApplied({ position, timeMs, request, outcome: pending })
    }
  }
}

export function hasBatches<M extends AnyMachine>(machine: M): machine is M & BatchMachine {
  return machine.applyBatch !== undefined
}
