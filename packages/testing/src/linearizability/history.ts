/**
 * What a client saw of one operation. Times are of any unit, as long as it is one for the whole
 * history. If one operation returned before another was invoked, it happened first; at the same
 * time, either may have.
 */
export interface Operation<Input, Output> {
  /** Who asked for it. Only shown: operations of one client may overlap. */
  readonly client: string
  readonly input: Input
  /** When it was asked for. */
  readonly invoked: number
  /**
   * When it was answered. Without it the outcome is unknown: the operation may have happened at any
   * time from `invoked` on, even after all others, or never.
   */
  readonly returned?: number
  /** The answer, which is not undefined. Present if `returned` is. */
  readonly output?: Output
}

/** The operation as if its outcome were unknown. */
export function withoutOutcome<I, O>({ client, input, invoked }: Operation<I, O>): Operation<I, O> {
  return { client, input, invoked }
}

/**
 * An operation that was asked for, to be told once what became of it. What is told nothing has an
 * unknown outcome.
 */
export interface Invocation<Output> {
  /** It was answered. */
  returned(output: Output): void
  /** It may have happened, or happen yet: no answer came in time, or the connection broke. */
  unknown(): void
  /** It did not happen and will not: it is struck from the history. */
  failed(): void
}

/**
 * Records what clients see, in the order in which they see it.
 *
 * @example
 *
 * const history = new History<RegisterInput, RegisterOutput>()
 * const write = history.invoke('alice', { type: 'write', value: 1 })
 * await register.write(1)
 * write.returned(null)
 * assertLinearizable(registerModel(), history.operations())
 */
export class History<Input, Output> {
  readonly #operations = new Set<Operation<Input, Output>>()
  #position = 0

  /** `client` is about to ask for an operation. */
  invoke(client: string, input: Input): Invocation<Output> {
    const asked = { client, input, invoked: this.#position++ }
    let operation: Operation<Input, Output> = asked
    let told = false
    const end = () => {
      if (told) throw new Error(`client ${client} tells twice what became of an operation`)
      told = true
    }
    this.#operations.add(operation)
    return {
      returned: (output) => {
        end()
        this.#operations.delete(operation)
        operation = { ...asked, returned: this.#position++, output }
        this.#operations.add(operation)
      },
      unknown: end,
      failed: () => {
        end()
        this.#operations.delete(operation)
      },
    }
  }

  /** All operations so far that did not fail, in the order in which they were invoked. */
  operations(): Operation<Input, Output>[] {
    return [...this.#operations].sort((a, b) => a.invoked - b.invoked)
  }
}
