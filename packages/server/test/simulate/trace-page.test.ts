import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { FAULT_CLASS, drawPlan, runPlan, storeWorkload } from 'synod/testing'
import { expect, test } from 'vitest'

const page = await readFile(fileURLToPath(new URL('../../../../docs/trace.md', import.meta.url)), 'utf8')

/** The first cells of the tables in a section. */
function named(section: RegExp): string[] {
  const text = page.split(/^## /m).find((part) => section.test(part))!
  return [...text.matchAll(/^\| `([\w-]+)`/gm)].map((match) => match[1]!)
}

/** The fields that an example in a section shows. */
function shownFields(section: RegExp): string[] {
  const text = page.split(/^## /m).find((part) => section.test(part))!
  return [...text.matchAll(/"(\w+)":/g)].map((match) => match[1]!)
}

test('docs/trace.md names exactly the faults', () => {
  expect(named(/^fault/).sort()).toEqual(Object.keys(FAULT_CLASS).sort())
})

test.each(['leader', 'leaderless'] as const)('and knows all that a run in %s mode tells', async (mode) => {
  const fields = new Map<string, Set<string>>()
  const planned = new Set<string>()
  let order = true
  for (let seed = 1; seed <= 4; seed++) {
    let before_ms = 0
    await runPlan(drawPlan(seed, { mode }), storeWorkload, (line) => {
      const { at_ms, event, ...rest } = JSON.parse(line)
      order &&= at_ms >= before_ms
      before_ms = at_ms
      const known = fields.get(event) ?? new Set()
      fields.set(event, known)
      for (const field of Object.keys(rest)) known.add(field)
      for (const field of Object.keys(rest.plan ?? {})) planned.add(field)
    })
  }
  expect(order).toBe(true)
  expect(named(/^The form/)).toEqual(expect.arrayContaining([...fields.keys()]))
  for (const [event, known] of fields) {
    const shown = shownFields(new RegExp(`^[^\\n]*\\b${event}\\b`))
    for (const field of known) expect(shown, event).toContain(field)
  }
  for (const field of planned) expect(page).toContain(`\`${field}\``)
})
