import type { Operation } from './history.js'
import { structuralKey } from './structural-key.js'

/**
 * Operations of unknown outcome with the same input. One will do as well as another, so the oldest
 * is used first.
 */
export interface PendingKind<Input, Output> {
  readonly input: Input
  /** In the order in which they were invoked. */
  readonly operations: readonly Operation<Input, Output>[]
}

export function pendingKinds<I, O>(operations: readonly Operation<I, O>[]): PendingKind<I, O>[] {
  const kinds = new Map<string, { input: I; operations: Operation<I, O>[] }>()
  for (const operation of operations) {
    const key = structuralKey(operation.input)
    const kind = kinds.get(key)
    if (kind === undefined) kinds.set(key, { input: operation.input, operations: [operation] })
    else kind.operations.push(operation)
  }
  return [...kinds.values()]
}
