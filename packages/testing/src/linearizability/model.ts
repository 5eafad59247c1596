/**
 * What a system promises, as the object that it claims to be: one state, and operations that happen
 * one at a time. States and inputs are plain values (numbers, strings, arrays, objects and the
 * like), never changed in place.
 *
 * @example
 *
 * const flag: Model<boolean, 'set' | 'get', boolean> = {
 *   init: false,
 *   step: (state, input, output) => {
 *     if (input === 'set') return [true]
 *     return output === undefined || output === state ? [state] : []
 *   },
 * }
 */
export interface Model<State, Input, Output> {
  /** The state before the first operation. With partitions: of each one. */
  readonly init: State

  /**
   * The states that an operation can lead to, most often one; none if `output` is not possible in
   * this state. An `output` of undefined was seen by no client: any is possible.
   */
  step(state: State, input: Input, output: Output | undefined): readonly State[]

  /**
   * Names the part of the state that an operation is about, if parts have nothing to do with each
   * other, such as the keys of a store. Each is checked on its own, which is much faster. One part
   * unless given.
   */
  partition?(input: Input): string

  /**
   * True only if an operation with this output (undefined: with any output) leaves every state in
   * which it is possible as it is. Such an operation need not be tried at several places. Never
   * true unless given.
   */
  reads?(input: Input, output: Output | undefined): boolean

  /**
   * True only if an operation with this output is not possible in this state and will not be in any
   * that can follow, as that of an older version where versions only grow. So an order that leaves
   * it behind is given up at once. Never true unless given.
   */
  isTooLate?(state: State, input: Input, output: Output | undefined): boolean

  /**
   * The same text for equal states and no others. Its structure unless given: see structuralKey.
   */
  key?(state: State): string

  /** An operation in words, for messages. An `output` of undefined was not seen. */
  describe?(input: Input, output: Output | undefined): string
}
