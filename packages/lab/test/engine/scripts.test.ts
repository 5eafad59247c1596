import { readFile, readdir } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { LabSession } from '../../src/engine/lab-session.js'
import type { Picture } from '../../src/picture/picture.js'

const folder = new URL('../../../testing/test/scripts/', import.meta.url)
const names = (await readdir(folder)).filter((name) => name.endsWith('.txt'))

test.each(names)('the golden script %s runs as a session, and makes a picture', async (name) => {
  const text = await readFile(new URL(name, folder), 'utf8')
  const session = LabSession.parse(text)
  expect(session.script()).toBe(text)
  checkPicture(session.picture!)
})

/**
 * Every message leaves once, before it comes to its end; a row belongs to one actor; rows and time
 * go on.
 */
function checkPicture({ actors, events, messages }: Picture): void {
  const sent = new Set<number>()
  const arrived = new Set<number>()
  let last = events[0]!
  for (const event of events) {
    expect(actors).toContain(event.actor)
    expect(event.step).toBeGreaterThanOrEqual(last.step)
    expect(event.atMs).toBeGreaterThanOrEqual(last.atMs)
    if (event.step === last.step) expect(event.actor).toBe(last.actor)
    last = event
    if (!('message' in event)) continue
    const { from, to } = messages[event.message]!
    expect(event.actor).toBe(event.kind === 'send' ? from : to)
    expect(sent.has(event.message)).toBe(event.kind !== 'send')
    if (event.kind === 'send') sent.add(event.message)
    if (event.kind === 'receive') expect(event.again).toBe(arrived.has(event.message))
    if (event.kind === 'receive') arrived.add(event.message)
  }
  expect(sent.size).toBe(messages.length)
  expect(messages.map(({ id }) => id)).toEqual([...messages.keys()])
}
