import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { output } from './command.js'

/**
 * What commands wrote at one commit, kept among the temporary files of this machine: a proof that was interrupted goes on
 * where it was.
 */
export class Results {
  readonly #root: string
  readonly #directory: string | undefined

  private constructor(root: string, directory: string | undefined) {
    this.#root = root
    this.#directory = directory
  }

  /** Without a commit that says what was run, nothing is kept. */
  static async of(root: string, commit: string | undefined): Promise<Results> {
    if (commit === undefined) return new Results(root, undefined)
    const directory = join(tmpdir(), `synod-proof-${commit}`)
    await mkdir(directory, { recursive: true })
    return new Results(root, directory)
  }

  /** What a command writes to stdout; its stderr is shown. Rejects if it fails. */
  async capture(command: readonly string[]): Promise<string> {
    const line = command.join(' ')
    const file = this.#directory && join(this.#directory, encodeURIComponent(line))
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
}
