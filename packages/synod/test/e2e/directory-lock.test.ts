// Many processes take one directory again and again and are killed at random moments: it never has
// two owners, and it is always taken again. Seed: SYNOD_SEED.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const STARTERS = 6
const OWNERS = 60
const LONGEST_KILL_MS = 20

const LOCK = new URL('../../dist/storage/directory-lock.js', import.meta.url)

/** Says `held` for each time that it owns the directory, and lets go of it when it is told to. */
const STARTER = `
  import { lockDirectory } from ${JSON.stringify(LOCK.href)}
  for (;;) {
    try {
      const release = await lockDirectory(process.argv[1])
      process.stdout.write('held\\n')
      await new Promise((resolve) => process.stdin.once('data', resolve))
      await release()
    } catch (error) {
      if (error.code === 'directory-in-use') continue
      process.stdout.write('failed ' + error.stack + '\\n')
      process.exit(1)
    }
  }`

test('of many processes that start at once and are killed at random, at most one owns a directory at a time', async () => {
  const seed = Number(process.env.SYNOD_SEED ?? Math.floor(Math.random() * 2 ** 31))
  const chance = randomFrom(seed)
  const directory = await mkdtemp(join(tmpdir(), 'synod-lock-'))
  const starters = new Set<ChildProcess>()
  /**
   * The processes that have the directory, as far as they were neither killed nor told to let go of
   * it.
   */
  const owners = new Set<ChildProcess>()
  let owned = 0
  try {
    await new Promise<void>((resolve, reject) => {
      const begin = () => {
        const starter = spawn(process.execPath, ['--input-type=module', '-e', STARTER, directory], {
          stdio: ['pipe', 'pipe', 'inherit'],
        })
        starters.add(starter)
        starter.stdin.on('error', () => undefined)
        starter.stdout.on('data', (chunk: Buffer) => {
          if (!starters.has(starter)) return
          if (chunk.toString() !== 'held\n') reject(new Error(chunk.toString()))
          if (owners.size > 0) reject(new Error('two owners'))
          owners.add(starter)
          if (++owned === OWNERS) resolve()
          if (chance() < 0.5) kill(starter)
          else {
            owners.delete(starter)
            starter.stdin.write('\n')
          }
          const others = [...starters]
          const victim = others[Math.floor(chance() * others.length)]
          if (victim !== undefined) setTimeout(() => kill(victim), chance() * LONGEST_KILL_MS)
        })
      }
      const kill = (starter: ChildProcess) => {
        if (!starters.delete(starter)) return
        owners.delete(starter)
        starter.kill('SIGKILL')
        if (owned < OWNERS) begin()
      }
      for (let count = 0; count < STARTERS; count++) begin()
    }).catch((error: unknown) => {
      throw new Error(
        `seed ${seed}: replay with SYNOD_SEED=${seed} npx vitest run --project e2e directory-lock`,
        {
          cause: error,
        },
      )
    })
    expect(owned).toBe(OWNERS)
  } finally {
    for (const starter of starters) starter.kill('SIGKILL')
    // What a starter was about to make when it was killed is not in the way of this either.
    await expect
      .poll(async () =>
        rm(directory, { recursive: true, force: true }).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true)
  }
  await expect(readdir(directory)).rejects.toMatchObject({ code: 'ENOENT' })
})

/** Numbers from 0 to 1. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return state / 0x80000000
  }
}
