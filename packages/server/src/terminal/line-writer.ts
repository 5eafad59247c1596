/**
 * The most text that waits for a reader. More lines are dropped and counted until half of it is
 * read.
 */
export const MAX_UNWRITTEN_BYTES = 1024 * 1024

/**
 * The part of a stream that a LineWriter uses. `done` is called once for each write, with its
 * error.
 */
export interface TextStream {
  /** Bytes that are not written yet. */
  readonly writableLength: number
  write(text: string, done: (error?: Error | null) => void): unknown
}

/**
 * Writes lines to a stream that may fail or stop being read, and never waits or fails itself. Lines
 * that cannot be written are dropped; once writing works again, a notice says how many.
 */
export class LineWriter {
  readonly #stream: TextStream
  readonly #notice: (lines: number) => string
  #dropped = 0

  /** `notice` makes the line that says how many lines are missing. */
  constructor(stream: TextStream, notice: (lines: number) => string) {
    this.#stream = stream
    this.#notice = notice
  }

  write(line: string): void {
    if (this.#dropped > 0) {
      // Above half full nothing is written, or every second line would be a notice.
      if (this.#stream.writableLength > MAX_UNWRITTEN_BYTES / 2) {
        this.#dropped++
        return
      }
      this.#writeNotice()
    }
    this.#push(line, 1)
  }

  #writeNotice(): void {
    const lines = this.#dropped
    this.#dropped = 0
    this.#push(this.#notice(lines), lines)
  }

  /** `lines` is how many more are missing if this text is. */
  #push(text: string, lines: number): void {
    if (this.#stream.writableLength + Buffer.byteLength(text) > MAX_UNWRITTEN_BYTES) {
      this.#dropped += lines
      return
    }
    this.#stream.write(text, (error) => {
      if (error instanceof Error) this.#dropped += lines
      else if (this.#dropped > 0 && this.#stream.writableLength === 0) this.#writeNotice()
    })
  }
}
