import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { runScript } from 'synod-testing/script'
import { expect, test } from 'vitest'

const directory = fileURLToPath(new URL('../src/lessons/scripts', import.meta.url))

// What the lessons say happens is what the core does: each is a golden script. `--update` writes
// the answers.
test.each(readdirSync(directory))('the lesson %s shows the answers of the core', async (name) => {
  const text = readFileSync(`${directory}/${name}`, 'utf8')
  await expect(runScript(text, name)).toMatchFileSnapshot(`${directory}/${name}`)
})
