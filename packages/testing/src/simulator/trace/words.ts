import { inspect } from 'node:util'
import type { WorkloadOutput } from '../workload.js'

/** A command or query for people: as JSON, where it has one. */
export function valueText(value: unknown): string {
  try {
    const text = JSON.stringify(value) as string | undefined
    return text ?? 'undefined'
  } catch {
    return inspect(value, { breakLength: Infinity, depth: 4 })
  }
}

/** A command or query for a trace: itself where it has a JSON, otherwise in words. */
export function asData(value: unknown): unknown {
  try {
    JSON.stringify(value)
    return value
  } catch {
    return valueText(value)
  }
}

/** Encoded results and answers are text, unless the workload has a codec of its own. */
export function outputText(output: WorkloadOutput | undefined): string | undefined {
  return output === undefined || typeof output === 'string' ? output : Buffer.from(output).toString()
}
