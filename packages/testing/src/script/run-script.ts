import { parseScript } from './parse-script.js'
import { ScriptPlayer } from './player.js'

/** A script that cannot be run: its message says where, as `file:line`, and why. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError'
}

/**
 * Runs a script on a cluster of its own, and returns its text with the answers that the cluster
 * gave. The caller compares them with those in the script. Throws ScriptError; `file` is for its
 * message alone.
 */
export function runScript(text: string, file: string): string {
  const script = parseScript(text)
  const lines: string[] = []
  const player = new ScriptPlayer()
  for (const { before, line, text } of script.commands) {
    try {
      lines.push(...before, text, ...player.perform(text))
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new ScriptError(`${file}:${line}: ${reason}\n  ${text}`, { cause: error })
    }
  }
  return [...lines, ...script.after].join('\n') + '\n'
}
