import { inspect } from 'node:util'
import type { Operation } from './history.js'
import type { Model } from './model.js'

/** A value in one line. */
export function show(value: unknown): string {
  return inspect(value, { breakLength: Infinity, compact: true, depth: 4 })
}

/** What was asked, and what was answered. */
export function withAnswer(asked: string, output: unknown): string {
  return `${asked} → ${output === undefined ? '?' : show(output)}`
}

/** An operation in words, without who asked for it. */
export function describe<State, Input, Output>(
  model: Model<State, Input, Output>,
  { input, output }: Operation<Input, Output>,
): string {
  return model.describe?.(input, output) ?? withAnswer(show(input), output)
}
