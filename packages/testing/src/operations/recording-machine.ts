import type { ApplyContext, Machine } from 'synod/internal/machine/machine.js'
import type { Position } from 'synod/internal/machine/position.js'

/** A command as it was executed. */
export interface Executed {
  readonly text: string
  readonly position: Position
  readonly timeMs: number
}

/** Keeps all that it was given, with position and time: what two of them differ in can be named. */
export class RecordingMachine implements Machine<string, number, null, readonly string[]> {
  executed: Executed[] = []
  readonly #onApplied: (executed: Executed) => void

  constructor(onApplied: (executed: Executed) => void = () => undefined) {
    this.#onApplied = onApplied
  }

  apply(text: string, { position, timeMs }: ApplyContext): number {
    const executed = { text, position, timeMs }
    this.#onApplied(executed)
    return this.executed.push(executed)
  }

  query(): readonly string[] {
    return this.executed.map(({ text }) => text)
  }

  snapshot(): Iterable<Uint8Array> {
    return [...this.executed.map((each) => Buffer.from(JSON.stringify(each))), Buffer.from('null')]
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.executed = []
    for await (const chunk of chunks) {
      const each = JSON.parse(Buffer.from(chunk).toString()) as Executed | null
      if (each !== null) this.executed.push(each)
    }
  }
}
