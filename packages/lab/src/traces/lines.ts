import { type Fields, FieldError, isFields } from './json.js'

/** Of all files together: more would not fit into the memory of a page. */
export const MAX_TRACE_BYTES = 64 * 1024 * 1024

/** Of all files together. */
export const MAX_TRACE_EVENTS = 500_000

/** A file that holds a trace, or what is left of one. */
export interface TraceFile {
  readonly name: string
  readonly text: string
}

/** What is wrong with a line of a trace. */
export interface TraceProblem {
  readonly file: string
  /** From 1 on. */
  readonly line: number
  /** `it is not JSON`. */
  readonly text: string
}

/** A line of a trace, of which only time and kind were looked at. */
export interface TraceLine {
  readonly file: string
  readonly line: number
  readonly atMs: number
  readonly event: string
  readonly fields: Fields
}

/** Why nothing can be shown of a trace: for people. */
export class TraceError extends Error {
  override readonly name = 'TraceError'
}

/**
 * Throws a `TraceError` if files of this size together are too large to open: it spares reading
 * them.
 */
export function checkTraceSize(sizeBytes: number): void {
  if (sizeBytes <= MAX_TRACE_BYTES) return
  const [size, most] = [sizeBytes, MAX_TRACE_BYTES].map((bytes) => `${Math.ceil(bytes / 1024 / 1024)} MiB`)
  throw new TraceError(`A trace of ${size} is too large: at most ${most} are opened. Cut a part out of it.`)
}

/**
 * The lines of all files, in the order of the files. A line that says nothing is told to
 * `onProblem`, and left out.
 */
export function readLines(
  files: readonly TraceFile[],
  onProblem: (problem: TraceProblem) => void,
): TraceLine[] {
  // A character has a byte at least.
  checkTraceSize(files.reduce((sum, { text }) => sum + text.length, 0))
  const lines: TraceLine[] = []
  for (const { name: file, text } of files) {
    for (const [index, content] of text.split('\n').entries()) {
      if (content.trim() === '') continue
      const line = index + 1
      if (lines.length === MAX_TRACE_EVENTS)
        throw new TraceError(
          `There are more than ${MAX_TRACE_EVENTS} events in this trace: so many are not opened. Cut a part out of it.`,
        )
      try {
        lines.push({ file, line, ...read(content) })
      } catch (error) {
        if (!(error instanceof FieldError)) throw error
        onProblem({ file, line, text: error.message })
      }
    }
  }
  return lines
}

function read(content: string): Pick<TraceLine, 'atMs' | 'event' | 'fields'> {
  const fields = parse(content)
  if (!isFields(fields)) throw new FieldError('it is no JSON object')
  const { atMs, event } = fields
  if (typeof atMs !== 'number' || !Number.isFinite(atMs)) throw new FieldError('it has no time, atMs')
  if (typeof event !== 'string') throw new FieldError('it has no kind, event')
  return { atMs, event, fields }
}

function parse(content: string): unknown {
  try {
    return JSON.parse(content)
  } catch {
    throw new FieldError('it is not JSON')
  }
}
