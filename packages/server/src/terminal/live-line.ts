import type { OutputOptions } from './output.js'
import { Progress } from './progress.js'

const REDRAW_MS = 200

/** Where there is no terminal, each line stays. */
const REPEAT_MS = 10_000

/** Shows on stderr how far something is, again and again, until the function that it returns is called. */
export function liveLine(output: OutputOptions, line: () => string): () => void {
  const progress = new Progress(output)
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
