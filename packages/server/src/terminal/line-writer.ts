/** So much may wait for a reader. Lines beyond it are dropped and counted, until half of it has been read. */
export const MAX_UNWRITTEN_BYTES = 1024 * 1024

/** What a LineWriter needs of a stream; `done` is called once for each write, with what went wrong. */
export interface TextStream {
  /** Bytes that wait to be written. */
  readonly writableLength: number
  write(text: string, done: (error?: Error | null) => void): unknown
}

/**
 * Writes lines to a stream that may fail, or have a reader that stops reading: the writer never waits and never fails.
 * Lines that cannot be written are dropped, and once writing works again a notice says how many.
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
      // Between full and half full nothing is tried, or each line that is read would make way for a notice.
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
