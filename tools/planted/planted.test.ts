import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** One of each kind: protocol, durability, recovery, sessions, reads. */
const MISTAKES = [
  '01-own-promise-not-raised.patch',
  '07-replica-answers-first-of-session.patch',
  'h05-accepted-leaves-before-durable.patch',
  'h14-slot-promise-not-restored.patch',
  '18-replica-read-needs-no-quorum.patch',
]

test(
  'planted mistakes are found, and each canary has its expected outcome',
  { timeout: 600_000 },
  async () => {
    const args = ['tools/planted/dist/run.js', '--json', 'canary', ...MISTAKES]
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root })
    const lines = stdout.trim().split('\n')
    const found = lines.map((line) => JSON.parse(line) as { name: string; right: boolean; by?: string })
    expect(found.filter(({ right }) => !right)).toEqual([])
    expect(found.map(({ name }) => name).sort()).toEqual(
      [...MISTAKES, 'canary-harmless.patch', 'canary-loud.patch'].sort(),
    )
    expect(found.find(({ name }) => name === 'canary-harmless.patch')?.by).toBe(undefined)
  },
)
