import { type Command, type Stage, ScriptError, parseScript } from 'synod-testing/script'
import type { Picture } from '../picture/picture.js'
import type { Opens, Recorder } from './recorder.js'
import { type Core, CORRECT_CORE } from './core.js'
import { Tape } from './tape.js'

type Line = Pick<Command, 'text' | 'before'>

/**
 * What was done with a cluster, as a list of commands, and a place in it. The list holds all there
 * is to know: to go back is to play less of it. What is drawn is kept, so that moving about in it
 * costs nothing until the cluster itself is asked for.
 */
export class LabSession {
  readonly #core: Core
  #commands: readonly Line[] = []
  #position = 0
  /** Has played all commands. */
  #whole: Tape
  /** Has played some of them. */
  #part: Tape | undefined

  /** An empty one, on this core. */
  constructor(core: Core = CORRECT_CORE) {
    this.#core = core
    this.#whole = new Tape(core)
  }

  /**
   * A session from the text of a script, at its end. Throws a ScriptError that says in which line,
   * and why.
   */
  static parse(text: string): LabSession {
    const session = new LabSession()
    for (const { before, line, text: command } of parseScript(text).commands) {
      try {
        session.#append(command, before)
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        throw new ScriptError(`line ${line}: ${reason}\n  ${command}`, { cause: error })
      }
    }
    return session
  }

  /** All commands, those after the position too. */
  get lines(): readonly string[] {
    return this.#commands.map(({ text }) => text)
  }

  /** How many of the commands have been carried out. */
  get position(): number {
    return this.#position
  }

  /** What the command before the position was answered. */
  get answer(): readonly string[] {
    return this.#whole.answerOf(this.#position)
  }

  /** Which invariant is broken at the position, if one is. */
  get violation(): string | undefined {
    return this.#position === this.#commands.length ? this.#whole.violation : undefined
  }

  get picture(): Picture | undefined {
    return this.#whole.picture(this.#position)
  }

  /**
   * The cluster at the position: to be looked at, not to be changed. Undefined before the first
   * command.
   */
  get stage(): Stage | undefined {
    return this.#tape().stage
  }

  get recorder(): Recorder | undefined {
    return this.#tape().recorder
  }

  /**
   * Carries out a command at the position, and drops the commands after it. Returns its
   * answer. Throws an Error that says why it cannot be carried out; then nothing has changed.
   */
  perform(line: string): readonly string[] {
    return this.#append(line.trim(), [])
  }

  /** Moves to the place at which this many commands have been carried out. */
  seek(position: number): void {
    if (!Number.isInteger(position) || position < 0 || position > this.#commands.length)
      throw new RangeError(`there are ${this.#commands.length} commands, and no place ${position}`)
    this.#position = position
  }

  /**
   * The command in which an event of the picture happened, counted from 1. Throws a RangeError if
   * there is no such event.
   */
  commandOf(event: number): number {
    return this.#whole.commandOf(event)
  }

  /**
   * What was done up to the position, as a golden script with its answers. A command that broke an
   * invariant becomes a comment.
   */
  script(): string {
    const end = this.violation === undefined ? this.#position : this.#position - 1
    const lines = this.#commands.slice(0, end).flatMap(({ before, text }, index) => {
      const isApart = index > 0 && !before.includes('')
      return [...(isApart ? [''] : []), ...before, text]
    })
    if (this.violation !== undefined)
      lines.push('', `# Then this breaks an invariant (${this.violation}):`, `# ${this.lines[end] ?? ''}`)
    return lines.length === 0 ? '' : this.#core.runScript(`${lines.join('\n')}\n`, 'session')
  }

  /**
   * Plays the commands up to `position` on a cluster of its own; `opens` is called with each row
   * before it happens.
   */
  replay(position: number, opens?: Opens): Tape {
    const tape = new Tape(this.#core, opens)
    for (const { text } of this.#commands.slice(0, position)) tape.perform(text)
    return tape
  }

  #append(text: string, before: readonly string[]): readonly string[] {
    if (this.violation !== undefined) throw new Error('an invariant is broken: go back, and on from there')
    const tape = this.#tape()
    let answer: readonly string[]
    try {
      answer = tape.perform(text)
    } catch (error) {
      // Part of it may have happened.
      if (tape === this.#whole) this.#whole = this.replay(this.#commands.length)
      this.#part = undefined
      throw error
    }
    this.#commands = [...this.#commands.slice(0, this.#position), { text, before }]
    this.#position++
    this.#whole = tape
    this.#part = undefined
    return answer
  }

  /** A tape that has played the commands up to the position, and no more. */
  #tape(): Tape {
    if (this.#position === this.#commands.length) return this.#whole
    if (this.#part === undefined || this.#part.length > this.#position)
      this.#part = this.replay(this.#position)
    for (const { text } of this.#commands.slice(this.#part.length, this.#position)) this.#part.perform(text)
    return this.#part
  }
}
