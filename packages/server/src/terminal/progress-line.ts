import { Redrawing } from './redrawing.js'
import type { OutputOptions } from './output.js'

/**
 * Progress on stderr: one line that changes, without a terminal a new line for each change. Silent
 * with `--json`.
 */
export class ProgressLine {
  readonly #screen: Redrawing | null
  #shown = ''

  constructor({ json = false }: OutputOptions) {
    this.#screen = json ? null : new Redrawing('stderr')
  }

  show(text: string): void {
    if (text === this.#shown) return
    this.#shown = text
    this.#screen?.draw(text)
  }

  /** Removes the line. */
  clear(): void {
    this.#screen?.clear()
  }
}
