import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, type BrowserContextOptions, type Page, chromium } from 'playwright-core'
import { type PreviewServer, build, preview } from 'vite'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Where Debian has it, or where the environment says. */
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'

/** Why the page cannot be driven here; undefined if it can. */
export const noBrowser = existsSync(executablePath)
  ? undefined
  : `there is no browser at ${executablePath}: install chromium, or name one in CHROMIUM`

/** The page as it is built, served on loopback, and a browser for it. */
export class Site implements AsyncDisposable {
  readonly url: string
  readonly #browser: Browser
  readonly #server: PreviewServer
  readonly #outDir: string
  /** What pages threw or logged as an error. */
  readonly errors: string[] = []

  private constructor(url: string, browser: Browser, server: PreviewServer, outDir: string) {
    this.url = url
    this.#browser = browser
    this.#server = server
    this.#outDir = outDir
  }

  static async open(): Promise<Site> {
    const outDir = await mkdtemp(join(tmpdir(), 'synod-lab-'))
    await build({ root, logLevel: 'error', build: { outDir } })
    const server = await preview({
      root,
      logLevel: 'error',
      build: { outDir },
      preview: { host: '127.0.0.1', port: 0 },
    })
    const url = server.resolvedUrls?.local[0]
    if (url === undefined) throw new Error('the page is not served')
    // Its own sandbox needs rights that containers often lack; the page is ours, and on loopback.
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
    return new Site(url, browser, server, outDir)
  }

  /** Puts a file beside the page. */
  async put(name: string, text: string): Promise<void> {
    await writeFile(join(this.#outDir, name), text)
  }

  /** The page in a window of its own; `path` is what follows its address. */
  async page(path = '', options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.#browser.newContext({ viewport: { width: 1400, height: 860 }, ...options })
    const page = await context.newPage()
    page.on('pageerror', (error) => this.errors.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(message.text())
    })
    page.on('request', (request) => {
      if (!request.url().startsWith(this.url) && !/^(data|blob):/.test(request.url()))
        this.errors.push(`a request to ${request.url()}`)
    })
    await page.goto(this.url + path)
    return page
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close()
    await this.#server.close()
    await rm(this.#outDir, { recursive: true })
  }
}
