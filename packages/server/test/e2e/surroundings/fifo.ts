import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants

/** A named pipe, of which this process is the reader until it is told to go away. */
export class Fifo implements Disposable {
  /** What a process writes to. */
  readonly writer: number
  readonly #path: string
  #reader: number | undefined

  constructor(path: string) {
    execFileSync('mkfifo', [path])
    this.#path = path
    this.openReader()
    this.writer = openSync(path, O_WRONLY)
  }

  /** Writes until no more fits. */
  fill(): void {
    const writer = openSync(this.#path, O_WRONLY | O_NONBLOCK)
    try {
      // The last bytes one by one: a pipe takes small pieces whole or not at all.
      for (const piece of ['x'.repeat(4096), 'x']) {
        while (writeSome(writer, piece));
      }
    } finally {
      closeSync(writer)
    }
  }

  /** All that has been written, and not read before. */
  read(): string {
    if (this.#reader === undefined) throw new Error('the reader is gone')
    const buffer = Buffer.alloc(1 << 20)
    let text = ''
    for (;;) {
      try {
        const length = readSync(this.#reader, buffer)
        if (length === 0) return text
        text += buffer.toString('utf8', 0, length)
      } catch (error) {
        if (!isAgain(error)) throw error
        return text
      }
    }
  }

  closeReader(): void {
    if (this.#reader !== undefined) closeSync(this.#reader)
    this.#reader = undefined
  }

  openReader(): void {
    this.#reader = openSync(this.#path, O_RDONLY | O_NONBLOCK)
  }

  [Symbol.dispose](): void {
    closeSync(this.writer)
    this.closeReader()
  }
}

function writeSome(writer: number, piece: string): boolean {
  try {
    writeSync(writer, piece)
    return true
  } catch (error) {
    if (!isAgain(error)) throw error
    return false
  }
}

function isAgain(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EAGAIN'
}
