import { LineWriter, type TextStream } from './line-writer.js'

/** So long the end of a server waits for readers of its last lines. */
const LAST_LINES_MS = 1000

/** As a shell says it of what SIGPIPE has ended. */
const READER_GONE = 141

type Name = 'stdout' | 'stderr'

/** Those of a process that must not depend on its readers. */
let lineWriters: Readonly<Record<Name, LineWriter>> | undefined

/** Writes text to stdout or stderr: of a server never waits, fails, or ends the process. */
export function writeText(name: Name, text: string): void {
  if (lineWriters === undefined) process[name].write(text)
  else lineWriters[name].write(text)
}

/**
 * From here on this process is a server: whatever happens to stdout and stderr does not stop it, and does not keep
 * it from ending. Each notice makes the line that says how many lines are missing.
 */
export function outliveReaders(notices: Readonly<Record<Name, (lines: number) => string>>): void {
  lineWriters = {
    stdout: new LineWriter(unblocked(process.stdout), notices.stdout),
    stderr: new LineWriter(unblocked(process.stderr), notices.stderr),
  }
}

/**
 * What is done about errors of stdout and stderr. A command whose output nobody reads any more ends quietly;
 * `onFailure` is told of any other error of stdout, a full disk for example. A server goes on.
 */
export function handleStreamErrors(onFailure: (error: Error) => void): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (lineWriters !== undefined) return
    if (error.code === 'EPIPE') process.exit(READER_GONE)
    onFailure(error)
  })
  // That stderr cannot be written is nothing that could be told anywhere.
  process.stderr.on('error', () => undefined)
}

/** Resolves when all text has been written, or cannot be. A server does not wait for a reader that does not read. */
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
 * Node writes to terminals, and any process that shares a pipe can have it write to that, in a way that waits for the
 * reader, and the whole process with it. So this is undone before each write (docs/decisions/0024).
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
