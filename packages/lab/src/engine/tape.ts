import type { ScriptPlayer, Stage } from 'synod-testing/script'
import type { Picture } from '../picture/picture.js'
import { type Core, CORRECT_CORE } from './core.js'
import { type RecordingMark, type Opens, Recorder } from './recorder.js'

/** Plays commands on a cluster of its own, and draws what happens. It cannot be wound back. */
export class Tape {
  readonly #core: Core
  readonly #player: ScriptPlayer
  readonly #marks: RecordingMark[] = []
  readonly #answers: (readonly string[])[] = []
  #recorder: Recorder | undefined
  #violation: string | undefined

  /** `opens` is told of each row before anything in it happens. */
  constructor(core: Core = CORRECT_CORE, opens?: Opens) {
    this.#core = core
    this.#player = new core.ScriptPlayer((cluster) => {
      this.#recorder = new Recorder(cluster, opens)
    })
  }

  /** How many commands it has played. */
  get length(): number {
    return this.#answers.length
  }

  get stage(): Stage | undefined {
    return this.#player.stage
  }

  get recorder(): Recorder | undefined {
    return this.#recorder
  }

  get violation(): string | undefined {
    return this.#violation
  }

  /**
   * Plays one command, and returns its answer. One that breaks an invariant is played as far as it
   * goes. Throws an Error if it cannot be carried out; then this tape is not to be used any more.
   */
  perform(line: string): readonly string[] {
    if (this.stage !== undefined && /^\s*cluster\b/.test(line)) throw new Error('there is a cluster already')
    this.#recorder?.begin()
    const answer = this.#play(line)
    if (this.#recorder === undefined) throw new Error('the first command is cluster')
    this.#answers.push(answer)
    this.#marks.push(this.#recorder.mark)
    return answer
  }

  /**
   * What was drawn when this many commands had been played; undefined where there was no cluster
   * yet.
   */
  picture(position: number): Picture | undefined {
    const mark = this.#marks[position - 1]
    return mark === undefined ? undefined : this.#recorder?.picture(mark)
  }

  /** The answer to the last command before this position. */
  answerOf(position: number): readonly string[] {
    return this.#answers[position - 1] ?? []
  }

  /** The command in which an event happened, counted from 1. */
  commandOf(event: number): number {
    const index = this.#marks.findIndex(({ events }) => events > event)
    if (event < 0 || index < 0) throw new RangeError(`there is no event ${event}`)
    return index + 1
  }

  #play(line: string): readonly string[] {
    try {
      return this.#player.perform(line)
    } catch (error) {
      if (!(error instanceof this.#core.InvariantError)) throw error
      this.#violation = error.message
      this.#recorder?.violated(error.message)
      return [`violation: ${error.message}`]
    }
  }
}
