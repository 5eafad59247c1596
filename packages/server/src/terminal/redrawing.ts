import { writeText } from './standard-streams.js'

const CLEAR_LINE = '\x1b[K'
const CLEAR_BELOW = '\x1b[J'

/**
 * Text that replaces what was drawn before. Where there is no terminal, it is appended. While earlier text has not
 * been read, nothing more is drawn.
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
      writeText(this.#name, `${text}\n`)
      return
    }
    // A line that wraps would be two to go back over.
    const lines = text.split('\n').map((line) => line.slice(0, stream.columns))
    const back = this.#lines > 0 ? `\x1b[${this.#lines}A\r` : ''
    writeText(this.#name, `${back}${lines.map((line) => `${line}${CLEAR_LINE}\n`).join('')}${CLEAR_BELOW}`)
    this.#lines = lines.length
  }

  /** Removes what was drawn. Does nothing where there is no terminal. */
  clear(): void {
    if (process[this.#name].isTTY && this.#lines > 0) {
      writeText(this.#name, `\x1b[${this.#lines}A\r${CLEAR_BELOW}`)
    }
    this.#lines = 0
  }
}
