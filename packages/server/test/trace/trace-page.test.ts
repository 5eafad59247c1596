import { CLIENT_TAGS, REPLICA_TAGS } from 'synod/internal/net/client/codec.js'
import { MESSAGE_TAGS } from 'synod/internal/net/peer/codec.js'
import { FILTER_WORDS } from '../../../lab/src/picture/filter-text.js'
import { FAULT_CLASS, drawPlan, runPlan, storeWorkload } from 'synod-testing'
import { expect, test } from 'vitest'
import { named, page, shownFields } from './trace-page.js'

test('docs/reference/trace.md names exactly the faults of the code', () => {
  expect(named(/^fault/).sort()).toEqual(Object.keys(FAULT_CLASS).sort())
})

test('docs/reference/trace.md names every message, and the filter of the lab every one between servers', () => {
  const between = Object.keys(MESSAGE_TAGS)
  const types = [...between, ...Object.keys(CLIENT_TAGS), ...Object.keys(REPLICA_TAGS)]
  expect(types.filter((type) => !page.includes(`\`${type}\``))).toEqual([])
  expect(between.filter((type) => !FILTER_WORDS.includes(type))).toEqual([])
})

test.each(['leader', 'leaderless'] as const)(
  'docs/reference/trace.md describes every event and field of a run in %s mode',
  async (mode) => {
    const fields = new Map<string, Set<string>>()
    const planned = new Set<string>()
    let order = true
    for (let seed = 1; seed <= 4; seed++) {
      let beforeMs = 0
      await runPlan(drawPlan(seed, { mode }), storeWorkload, (line) => {
        const { atMs, event, ...rest } = JSON.parse(line)
        order &&= atMs >= beforeMs
        beforeMs = atMs
        const known = fields.get(event) ?? new Set()
        fields.set(event, known)
        for (const field of Object.keys(rest)) known.add(field)
        for (const field of Object.keys(rest.plan ?? {})) planned.add(field)
      })
    }
    expect(order).toBe(true)
    expect(named(/^The form/)).toEqual(expect.arrayContaining([...fields.keys()]))
    for (const [event, known] of fields) {
      const shown = shownFields(event)
      for (const field of known) expect(shown, event).toContain(field)
    }
    for (const field of planned) expect(page).toContain(`\`${field}\``)
  },
)
