import type { WriteStream } from 'node:tty'

const CLEAR_LINE = '\x1b[K'
const CLEAR_BELOW = '\x1b[J'

/** Text that replaces what was drawn before. Where there is no terminal, it is appended. */
export class Redrawing {
  readonly #stream: WriteStream
  #lines = 0

  constructor(stream: WriteStream) {
    this.#stream = stream
  }

  draw(text: string): void {
    const stream = this.#stream
    if (!stream.isTTY) {
      stream.write(`${text}\n`)
      return
    }
    // A line that wraps would be two to go back over.
    const lines = text.split('\n').map((line) => line.slice(0, stream.columns))
    const back = this.#lines > 0 ? `\x1b[${this.#lines}A\r` : ''
    stream.write(`${back}${lines.map((line) => `${line}${CLEAR_LINE}\n`).join('')}${CLEAR_BELOW}`)
    this.#lines = lines.length
  }

  /** Removes what was drawn. Does nothing where there is no terminal. */
  clear(): void {
    if (this.#stream.isTTY && this.#lines > 0) this.#stream.write(`\x1b[${this.#lines}A\r${CLEAR_BELOW}`)
    this.#lines = 0
  }
}
