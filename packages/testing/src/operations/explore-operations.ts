import { recover } from 'synod/internal/journal/recovery.js'
import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { Mode } from 'synod/internal/paxos/config.js'
import { DIGEST_EVERY_SLOTS } from 'synod/internal/replica/divergence.js'
import type { SnapshotPolicy } from 'synod/internal/replica/snapshots.js'
import { Chance } from '../chance.js'
import { Violation } from '../simulator/checks/violation.js'
import { DATA_DIR, World, peerAddressOf } from '../simulator/world.js'
import { ChecksumMachine } from './checksum-machine.js'

const ACTS = 4

/** A snapshot is due after at most this many slots. */
const MOST_EVERY_SLOTS = 20

/** Elections, transfers and changes of the membership are over within this time. */
const PATIENCE_MS = 30_000

/** What operators do. Each run leaves some of it out. */
const OPERATIONS = ['write', 'transfer', 'close', 'away', 'remove', 'replace', 'reckless'] as const

/** Now and then a run ends with one of these: afterwards a server is not what it was. */
const ENDS = ['none', 'none', 'diverge', 'emptied', 'revenant'] as const

/**
 * Operators at work on a sound cluster: leadership is transferred, servers are closed, away for
 * long, removed and replaced, as the documentation says. In the end one state machine may diverge,
 * a disk be lost, or a removed server return. Throws what was violated.
 */
export async function exploreOperations(mode: Mode, seed: number): Promise<void> {
  const run = new Run(mode, new Chance(seed ^ 0x6f706572))
  await run.open()
  for (let act = 0; act < ACTS; act++) await run.act()
  await run.end()
}

class Run {
  readonly #chance: Chance
  readonly #mode: Mode
  readonly #world: World<ChecksumMachine>
  readonly #operations: readonly (typeof OPERATIONS)[number][]
  readonly #end: (typeof ENDS)[number]
  readonly #keepSlots: number
  readonly #syncMs: number
  #members: ServerId[]
  #highest: ServerId
  #written = 0

  constructor(mode: Mode, chance: Chance) {
    this.#chance = chance
    this.#mode = mode
    this.#operations = OPERATIONS.filter((operation) => operation === 'write' || chance.happens(0.6))
    this.#end = chance.pick(ENDS)
    // A state that is wrong must not reach others by a snapshot, nor be replaced by one.
    this.#keepSlots = this.#end === 'diverge' ? 10_000 : chance.below(2) * chance.below(10)
    const latencyMs = 0.1 * 100 ** chance.next()
    const restMs = 0.1 * 300 ** chance.next()
    this.#syncMs = 0.1 * 300 ** chance.next()
    const servers = chance.pick([1, 2, 3, 3, 3, 5])
    this.#members = Array.from({ length: servers }, (_, index) => index + 1)
    this.#highest = servers
    this.#world = new World({
      mode,
      servers,
      seed: chance.seed(),
      syncMs: 1,
      network: { latencyMs: () => chance.between(0, latencyMs) },
      machine: () => new ChecksumMachine(() => new Promise((done) => this.#world.clock.timer(restMs, done))),
      options: {
        heartbeatMs: 50 + 2 * latencyMs,
        electionTimeoutMs: 300 + 10 * latencyMs,
      },
    })
  }

