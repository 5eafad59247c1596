import { SynodError } from 'synod/internal/errors.js'
import type { ServerId, Slot } from 'synod/internal/paxos/ballot.js'
import type { Mode } from 'synod/internal/paxos/config.js'
import type { Leading } from 'synod/internal/replica/while-leader.js'
import { Chance } from '../chance.js'
import { Violation } from '../simulator/checks/violation.js'
import { World } from '../simulator/world.js'
import { RecordingMachine } from './recording-machine.js'

const SERVERS = 3
const STEPS = 30
const ELECTION_TIMEOUT_MS = 500
/** A message that was under way may still arrive. */
const MAX_LATENCY_MS = 20

interface Work extends Leading {
  readonly server: ServerId
  isOver: boolean
}

/**
 * Programs on a faulty cluster follow what is applied, and work while they lead. A reader gets
 * every slot or a gap; fences are unique and grow on each server; work begins with all that was
 * acknowledged, and ends in time without a quorum. Throws a Violation.
 */
export async function exploreEvents(mode: Mode, seed: number): Promise<void> {
  const run = new Run(mode, new Chance(seed ^ 0x65766e74))
  await run.begin()
  for (let step = 0; step < STEPS; step++) await run.step()
  await run.end()
}

class Run {
  readonly #chance: Chance
  readonly #world: World<RecordingMachine>
  /** What was executed, by slot. */
  readonly #truth = new Map<Slot, string[]>()
  readonly #acknowledged: string[] = []
  readonly #works: Work[] = []
  /** By fence, how much had been acknowledged when the leadership began. */
  readonly #acknowledgedAt = new Map<number, number>()
  #isolated: { readonly server: ServerId; readonly sinceMs: number } | undefined
  #written = 0
  #violation: Violation | undefined

