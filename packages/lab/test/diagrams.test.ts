import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { LabSession } from '../src/engine/lab-session.js'
import { NO_FILTER, filterEvents } from '../src/picture/filter.js'
import { layOut } from '../src/picture/layout.js'
import { EMPTY_PICTURE } from '../src/picture/picture.js'
import { pictureFile } from '../src/view/picture-file.js'

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const lessons = readdirSync(file('../src/lessons/scripts'))

// The diagrams of docs/concepts/protocol.md are those of the lessons: `--update` draws them anew.
test.each(['single-decree', 'duel', 'adoption', 'leader', 'holes'])(
  'docs/diagrams/%s.svg shows what the core does',
  async (name) => {
    const lesson = lessons.find((one) => one.endsWith(`-${name}.txt`)) ?? ''
    const script = readFileSync(file(`../src/lessons/scripts/${lesson}`), 'utf8')
    const picture = LabSession.parse(script).picture ?? EMPTY_PICTURE
    const shown = new Set(filterEvents(NO_FILTER, picture))
    const layout = layOut(picture, {
      columnWidth: 180,
      rowHeight: 28,
      shows: (_, index) => shown.has(index),
    })
    await expect(pictureFile(layout)).toMatchFileSnapshot(file(`../../../docs/diagrams/${name}.svg`))
  },
)
