import { readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import type { Locator, Page } from 'playwright-core'
import {
  CONFIGURATIONS,
  ModelWorld,
  drawPlan,
  replay,
  runPlan,
  staged,
  storeWorkload,
  traceLines,
} from 'synod-testing'
import { runScript } from 'synod-testing/script'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Site, noBrowser } from './browser.js'

if (noBrowser !== undefined) process.stderr.write(`The page is not tested: ${noBrowser}.\n`)

describe.skipIf(noBrowser !== undefined)('the lab in a browser', () => {
  let site: Site
  beforeAll(async () => {
    site = await Site.open()
  })
  afterAll(async () => {
    await site[Symbol.asyncDispose]()
  })
  afterEach(() => {
    expect(site.errors.splice(0)).toEqual([])
  })

  test('the page loads few bytes', async () => {
    const page = await site.page()
    const loaded = await page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name))
    const sizes = [page.url(), ...loaded].map(async (url) => {
      const content = await (await fetch(url)).arrayBuffer()
      return gzipSync(content).length
    })
    const sizeBytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
    expect(sizeBytes).toBeGreaterThan(50_000)
    expect(sizeBytes).toBeLessThan(200_000)
  })

  test('each lesson plays to its end by keyboard', async () => {
    const page = await site.page()
    const lessons = page.getByRole('region', { name: 'Lessons' }).getByRole('button')
    expect(await lessons.count()).toBe(12)
    for (const lesson of await lessons.all()) {
      await openLesson(page, lesson)
      await playToEnd(page)
      expect(await page.getByText('That was it').count(), await lesson.innerText()).toBe(1)
      expect(await page.getByRole('alert').innerText()).toBe('')
      expect(await page.getByRole('region', { name: 'Invariants' }).innerText()).toMatch(/^✓/)
      await page.locator('.arrow').first().waitFor({ state: 'attached' })
    }
  })

  test('each core with a mistake breaks an invariant in its last step, and the page marks that step', async () => {
    const page = await site.page()
    const stories = page.getByRole('region', { name: 'What goes wrong' }).getByRole('button')
    expect(await stories.count()).toBe(5)
    for (const story of await stories.all()) {
      await openLesson(page, story)
      await playToEnd(page)
      expect(await page.locator('.mark.violation').count(), await story.innerText()).toBe(1)
      expect(await page.getByRole('alert').innerText()).not.toBe('')
      expect(await page.getByRole('region', { name: 'Invariants' }).innerText()).toMatch(/^✕/)
    }
  })

  test('the mouse drops messages, crashes servers and goes back in time to fork the run', async () => {
    const page = await site.page()
    await page.getByRole('combobox', { name: 'New cluster' }).selectOption('3 servers, leaderless')
    await page.getByRole('region', { name: 'Clients' }).getByRole('button', { name: 'S1' }).first().click()
    const underWay = page.getByRole('region', { name: 'Under way' }).getByRole('listitem')
    // The timer of s1 gives it a head start.
    while ((await underWay.count()) === 0) await page.keyboard.press('s')
    const sent = await underWay.count()
    await underWay.first().getByRole('button').last().click()
    await page.getByRole('region', { name: 'Message' }).getByRole('button', { name: 'lose' }).click()
    expect(await underWay.count()).toBe(sent - 1)
    expect(await page.locator('.arrow .cross').count()).toBe(1)

    await page.getByRole('region', { name: 'S3' }).getByRole('button', { name: 'crash' }).click()
    expect(await page.locator('.mark.crash').count()).toBe(1)
    const position = page.getByTestId('position')
    const [, all] = /of (\d+)/.exec(await position.innerText()) ?? []
    await page.keyboard.press('ArrowUp')
    expect(await page.locator('.mark.crash').count()).toBe(0)
    expect(await position.innerText()).toBe(`${Number(all) - 1} of ${all}`)
    await page.getByRole('region', { name: 'S2' }).getByRole('button', { name: 'pause' }).click()
    expect(await page.locator('.mark.pause').count()).toBe(1)
    expect(await position.innerText()).toBe(`${all} of ${all}`)
    await page.keyboard.press('End')
    expect(await page.locator('.mark.crash').count()).toBe(0)
  })

  test('a click on a message shows its fields, and its server before and after', async () => {
    const page = await site.page()
    await page.getByRole('button', { name: 'One slot, one value' }).click()
    for (let key = 0; key < 3; key++) await page.keyboard.press('n')
    await page.locator('.arrow.arrived').last().click()
    const details = page.getByRole('region', { name: 'Details' })
    expect(await details.innerText()).toMatch(/"type": "promise"[\s\S]*Before[\s\S]*After/)
    await page.keyboard.press('Escape')
    expect(await details.count()).toBe(0)

    await page.keyboard.press('ArrowRight')
    const last = await details.innerText()
    await page.keyboard.press('ArrowLeft')
    expect(await details.innerText()).not.toBe(last)
    await page.keyboard.press('ArrowRight')
    expect(await details.innerText()).toBe(last)
  })

  test('side by side, leader mode takes fewer delays, messages and writes than leaderless mode', async () => {
    const page = await site.page()
    await page.getByRole('button', { name: 'Both modes' }).click()
    const costs = await page.getByTestId('cost').allInnerTexts()
    const [leaderless, leader] = costs.map((cost) => (cost.match(/\d+/g) ?? []).map(Number))
    expect(leader).toHaveLength(3)
    for (const [place, count] of leader!.entries()) expect(count).toBeLessThan(leaderless![place]!)
  })

  test('a session is exported as a golden script that runs, as a picture and as a link', async () => {
    const page = await site.page()
    await openLesson(page, page.getByRole('button', { name: 'Holes, and the no-op' }))
    await playToEnd(page)
    const saved = async (button: string) => {
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: button, exact: true }).click(),
      ])
      return readFile(await download.path(), 'utf8')
    }
    const script = await saved('Script')
    expect(script).toMatch(/no-op/)
    expect(runScript(script, 'exported.txt')).toBe(script)
    expect(await saved('SVG')).toMatch(/^<svg [\s\S]*accept[\s\S]*<\/svg>$/)

    await page.getByRole('button', { name: 'Link', exact: true }).click()
    await page.waitForFunction(() => location.hash.length > 1)
    const other = await site.page(await page.evaluate(() => location.hash))
    const position = await page.getByTestId('position').innerText()
    await other.getByText(position).waitFor()
    expect(await other.locator('.arrow').count()).toBe(await page.locator('.arrow').count())
  })

  test('a trace of the simulator opens and can be filtered', async () => {
    const lines: string[] = []
    await runPlan(drawPlan(3, { mode: 'leader' }), storeWorkload, (line) => lines.push(line))
    const page = await site.page()
    await page.getByLabel('File to open').setInputFiles({
      name: '3.ndjson',
      mimeType: 'application/x-ndjson',
      buffer: Buffer.from(lines.join('\n')),
    })
    await page.getByText('3.ndjson: a trace').waitFor()
    // Of thousands of things only what is to be seen is drawn.
    expect(await page.locator('.diagram svg *').count()).toBeLessThan(2000)
    const position = page.getByTestId('position')
    const [, rows] = /^(\d+) of \1$/.exec(await position.innerText()) ?? []
    const chosen = page.locator('.logs td.chosen, .logs td.executed')
    expect(await chosen.count()).toBeGreaterThan(0)
    await page.keyboard.press('Home')
    expect(await position.innerText()).toBe(`0 of ${rows}`)
    expect(await chosen.count()).toBe(0)
    await page.keyboard.press('s')
    expect(await position.innerText()).toBe(`1 of ${rows}`)
    await page.keyboard.press('End')
    expect(await chosen.count()).toBeGreaterThan(0)

    const all = await page.locator('.diagram svg').getAttribute('height')
    await page.keyboard.press('/')
    await page.keyboard.type('prepare')
    await expect
      .poll(async () => Number(await page.locator('.diagram svg').getAttribute('height')))
      .toBeLessThan(Number(all))
    await page.getByRole('searchbox').fill('slot:x')
    expect(await page.locator('.filter .alarm').innerText()).toMatch(/slot/)
  })

  test('a trace of the model checker opens by its address, and a script by drag and drop', async () => {
    const config = CONFIGURATIONS['leader-small']
    const search = staged(new ModelWorld(config), ['leader', 'chosen'])
    let found = search.next()
    while (found.done !== true) found = search.next()
    const way = { ...replay(config, found.value.actions), violation: 'two leaders' }
    await site.put('way.ndjson', traceLines(config, way).join('\n'))
    const page = await site.page('?open=way.ndjson')
    await page.getByText('way.ndjson: a trace').waitFor()
    expect(await page.locator('.logs td.chosen').count()).toBeGreaterThan(0)
    expect(await page.getByRole('alert').innerText()).toBe('invariant: two leaders')
    await page.keyboard.press('Home')
    expect(await page.getByRole('alert').innerText()).toBe('')

    await page.evaluate(() => {
      const dataTransfer = new DataTransfer()
      dataTransfer.items.add(new File(['cluster 3 leader\n\nelect s2\n'], 'elect.txt'))
      document.dispatchEvent(new DragEvent('drop', { dataTransfer, cancelable: true }))
    })
    await page.getByText('2 of 2').waitFor()
    expect(await page.locator('.mark.role').count()).toBeGreaterThan(0)
    // Where nothing is, there is a word about it.
    await page.goto(`${site.url}?open=nothing.ndjson`)
    await expect.poll(() => page.getByRole('alert').innerText()).not.toBe('')
  })

  test('a phone shows the welcome, and the current text of a lesson', async () => {
    const page = await site.page('', { viewport: { width: 390, height: 844 } })
    const prose = page.locator('.prose:visible')
    expect(await page.getByRole('region', { name: 'Welcome' }).locator(prose).count()).toBe(2)
    await page.getByRole('button', { name: 'The first lesson' }).click()
    await page.keyboard.press('n')
    await page.keyboard.press('n')
    expect(await page.locator('.prose').count()).toBeGreaterThan(1)
    expect(await prose.count()).toBe(1)
  })

  test('a key opens and closes the sheet of keys', async () => {
    const page = await site.page()
    await page.keyboard.press('?')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    expect(await page.getByRole('dialog').count()).toBe(0)
  })
})

/** Opens a lesson, and waits until the page has come to it. */
async function openLesson(page: Page, lesson: Locator): Promise<void> {
  const name = await lesson.innerText()
  await lesson.click()
  await page.getByRole('region', { name: 'Lesson', exact: true }).getByRole('heading', { name }).waitFor()
}

/** Plays the lesson to its end, with the keyboard. */
async function playToEnd(page: Page): Promise<void> {
  for (let key = 0; key < 60 && (await page.getByText('That was it').count()) === 0; key++)
    await page.keyboard.press('n')
}
