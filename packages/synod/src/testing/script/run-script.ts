import { Arguments } from './arguments.js'
import { COMMANDS, makeStage } from './commands.js'
import { parseScript } from './parse-script.js'
import type { Stage } from './stage.js'

/** A script that cannot be run: its message says where, as `file:line`, and why. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError'
}

/**
 * Runs a script on a cluster of its own, and returns its text with the answers that the cluster gave. Whoever
 * calls it compares them with those in the script. Throws ScriptError; `file` is for its message alone.
 */
export function runScript(text: string, file: string): string {
  const script = parseScript(text)
  const lines: string[] = []
  let stage: Stage | undefined
  for (const { before, line, text } of script.commands) {
    const [name = '', ...words] = text.split(/\s+/)
    const args = new Arguments(words)
    lines.push(...before, text)
    try {
      if (name === 'cluster') {
        stage = makeStage(args)
        lines.push('ok')
      } else {
        const run = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
        if (run === undefined) throw new Error(`no such command: ${name}`)
        if (stage === undefined) throw new Error('the first command is cluster')
        lines.push(...run(stage, args))
      }
      args.end()
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new ScriptError(`${file}:${line}: ${reason}\n  ${text}`, { cause: error })
    }
  }
  return [...lines, ...script.after].join('\n') + '\n'
}
