import { writeStream } from './standard-streams.js'

const CLEAR_LINE = '\x1b[K'
const CLEAR_BELOW = '\x1b[J'

/**
 * Text that replaces the text drawn before; without a terminal it is appended. Nothing is drawn
 * while earlier text waits for its reader.
 */
export class Redrawing {
  readonly #name: 'stdout' | 'stderr'
  #lines = 0

  constructor(name: 'stdout' | 'stderr') {
    this.#name = name
  }

  draw(text: string): void {
    const stream = process[this.#name]
    if (stream.writableNeedDrain) return
    if (!stream.isTTY) {
      writeStream(this.#name, `${text}\n`)
      return
    }
    // Lines are cut at the width of the terminal: a wrapped line would count as two.
    const lines = text.split('\n').map((line) => line.slice(0, stream.columns))
    const back = this.#lines > 0 ? `\x1b[${this.#lines}A\r` : ''
    writeStream(this.#name, `${back}${lines.map((line) => `${line}${CLEAR_LINE}\n`).join('')}${CLEAR_BELOW}`)
    this.#lines = lines.length
  }

  /** Removes the text. Does nothing without a terminal. */
  clear(): void {
    if (process[this.#name].isTTY && this.#lines > 0) {
      writeStream(this.#name, `\x1b[${this.#lines}A\r${CLEAR_BELOW}`)
    }
    this.#lines = 0
  }
}
