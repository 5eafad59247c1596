/** A line that asks for something, and what stands before it: comments and blank lines. */
export interface Command {
  /** Counted from 1. */
  readonly line: number
  readonly text: string
  readonly before: readonly string[]
}

export interface Script {
  readonly commands: readonly Command[]
  /** Comments after the last command. */
  readonly after: readonly string[]
}

/**
 * Takes a script apart: blocks with a blank line between them. In a block the first line that is no
 * comment is a command; the lines below it are the answer that it got when the script was last
 * written, and are left out.
 */
export function parseScript(text: string): Script {
  const commands: Command[] = []
  let before: string[] = []
  let isAnswer = false
  for (const [number, line] of text.trimEnd().split('\n').entries()) {
    if (line.trim() === '') isAnswer = false
    if (isAnswer) continue
    if (line.trim() === '' || line.startsWith('#')) {
      before.push(line)
      continue
    }
    commands.push({ line: number + 1, text: line.trim(), before })
    before = []
    isAnswer = true
  }
  return { commands, after: before }
}
