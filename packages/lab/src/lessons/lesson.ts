import { parseScript } from 'synod-testing/script'

/** A story that is told while it is played. */
export interface Lesson {
  /** By which it is found in an address. */
  readonly name: string
  readonly title: string
  readonly parts: readonly Part[]
}

/** A few sentences, and the commands that they speak of. */
export interface Part {
  readonly prose: string
  readonly commands: readonly string[]
}

/**
 * Reads a lesson: a script whose comments are the prose, of which the first line is the title. A
 * comment begins a part, which goes on up to the next one. Throws an Error where there is no title.
 */
export function parseLesson(name: string, script: string): Lesson {
  const parts: { prose: string; commands: string[] }[] = []
  let title = ''
  for (const { before, text } of parseScript(script).commands) {
    const comments = before.filter((line) => line.startsWith('#')).map((line) => line.slice(1).trim())
    if (comments.length > 0) {
      if (parts.length === 0) title = comments.shift() ?? ''
      parts.push({ prose: comments.join(' ').trim(), commands: [] })
    }
    parts.at(-1)?.commands.push(text)
  }
  if (title === '') throw new Error(`the lesson ${name} does not begin with its title`)
  return { name, title, parts }
}