  async open(): Promise<void> {
    const world = this.#world
    await world.settled(Promise.all(world.ids.map((id) => world.begin(id, this.#optionsFor()))))
    await world.ready()
    await this.#write()
  }

  /** Each server has its own policy, so that one still keeps what another has dropped. */
  #optionsFor(): { snapshots: SnapshotPolicy } {
    const everySlots = 1 + this.#chance.below(this.#chance.pick([3, MOST_EVERY_SLOTS]))
    return { snapshots: { everySlots, everyBytes: 2 ** 40, keepSlots: this.#keepSlots, chunkBytes: 100 } }
  }

  #open(id: ServerId): Promise<unknown> {
    return this.#world.open(id, this.#optionsFor())
  }

  async act(): Promise<void> {
    switch (this.#chance.pick(this.#operations)) {
      case 'write':
        await this.#write()
        break
      case 'transfer':
        await this.#transfer()
        break
      case 'close':
        await this.#close()
        break
      case 'away':
        await this.#away()
        break
      case 'remove':
        await this.#remove(this.#chance.happens(0.5))
        break
      case 'replace':
        await this.#replace()
        break
      case 'reckless':
        await this.#reckless()
        break
    }
    await this.#write()
  }

  async end(): Promise<void> {
    switch (this.#end) {
      case 'none':
        break
      case 'diverge':
        await this.#diverge()
        break
      case 'emptied':
        await this.#emptied()
        break
      case 'revenant':
        await this.#remove(false)
        break
    }
    await this.#converge()
  }

  /** Commands, all at once or one by one, by any replica, and a read that sees them. */
  async #write(count = 1 + this.#chance.below(12)): Promise<void> {
    const chance = this.#chance
    const replica = this.#world.replica(this.#running())
    const texts = Array.from({ length: count }, () => `w${++this.#written}`)
    if (count > 20 || chance.happens(0.5))
      await this.#settled(Promise.all(texts.map((text) => replica.execute(text))))
    else for (const text of texts) await this.#settled(replica.execute(text))
    const [seen = ''] = (await this.#settled(this.#world.replica(this.#running()).read(null))).split(' ')
    if (Number(seen) !== this.#written)
      throw new Violation('not-linearizable', `a read saw ${seen} of ${this.#written} commands`)
  }

  /** Leadership moves once, and to whom it should. */
  async #transfer(): Promise<void> {
    if (this.#mode === 'leaderless' || this.#members.length < 2) return
    const chance = this.#chance
    const world = this.#world
    await world.ready()
    const before = world.leader ?? 0
    const others = this.#members.filter((id) => id !== before)
    const to = chance.happens(0.5) ? chance.pick(others) : undefined
    const { ballot } = world.status(before)
    const wish = to === undefined ? {} : { to }
    if (chance.happens(0.5)) {
      const client = await world.connect(`operator${this.#written}`)
      await this.#settled(client.transferLeadership(wish))
      await this.#settled(client.close())
    } else await this.#settled(world.replica(this.#running()).transferLeadership(wish))
    await world.wait(2000)
    await world.ready()
    const after = world.status(world.leader ?? 0)
    const isRight = to === undefined ? world.leader !== before : world.leader === to
    if (!isRight || after.ballot.seq !== ballot.seq + 1) {
      const moved = `went from s${before} to s${world.leader ?? 0} in ${after.ballot.seq - ballot.seq} elections`
      throw new Violation(
        'no-progress',
        `leadership, which was to be transferred to ${to === undefined ? 'another one' : `s${to}`}, ${moved}`,
      )
    }
  }

  /** A leader that is closed in an orderly way leaves another one behind. */
  async #close(): Promise<void> {
    const world = this.#world
    await world.ready()
    const id = world.leader ?? this.#running()
    const wasLeader = world.leader === id
    await this.#settled(world.replica(id).close())
    const leads = world.running.some((other) => other !== id && world.status(other).role === 'leader')
    world.kill(id)
    if (wasLeader && this.#members.length > 2 && !leads)
      throw new Violation('no-progress', `s${id} led, was closed, and nobody leads in its place`)
    if (this.#members.length > 2) await this.#write()
    await this.#open(id)
    await world.ready()
  }

  /** A server stays away for so long that the others have dropped what it lacks. */
  async #away(): Promise<void> {
    const world = this.#world
    if (this.#members.length < 3) return
    const id = this.#chance.pick(this.#members)
    world.kill(id)
    await world.ready()
    await this.#write(4 * MOST_EVERY_SLOTS + Math.min(this.#keepSlots, 10))
    await world.wait(5000)
    for (const other of world.running) {
      const { executed } = world.status(other).watermarks
      const { records } = await recover(world.server(other).disk, DATA_DIR)
      const trimmed = Math.max(0, ...records.map((record) => (record.type === 'trim' ? record.slot : 0)))
      if (executed - trimmed > this.#keepSlots + 2 * MOST_EVERY_SLOTS)
        throw new Violation(
          'no-progress',
          `s${other} has executed ${executed} slots, and dropped ${trimmed}: it drops no more`,
        )
    }
    await this.#open(id)
    // It takes in a snapshot while the others go on.
    if (this.#chance.happens(0.7)) await this.#write()
    await this.#converge()
  }

  /**
   * One that is removed ends, or is told so when it comes back; and the others need nothing of it
   * any more.
   */
  async #remove(isUp: boolean): Promise<void> {
    const chance = this.#chance
    const world = this.#world
    if (this.#members.length < (isUp ? 2 : 3)) return
    const id = chance.pick(this.#members)
    if (!isUp) world.kill(id)
    const rest = this.#members.filter((other) => other !== id)
    if (!isUp) await world.ready()
    // All that are up have been heard from, or the removal is refused.
    await world.wait(1000)
    for (const other of rest) world.server(other).syncMs = () => (chance.happens(0.3) ? this.#syncMs : 1)
    await this.#settled(world.replica(chance.pick(rest)).changeMembership({ remove: id }))
    this.#members = rest
    if (!isUp) {
      await world.wait(1000)
      await this.#open(id)
    }
    await this.#inTime(
      `s${id}, which was removed, did not end`,
      () => world.server(id).fatal?.code === 'removed',
    )
    if (chance.happens(0.7)) for (const other of rest) world.crash(other)
    world.kill(id)
    world.servers.delete(id)
    for (const other of rest) {
      world.server(other).syncMs = () => 1
      if (!world.isUp(other)) await this.#open(other)
    }
    await world.ready()
  }

  /**
   * With as many down as the cluster bears, the removal of another one would be the last thing that
   * is decided: it is refused.
   */
  async #reckless(): Promise<void> {
    const world = this.#world
    const down = Math.floor((this.#members.length - 1) / 2)
    // Without one of four, two of the other three are enough.
    if (down === 0 || this.#members.length % 2 === 0) return
    const away = [...this.#members].sort(() => this.#chance.next() - 0.5).slice(0, down)
    for (const id of away) world.kill(id)
    await world.wait(5000)
    await world.ready()
    const rest = this.#members.filter((id) => !away.includes(id))
    const by = world.replica(this.#chance.pick(rest))
    const code = await world.settled(
      by.changeMembership({ remove: this.#chance.pick(rest) }).then(
        () => 'done',
        (error: unknown) => (error as { code?: string }).code ?? String(error),
      ),
      PATIENCE_MS,
    )
    if (code !== 'change-refused') {
      const what = `a removal after which ${rest.length - 1} of ${this.#members.length - 1} would be up came to ${code}`
      throw new Violation('unexpected-failure', what)
    }
    await this.#write()
    for (const id of away) await this.#open(id)
    await this.#converge()
  }

  async #replace(): Promise<void> {
    const chance = this.#chance
    const world = this.#world
    await world.ready()
    const id = ++this.#highest
    const replaces = chance.happens(0.6) ? chance.pick(this.#members) : 0
    const by = world.replica(chance.pick(this.#members))
    const more = replaces === 0 ? {} : { replaces }
    await this.#settled(by.changeMembership({ add: id, address: peerAddressOf(id), ...more }))
    world.add(id)
    await this.#open(id)
    this.#members = [...this.#members.filter((other) => other !== replaces), id]
    await this.#inTime(`s${id} has not come to vote`, () =>
      this.#members.every((other) => {
        const { members, role } = world.status(other)
        const voters = members.filter((member) => member.role === 'voter').map(({ server }) => server)
        return String(voters.sort(byId)) === String([...this.#members].sort(byId)) && role !== 'learner'
      }),
    )
    if (replaces === 0) return
    await this.#inTime(
      `s${replaces}, which was replaced, did not end`,
      () => world.server(replaces).fatal?.code === 'removed',
    )
    world.kill(replaces)
    world.servers.delete(replaces)
    await world.ready()
  }

  /** The state of one server is wrong: it must stop, and stay so, and no other server. */
  async #diverge(): Promise<void> {
    const world = this.#world
    if (this.#members.length < 3) return
    const id = this.#chance.pick(this.#members)
    // What they come to, each has to hear from every other one.
    await this.#inTime('the servers are not connected', () =>
      this.#members.every((each) => world.status(each).peers.every(({ up }) => up)),
    )
    world.server(id).machine.corrupt()
    const others = this.#members.filter((other) => other !== id)
    const chosen = () => Math.max(...others.map((other) => world.status(other).watermarks.chosen))
    const last = chosen() + 2 * DIGEST_EVERY_SLOTS
    // Each server proposes a batch of its own: a slot holds what comes to one server at once.
    while (chosen() < last && world.server(id).fatal === undefined) {
      const writes = others.map((other) => world.replica(other).execute(`w${++this.#written}`))
      await this.#settled(Promise.all(writes))
    }
    await this.#inTime(`s${id} is wrong, and goes on`, () => world.server(id).fatal !== undefined)
    const fatal = others.find((other) => world.server(other).fatal !== undefined)
    if (fatal !== undefined)
      throw new Violation('unexpected-failure', `s${id} is wrong, and s${fatal} stopped`)
    world.kill(id)
    const again = await world.settled(
      world.begin(id).then(
        () => 'opened',
        (error: unknown) => (error as { code?: string }).code ?? String(error),
      ),
    )
    if (again !== 'diverged')
      throw new Violation('unexpected-failure', `s${id}, whose state was wrong, was started again: ${again}`)
    world.kill(id)
    this.#members = others
  }

  /** A server that votes loses its disk: it must not vote again. */
  async #emptied(): Promise<void> {
    const world = this.#world
    if (this.#members.length < 3) return
    const id = Math.max(...this.#members)
    world.kill(id)
    world.emptyDisk(id)
    const replica = await world.settled(world.begin(id).catch(() => undefined))
    await world.wait(2000)
    if (
      replica !== undefined &&
      world.server(id).fatal === undefined &&
      world.status(id).watermarks.chosen > 0
    )
      throw new Violation('stranger', `s${id} lost its disk, and the others take it for what it was`)
    world.kill(id)
    this.#members = this.#members.filter((other) => other !== id)
  }

  async #converge(): Promise<void> {
    const world = this.#world
    await this.#inTime('the replicas did not come to the same state', () => {
      const states = this.#members.map((id) => world.status(id))
      return states.every(
        ({ watermarks, digest }) =>
          watermarks.executed === states[0]?.watermarks.chosen && digest === states[0].digest,
      )
    })
    const failed = this.#members.find((id) => world.server(id).fatal !== undefined)
    if (failed !== undefined)
      throw new Violation(
        'unexpected-failure',
        `s${failed} gave up: ${world.server(failed).fatal?.message ?? ''}`,
      )
  }

  #running(): ServerId {
    const running = this.#world.running.filter((id) => this.#members.includes(id))
    return this.#chance.pick(running)
  }

  #settled<T>(promise: Promise<T>): Promise<T> {
    return this.#world.settled(promise, PATIENCE_MS)
  }

  async #inTime(otherwise: string, until: () => boolean): Promise<void> {
    try {
      await this.#world.run(until, PATIENCE_MS)
    } catch (error) {
      throw new Violation('no-progress', `${otherwise}\n${this.#world.describe()}`, { cause: error })
    }
  }
}

function byId(a: ServerId, b: ServerId): number {
  return a - b
}
