// The page's main views, from the page itself. `npm run lab:screenshots` keeps them in
// docs/screenshots.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { drawPlan, runPlan, storeWorkload } from 'synod-testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Site, noBrowser } from './browser.js'

/** Where the pictures are kept; undefined if they are only taken. */
const directory = process.env.SYNOD_SCREENSHOTS

interface View {
  readonly name: string
  readonly theme?: 'dark'
  readonly size?: { readonly width: number; readonly height: number }
  readonly show: (page: Page) => Promise<void>
}

/** Plays the first `parts` commands of a story. */
async function playLesson(page: Page, story: string, parts: number): Promise<void> {
  await page.getByRole('button', { name: story, exact: true }).click()
  await page.getByRole('heading', { name: story }).waitFor()
  for (let part = 0; part < parts; part++) await page.keyboard.press('n')
}

const playKilledLeader = (page: Page) => playLesson(page, 'Heartbeats, and a leader that dies', 40)
const VIEWS: readonly View[] = [
  { name: 'lesson', show: playKilledLeader },
  { name: 'lesson-dark', theme: 'dark', show: playKilledLeader },
  {
    name: 'phone',
    size: { width: 390, height: 844 },
    show: (page) => playLesson(page, 'One slot, one value', 3),
  },
  {
    name: 'both-modes',
    show: (page) => page.getByRole('button', { name: 'Both modes' }).click(),
  },
  {
    name: 'details',
    show: async (page) => {
      await playLesson(page, 'A value that may be chosen is kept', 40)
      await page.locator('.arrow.phase-1.arrived').last().dispatchEvent('click')
    },
  },
  {
    name: 'mistake',
    show: async (page) => {
      const stories = page.getByRole('region', { name: 'What goes wrong' }).getByRole('button')
      await playLesson(page, await stories.first().innerText(), 40)
      await page.locator('.mark.violation').waitFor()
    },
  },
  {
    name: 'trace',
    show: async (page) => {
      const lines: string[] = []
      await runPlan(drawPlan(3, { mode: 'leader' }), storeWorkload, (line) => lines.push(line))
      await page.getByLabel('File to open').setInputFiles({
        name: '3.ndjson',
        mimeType: 'application/x-ndjson',
        buffer: Buffer.from(lines.join('\n')),
      })
      await page.getByText('3.ndjson: a trace').waitFor()
    },
  },
]

describe.skipIf(noBrowser !== undefined)('a screenshot of the page', () => {
  let site: Site
  beforeAll(async () => {
    site = await Site.open()
  })
  afterAll(async () => {
    await site[Symbol.asyncDispose]()
  })

  test.each(VIEWS.map((view) => [view.name, view] as const))('%s', async (name, { show, size, theme }) => {
    const page = await site.page('', {
      ...(size && { viewport: size }),
      ...(theme && { colorScheme: theme }),
    })
    await show(page)
    await page.evaluate(() => {
      scrollTo(0, 0)
    })
    // Nothing hangs over the side of the window.
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(
      0,
    )
    const picture = await page.screenshot({ animations: 'disabled' })
    expect(site.errors.splice(0)).toEqual([])
    if (directory === undefined) return
    await mkdir(directory, { recursive: true })
    await writeFile(join(directory, `${name}.png`), picture)
  })
})