  constructor(mode: Mode, chance: Chance) {
    this.#chance = chance
    this.#world = new World({
      mode,
      servers: SERVERS,
      seed: chance.seed(),
      network: { latencyMs: () => chance.between(0, MAX_LATENCY_MS) },
      machine: () =>
        new RecordingMachine(({ position: { index, slot }, text }) => {
          const ofSlot = this.#truth.get(slot) ?? []
          ofSlot[index] = text
          this.#truth.set(slot, ofSlot)
        }),
      options: {
        electionTimeoutMs: ELECTION_TIMEOUT_MS,
        snapshots: { everySlots: 10, keepSlots: 3 },
      },
    })
    this.#world.onStep = () => {
      if (this.#violation !== undefined) throw this.#violation
    }
  }

  async begin(): Promise<void> {
    await this.#world.openAll()
    await this.#world.ready()
    for (const id of this.#world.ids) this.#follow(id)
  }

  async step(): Promise<void> {
    const chance = this.#chance
    const world = this.#world
    const server = chance.pick(world.ids)
    for (let count = chance.below(12); count > 0; count--) this.#write(chance.pick(world.ids))
    const act = chance.pick(['isolate', 'heal', 'crash', 'transfer', 'nothing'] as const)
    if (!world.isUp(server)) {
      await world.open(server)
      this.#follow(server)
    } else if (act === 'isolate' && this.#isolated === undefined) this.#isolate(server)
    else if (act === 'heal') this.#heal()
    else if (act === 'crash') this.#crash(server)
    else if (act === 'transfer' && world.mode === 'leader')
      world
        .replica(server)
        .transferLeadership({ timeoutMs: 1000 })
        .catch(() => undefined)
    await world.wait(chance.between(0, chance.pick([10, 300, 2000])))
    this.#checkIsolated()
  }

  /** All work again, and one of them leads. */
  async end(): Promise<void> {
    const world = this.#world
    this.#heal()
    for (const id of world.ids) {
      if (world.isUp(id)) continue
      await world.open(id)
      this.#follow(id)
    }
    if (world.mode === 'leaderless') return
    await world.run(() => this.#works.some((work) => !work.isOver && work.server === world.leader))
  }

  #write(server: ServerId): void {
    if (!this.#world.running.includes(server)) return
    const text = `${++this.#written}`
    this.#world
      .replica(server)
      .execute(text, { timeoutMs: 3000 })
      .then(
        () => this.#acknowledged.push(text),
        () => undefined,
      )
  }

  /** What was at work there is gone with the process. */
  #crash(server: ServerId): void {
    this.#world.crash(server)
    for (const work of this.#works) if (work.server === server) work.isOver = true
  }

  #isolate(server: ServerId): void {
    for (const other of this.#world.ids) if (other !== server) this.#world.partition(server, other)
    this.#isolated = { server, sinceMs: this.#world.clock.now() }
  }

  #heal(): void {
    if (this.#isolated === undefined) return
    const { server } = this.#isolated
    for (const other of this.#world.ids) {
      if (other === server) continue
      this.#world.reunite(server, other)
      this.#world.breakConnections(server, other)
    }
    this.#isolated = undefined
  }

  #checkIsolated(): void {
    if (this.#isolated === undefined) return
    const { server, sinceMs } = this.#isolated
    const forMs = this.#world.clock.now() - sinceMs
    const work = this.#works.find((each) => each.server === server && !each.isOver)
    if (work === undefined || forMs <= ELECTION_TIMEOUT_MS + MAX_LATENCY_MS) return
    throw new Violation(
      'invariant',
      `s${server} has had no quorum for ${forMs} ms, and its work at fence ${work.fence} goes on`,
    )
  }

  #follow(server: ServerId): void {
    void this.#read(server)
    if (this.#world.mode === 'leaderless') return
    void this.#note(server)
    this.#world
      .replica(server)
      .whileLeader((leading) => this.#work(server, leading))
      .catch((error: unknown) => {
        this.#fail(`the work of s${server} ended: ${String(error)}`)
      })
  }

  /** Where slots are missing it begins anew with what comes. */
  async #read(server: ServerId): Promise<void> {
    const replica = this.#world.replica(server)
    for (;;) {
      let last = replica.seen
      try {
        for await (const { commands, position } of replica.applied()) {
          const { slot } = position
          const skipped = [...this.#truth.keys()].filter((each) => each > last && each < slot)
          if (skipped.length > 0)
            this.#fail(`a reader of s${server} was not told of slots ${skipped.join(', ')}`)
          const told = commands.join(', ')
          // What a session had executed before leaves a gap.
          if (told !== this.#truth.get(slot)?.filter(Boolean).join(', '))
            this.#fail(`s${server} told of ${told} in slot ${slot}`)
          last = slot
        }
        return
      } catch (error) {
        if (error instanceof SynodError && error.code === 'applied-gap') continue
        this.#fail(`a reader of s${server} failed: ${String(error)}`)
        return
      }
    }
  }

  async #note(server: ServerId): Promise<void> {
    for await (const { fence, isSelf } of this.#world.replica(server).leadership())
      if (isSelf) this.#acknowledgedAt.set(fence, this.#acknowledged.length)
  }

  async #work(server: ServerId, { fence, signal }: Leading): Promise<void> {
    const others = this.#works.filter((work) => work.server === server)
    if (others.some((work) => !work.isOver)) this.#fail(`s${server} has two works at a time`)
    if (this.#works.some((work) => work.fence === fence)) this.#fail(`fence ${fence} was handed out twice`)
    if (others.some((work) => work.fence > fence))
      this.#fail(`s${server} was handed fence ${fence} after a higher one`)
    const executed = new Set(this.#world.server(server).machine.executed.map(({ text }) => text))
    const known = this.#acknowledged.slice(0, this.#acknowledgedAt.get(fence) ?? 0)
    const missing = known.filter((text) => !executed.has(text))
    if (missing.length > 0)
      this.#fail(`s${server} began without what was acknowledged: ${missing.join(', ')}`)
    const work: Work = { server, fence, signal, isOver: false }
    this.#works.push(work)
    await new Promise((resolve) => {
      signal.addEventListener('abort', resolve)
    })
    work.isOver = true
  }

  #fail(message: string): void {
    this.#violation ??= new Violation('invariant', message)
  }
}
