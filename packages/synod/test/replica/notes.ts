import type { ApplyContext, Machine } from '../../src/machine/machine.js'
import type { Position } from '../../src/machine/position.js'

/** What a replica has executed, to be compared with what the others have. */
export interface Note {
  readonly position: Position
  readonly timeMs: number
  readonly text: string
}

/**
 * The state machine of these tests: writes down every command. The result is the number of notes,
 * the answer to a query all notes from that number on. A command that begins with `!` is refused by
 * throwing.
 */
export class Notes implements Machine<string, number, number, readonly string[]> {
  readonly notes: Note[] = []
  readonly #onNote: (note: Note) => void

  constructor(onNote: (note: Note) => void = () => undefined) {
    this.#onNote = onNote
  }

  get texts(): string[] {
    return this.notes.map(({ text }) => text)
  }

  apply(text: string, { position, timeMs }: ApplyContext): number {
    if (text.startsWith('!')) throw new Error(`refused: ${text}`)
    const note = { position, timeMs, text }
    this.#onNote(note)
    return this.notes.push(note)
  }

  frees(text: string): boolean {
    return text.startsWith('free')
  }

  query(from: number): readonly string[] {
    if (from < 0) throw new Error('there are no notes before the first')
    return this.texts.slice(from)
  }

  snapshot(): Iterable<Uint8Array> {
    return this.notes.map((note) => Buffer.from(JSON.stringify(note)))
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.notes.length = 0
    for await (const chunk of chunks) this.notes.push(JSON.parse(Buffer.from(chunk).toString()) as Note)
  }
}
