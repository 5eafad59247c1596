import { existsSync } from 'node:fs'
import { readFile, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

async function markdownIn(folder: string, recursive: boolean): Promise<string[]> {
  const names = await readdir(join(ROOT, folder), { recursive })
  return names.filter((name) => name.endsWith('.md')).map((name) => join(folder, name))
}

/** What a heading can be linked by, as GitHub makes it. */
const anchorOf = (heading: string) =>
  heading
    .replaceAll('`', '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')

/** Equal headings are numbered from the second on. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of page.matchAll(/^#+ (.+)$/gm)) {
    const anchor = anchorOf(heading)
    let count = 0
    while (anchors.has(count === 0 ? anchor : `${anchor}-${count}`)) count++
    anchors.add(count === 0 ? anchor : `${anchor}-${count}`)
  }
  return anchors
}

test('each link of a page leads to a file and a heading that exist', async () => {
  const pages = [...(await markdownIn('.', false)), ...(await markdownIn('docs', true))]
  expect(pages.length).toBeGreaterThan(60)
  const anchors = new Map<string, Set<string>>()
  for (const page of pages) anchors.set(page, anchorsOf(await readFile(join(ROOT, page), 'utf8')))
  const broken: string[] = []
  // Typedoc numbers some headings of its pages otherwise than GitHub does.
  for (const page of pages.filter((page) => !page.startsWith('docs/reference/api/'))) {
    const text = await readFile(join(ROOT, page), 'utf8')
    for (const [, link = ''] of text.matchAll(/(?:\]\(|(?:src|srcset|href)=")([^)"\s]+)[)"]/g)) {
      if (/^[a-z]+:/.test(link)) continue
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? page : join(dirname(page), path)
      const isThere = existsSync(join(ROOT, target))
      const hasAnchor = anchor === undefined || anchors.get(target)?.has(anchor) === true
      if (!isThere || !hasAnchor) broken.push(`${page}: ${link}`)
    }
  }
  expect(broken).toEqual([])
})

test('no line of a page is longer than 120 columns, unless it is one link', async () => {
  const pages = ['README.md', 'CONTRIBUTING.md', 'ARCHITECTURE.md', ...(await markdownIn('docs', true))]
  const isGenerated = (page: string) =>
    page.startsWith('docs/reference/api/') || page === 'docs/internals/proof.md'
  const isLink = (line: string) => /^\s*(?:[-*] )?(?:!?\[[^\]]*\]\(\S+\)|https?:\/\/\S+)$/.test(line)
  const long: string[] = []
  for (const page of pages.filter((page) => !isGenerated(page))) {
    const lines = (await readFile(join(ROOT, page), 'utf8')).split('\n')
    for (const [index, line] of lines.entries())
      if (line.length > 120 && !isLink(line)) long.push(`${page}:${index + 1}`)
  }
  expect(long).toEqual([])
})

test('each function that ARCHITECTURE.md names is in the file given there', async () => {
  const text = await readFile(join(ROOT, 'ARCHITECTURE.md'), 'utf8')
  const named = [...text.matchAll(/`([\w/-]+\.ts):(#?\w+)`/g)]
  expect(named.length).toBeGreaterThan(20)
  for (const [whole, path = '', name = ''] of named) {
    const file = join(ROOT, path.startsWith('packages/') ? path : `packages/synod/src/${path}`)
    const code = await readFile(file, 'utf8')
    expect(new RegExp(` ${name}[(<]`).test(code), whole).toBe(true)
  }
})

test('each file that ARCHITECTURE.md names exists', async () => {
  const text = await readFile(join(ROOT, 'ARCHITECTURE.md'), 'utf8')
  const roots = [
    '.',
    'packages/synod/src',
    'packages/synod/src/paxos',
    'packages/testing/src/simulator',
    'packages/testing/src',
  ]
  for (const [whole, path = ''] of text.matchAll(/`([\w/-]+\.ts)[`:]/g))
    expect(
      roots.some((root) => existsSync(join(ROOT, root, path))),
      whole,
    ).toBe(true)
})
