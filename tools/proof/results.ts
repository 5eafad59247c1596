import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { output } from './command.js'

/**
 * What commands wrote, kept among the temporary files of this machine for as long as all that they
 * run is the same: a proof that was interrupted goes on where it was.
 */
export class Results {
  readonly #root: string
  readonly #keeps: boolean

  /** If there are changes that are not committed, nothing says what was run, so nothing is kept. */
  constructor(root: string, keeps: boolean) {
    this.#root = root
    this.#keeps = keeps
  }

  /**
   * What a command writes to stdout, which depends on nothing but these paths; its stderr is shown.
   * Rejects if it fails.
   */
  async capture(command: readonly string[], paths: readonly string[]): Promise<string> {
    const line = command.join(' ')
    const file = this.#keeps ? await this.#file(line, paths) : undefined
    const before = file && (await readFile(file, 'utf8').catch(() => undefined))
    process.stderr.write(before === undefined ? `$ ${line}\n` : `$ ${line} (was run before)\n`)
    if (before !== undefined) return before
    const text = await output(this.#root, command)
    if (file !== undefined) {
      await writeFile(`${file}.new`, text)
      await rename(`${file}.new`, file)
    }
    return text
  }

  async #file(line: string, paths: readonly string[]): Promise<string> {
    const trees = await output(this.#root, ['git', 'rev-parse', ...paths.map((path) => `HEAD:${path}`)])
    const directory = join(tmpdir(), 'synod-proof')
    await mkdir(directory, { recursive: true })
    const name = [process.version, line, trees].join('\n')
    return join(directory, createHash('sha256').update(name).digest('hex'))
  }
}
