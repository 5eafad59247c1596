import type { Cluster } from '../cluster/cluster.js'
import { Arguments } from './arguments.js'
import { COMMANDS, makeStage } from './commands.js'
import type { Stage } from './stage.js'

/** Plays commands of scripts, one at a time, on a cluster of its own. */
export class ScriptPlayer {
  readonly #isMade: (cluster: Cluster) => void
  #stage: Stage | undefined

  /**
   * `isMade` is told of each cluster as soon as it is there: it may observe it from the beginning.
   */
  constructor(isMade: (cluster: Cluster) => void = () => undefined) {
    this.#isMade = isMade
  }

  /** The cluster and all around it; undefined before the first command. */
  get stage(): Stage | undefined {
    return this.#stage
  }

  /**
   * Carries out one line, and returns its answer. The first one is `cluster`. Throws an Error that
   * says why it cannot be carried out; then part of it may have happened. Throws InvariantError if
   * the protocol was broken.
   */
  perform(line: string): string[] {
    const [name = '', ...words] = line.trim().split(/\s+/)
    const args = new Arguments(words)
    const lines = this.#run(name, args)
    args.end()
    return lines
  }

  #run(name: string, args: Arguments): string[] {
    if (name === 'cluster') {
      this.#stage = makeStage(args)
      this.#isMade(this.#stage.cluster)
      return ['ok']
    }
    const run = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
    if (run === undefined) throw new Error(`no such command: ${name}`)
    if (this.#stage === undefined) throw new Error('the first command is cluster')
    return run(this.#stage, args)
  }
}
