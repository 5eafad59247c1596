import { LineWriter, type TextStream } from './line-writer.js'

/** How long a server that ends waits for the readers of its last lines. */
const LAST_LINES_MS = 1000

/** The exit code that a shell gives a command that SIGPIPE ended. */
const READER_GONE = 141

type Name = 'stdout' | 'stderr'

/** Of a server, which must not depend on the readers of its output; undefined otherwise. */
let lineWriters: Readonly<Record<Name, LineWriter>> | undefined

/** Writes text to stdout or stderr. In a server this never waits, fails, or ends the process. */
export function writeStream(name: Name, text: string): void {
  if (lineWriters === undefined) process[name].write(text)
  else lineWriters[name].write(text)
}

/**
 * Makes this process a server: errors and slow readers of stdout and stderr neither stop it nor
 * keep it from ending. Each notice makes the line that says how many lines are missing.
 */
export function outliveReaders(notices: Readonly<Record<Name, (lines: number) => string>>): void {
  lineWriters = {
    stdout: new LineWriter(unblocked(process.stdout), notices.stdout),
    stderr: new LineWriter(unblocked(process.stderr), notices.stderr),
  }
}

/**
 * Handles errors of stdout and stderr. A command whose reader is gone ends quietly; `onFailure`
 * gets any other error of stdout, a full disk for example. A server goes on.
 */
export function handleStreamErrors(onFailure: (error: Error) => void): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (lineWriters !== undefined) return
    if (error.code === 'EPIPE') process.exit(READER_GONE)
    onFailure(error)
  })
  // An error of stderr cannot be reported anywhere.
  process.stderr.on('error', () => undefined)
}

/**
 * Resolves when all text is written or has failed. A server waits for its readers for one second.
 */
export async function flushText(): Promise<void> {
  const written = Promise.all(
    [process.stdout, process.stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))),
  )
  if (lineWriters === undefined) {
    await written
    return
  }
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise((resolve) => {
    timer = setTimeout(resolve, LAST_LINES_MS)
  })
  await Promise.race([written, patience])
  clearTimeout(timer)
}

/**
 * Node writes to terminals in blocking mode, and any process that shares a pipe can set that mode:
 * the process would wait for the reader. So it is undone before each write (docs/decisions/0024).
 */
function unblocked(stream: NodeJS.WriteStream): TextStream {
  const { _handle: handle } = stream as { _handle?: { setBlocking?: (blocking: boolean) => number } }
  return {
    get writableLength() {
      return stream.writableLength
    },
    write: (text, done) => {
      handle?.setBlocking?.(false)
      stream.write(text, done)
    },
  }
}
