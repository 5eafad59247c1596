import type { OutputOptions } from './output.js'
import { ProgressLine } from './progress-line.js'

const REDRAW_MS = 200

/** Without a terminal each line stays, so lines are rare. */
const REPEAT_MS = 10_000

/** Shows the progress of a command on stderr until the returned function is called. */
export function liveLine(output: OutputOptions, line: () => string): () => void {
  const progress = new ProgressLine(output)
  const timer = setInterval(
    () => {
      progress.show(line())
    },
    process.stderr.isTTY ? REDRAW_MS : REPEAT_MS,
  )
  return () => {
    clearInterval(timer)
    progress.clear()
  }
}
