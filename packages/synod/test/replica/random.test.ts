import { describe, expect, test } from 'vitest'
import type { Mode } from '../../src/paxos/config.js'
import type { NotesClient } from './world.js'
import { World } from './world.js'

const SEEDS = Number(process.env.SYNOD_SEEDS ?? 25)
const FIRST_SEED = Number(process.env.SYNOD_SEED ?? 1)
const ROUNDS = 40
const CLIENTS = 3

/** One client, which notes down one command after the other and reads in between. */
class Walker {
  readonly acknowledged: string[] = []
  /** What may have been executed, and may not. */
  readonly inDoubt: string[] = []
  violation: string | undefined
  done = false
  readonly #world: World
  readonly #name: string
  readonly #client: NotesClient
  #stopped = false
  /** How many notes its last answer has shown; there are never fewer again. */
  #seen = 0

  constructor(world: World, name: string, client: NotesClient) {
    this.#world = world
    this.#name = name
    this.#client = client
  }

  stop(): void {
    this.#stopped = true
  }

  async walk(): Promise<void> {
    for (let count = 1; !this.#stopped && this.violation === undefined; count++) {
      if (this.#world.random() < 0.7) await this.#write(`${this.#name}/${count}`)
      else await this.#read()
      await this.#rest(this.#world.random() * 40)
    }
    this.done = true
  }

  async #write(text: string): Promise<void> {
    try {
      const result = await this.#client.execute(text, { timeoutMs: 200 + this.#world.random() * 3000 })
      if (result <= this.#seen) this.violation = `note ${result} after ${this.#seen} had been seen`
      this.#seen = Math.max(this.#seen, result)
      this.acknowledged.push(text)
    } catch {
      this.inDoubt.push(text)
    }
  }

  async #read(): Promise<void> {
    const before = this.acknowledged.length
    let answer: readonly string[]
    try {
      answer = await this.#client.read(0, { timeoutMs: 200 + this.#world.random() * 3000 })
    } catch {
      return
    }
    if (answer.length < this.#seen) this.violation = `read ${answer.length} notes after ${this.#seen}`
    this.#seen = Math.max(this.#seen, answer.length)
    const shown = new Set(answer)
    for (const text of this.acknowledged.slice(0, before))
      if (!shown.has(text)) this.violation = `a read without ${text}`
  }

  #rest(durationMs: number): Promise<void> {
    return new Promise((done) => this.#world.clock.timer(durationMs, done))
  }
}

/**
 * Something goes wrong, or right again. At most a minority is down at any time, though all may be
 * cut off.
 */
async function injectFault(world: World): Promise<void> {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(world.random() * list.length)]!
  const down = world.ids.filter((id) => world.server(id).process?.alive !== true)
  const dice = world.random()
  if (dice < 0.2 && down.length < 1) world.crash(pick(world.ids), world.random)
  else if (dice < 0.25) {
    for (const id of world.ids) if (world.server(id).process?.alive === true) world.crash(id, world.random)
  } else if (dice < 0.5) {
    for (const id of down) void world.begin(id)
  } else if (dice < 0.6) world.partition(pick(world.ids), pick(world.ids))
  else if (dice < 0.65) world.isolate(pick(world.ids))
  else if (dice < 0.7) world.partition(`c${1 + Math.floor(world.random() * CLIENTS)}`, pick(world.ids))
  else if (dice < 0.75) world.breakConnections(pick(world.ids), pick(world.ids))
  else if (dice < 0.85) {
    const longestMs = pick([0.5, 5, 100])
    world.server(pick(world.ids)).syncMs = () => world.random() * longestMs
  } else if (dice < 0.88) world.server(pick(world.ids)).skewMs = (world.random() - 0.5) * 1e9
  else world.heal()
  await world.wait(world.random() * 400)
}

async function run(mode: Mode, seed: number): Promise<void> {
  const world = await World.formed({ mode, seed })
  const walkers: Walker[] = []
  for (let number = 1; number <= CLIENTS; number++) {
    const name = `c${number}`
    walkers.push(new Walker(world, name, await world.connect(name)))
  }
  const walks = walkers.map((walker) => walker.walk())
  for (let round = 0; round < ROUNDS; round++) await injectFault(world)

  world.heal()
  for (const id of world.ids) {
    world.server(id).syncMs = () => 1
    if (world.server(id).process?.alive !== true) void world.begin(id)
  }
  for (const walker of walkers) walker.stop()
  await world.run(() => walkers.every(({ done }) => done))
  await Promise.all(walks)
  await world.run(() => world.running.length === world.ids.length)
  const answer = await world.settled(world.replica(1).read(0))
  await world.converged()

  const counts = new Map<string, number>()
  for (const text of answer) counts.set(text, (counts.get(text) ?? 0) + 1)
  for (const { acknowledged, inDoubt, violation } of walkers) {
    expect(violation).toBeUndefined()
    for (const text of acknowledged) expect(counts.get(text), `${text} was acknowledged`).toBe(1)
    for (const text of inDoubt) expect(counts.get(text) ?? 0, `${text} is in doubt`).toBeLessThanOrEqual(1)
  }
  const known = walkers.flatMap(({ acknowledged, inDoubt }) => [...acknowledged, ...inDoubt])
  expect(new Set(known)).toEqual(new Set([...known, ...answer]))
  expect(walkers.flatMap(({ acknowledged }) => acknowledged).length).toBeGreaterThan(0)
  for (const id of world.ids) expect(world.texts(id)).toEqual(answer)
}

describe.each(['leader', 'leaderless'] as const)(
  '%s mode under crashes, partitions and slow disks',
  (mode) => {
    test(
      'every acknowledged command counts once, and no client sees the state go back',
      { timeout: 80_000 },
      async () => {
        for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
          try {
            await run(mode, seed)
          } catch (error) {
            const replay = `SYNOD_SEED=${seed} SYNOD_SEEDS=1 npx vitest run packages/synod/test/replica/random.test.ts -t '${mode} mode'`
            throw new Error(`${mode} mode, seed ${seed}. Replay: ${replay}`, { cause: error })
          }
        }
      },
    )

    test('the same seed gives the same run', async () => {
      const trace = async () => {
        const world = await World.formed({ mode, seed: 7 })
        const client = await world.connect()
        const walker = new Walker(world, 'c1', client)
        void walker.walk()
        for (let round = 0; round < 15; round++) await injectFault(world)
        return {
          atMs: world.clock.now(),
          dials: world.network.dials,
          texts: world.ids.map((id) => world.texts(id)),
        }
      }
      expect(await trace()).toEqual(await trace())
    })
  },
)
