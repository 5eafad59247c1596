import { readFile, readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { runScript } from '../../src/script/run-script.js'

const folder = fileURLToPath(new URL('.', import.meta.url))
const names = (await readdir(folder)).filter((name) => name.endsWith('.txt'))

// `npx vitest run --project unit packages/synod/test/scripts --update` rewrites the answers.
test.each(names)('the golden script %s shows the answers of the core', async (name) => {
  const text = await readFile(folder + name, 'utf8')
  await expect(runScript(text, name)).toMatchFileSnapshot(folder + name)
})
