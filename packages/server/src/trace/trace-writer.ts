import type { Logger, TraceEvent } from 'synod'

/** The most text that waits to be written. More events are dropped and counted. */
export const MOST_WAITING_BYTES = 16 * 1024 * 1024

/** How long a process that ends waits for the rest to be written. */
const CLOSE_PATIENCE_MS = 5000

/** A file that grows at its end. */
export interface Appendable {
  append(text: string): Promise<void>
  close(): Promise<void>
}

export interface TraceWriterParts {
  readonly file: Appendable
  /** Its name in the log. */
  readonly path: string
  /** The server that the trace is of. */
  readonly server: number
  readonly logger: Logger
}

/**
 * Writes the trace of a replica as NDJSON; the replica never waits for it. Events that arrive
 * during a write go into the next one. When the file is too slow, events are dropped and a line
 * says how many; when a write fails, the trace ends with a warning in the log.
 */
export class TraceWriter {
  readonly #parts: TraceWriterParts
  #lines: string[] = []
  /** The text under way included. */
  #waitingBytes = 0
  #dropped = 0
  #lastMs = 0
  #writing: Promise<void> | undefined
  #hasFailed = false

  constructor(parts: TraceWriterParts) {
    this.#parts = parts
  }

  add(event: TraceEvent): void {
    if (this.#hasFailed) return
    const line = lineOf(event)
    if (this.#waitingBytes + Buffer.byteLength(line) > MOST_WAITING_BYTES) this.#dropped++
    else {
      this.#reportDropped()
      this.#push(line)
    }
    this.#lastMs = event.atMs
  }

  /** Writes the rest, or gives up after CLOSE_PATIENCE_MS. */
  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_PATIENCE_MS)
    })
    await Promise.race([this.#finish(), patience])
    clearTimeout(timer)
  }

  async #finish(): Promise<void> {
    await this.#writing
    if (!this.#hasFailed) this.#reportDropped()
    await this.#writing
    await this.#parts.file.close().catch(() => undefined)
  }

  async #write(): Promise<void> {
    while (this.#lines.length > 0) {
      const text = this.#lines.join('')
      this.#lines = []
      try {
        await this.#parts.file.append(text)
      } catch (error) {
        this.#fail(error)
        break
      }
      this.#waitingBytes -= Buffer.byteLength(text)
    }
    this.#writing = undefined
  }

  /** The line has the time of the last event that is missing. */
  #reportDropped(): void {
    if (this.#dropped === 0) return
    const { server } = this.#parts
    this.#push(lineOf({ atMs: this.#lastMs, event: 'dropped', server, events: this.#dropped }))
    this.#dropped = 0
  }

  #push(line: string): void {
    this.#lines.push(line)
    this.#waitingBytes += Buffer.byteLength(line)
    this.#writing ??= this.#write()
  }

  #fail(error: unknown): void {
    this.#hasFailed = true
    this.#lines = []
    const reason = error instanceof Error ? error.message : String(error)
    const { logger, path } = this.#parts
    logger.warn({ path, reason }, `the trace in ${path} ends here, the replica continues: ${reason}`)
  }
}

function lineOf(event: TraceEvent): string {
  return `${JSON.stringify(event)}\n`
}
