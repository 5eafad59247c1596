import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import * as sound from 'synod-testing/script'
import { describe, expect, test } from 'vitest'
import { parseLesson } from '../src/lessons/lesson.js'
import { MISTAKES } from '../src/lessons/mistakes.js'

const directory = fileURLToPath(new URL('../src/lessons/broken', import.meta.url))

describe.each(Object.entries(MISTAKES))('the core with the mistake %s', (name, { load, title }) => {
  test('breaks an invariant in the last command of its script', async () => {
    const text = await readFile(`${directory}/${name}.txt`, 'utf8')
    expect(parseLesson(name, text).title).toBe(title)
    const core = await load()
    const commands = core.parseScript(text).commands
    const upTo = (count: number) =>
      commands
        .slice(0, count)
        .map((command) => command.text)
        .join('\n\n')
    core.runScript(upTo(commands.length - 1), name)
    expect(() => core.runScript(upTo(commands.length), name)).toThrow(
      expect.objectContaining({ cause: expect.any(core.InvariantError) }),
    )
  })

  test('passes the same script once the mistake is removed', async () => {
    const text = await readFile(`${directory}/${name}.txt`, 'utf8')
    const commands = sound.parseScript(text).commands.map((command) => command.text)
    // Without the mistake some messages are never sent: the command that delivers one says so.
    try {
      sound.runScript(commands.join('\n\n'), name)
    } catch (error) {
      expect((error as Error).message).toMatch(/no such message is under way/)
    }
  })
})
