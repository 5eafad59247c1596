// The reference of the API is what the docstrings say: `npm run reference` writes it.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { ROOT } from './snippets.js'

test.each(['synod', 'synod-testing'])(
  'the reference of %s is up to date (else: npm run reference)',
  async (name) => {
    const directory = await mkdtemp(join(tmpdir(), 'synod-reference-'))
    try {
      const typedoc = join(ROOT, 'node_modules', 'typedoc', 'bin', 'typedoc')
      const options = join(ROOT, 'tools', 'reference', `${name}.json`)
      await promisify(execFile)(process.execPath, [typedoc, '--options', options, '--out', directory], {
        cwd: ROOT,
      })
      const [now, kept] = await Promise.all(
        [directory, join(ROOT, 'docs', 'reference', 'api')].map((folder) =>
          readFile(join(folder, `${name}.md`), 'utf8'),
        ),
      )
      expect(kept === now, 'docs/reference/api differs from the docstrings').toBe(true)
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  },
)
