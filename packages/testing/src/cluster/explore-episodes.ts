import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { Mode } from 'synod/internal/paxos/config.js'
import { InvariantError, checkPrefixes } from 'synod/internal/paxos/invariants.js'
import type { MessageType } from 'synod/internal/paxos/messages.js'
import { Paxos } from 'synod/internal/paxos/paxos.js'
import { Chance } from '../chance.js'
import { drawClockRates } from '../draw-lease.js'
import { drawQuorums } from '../draw-quorums.js'
import { magnitude } from '../magnitude.js'
import { drawPreparedSlots } from '../draw-prepared-slots.js'
import { changeLeaders, chooseAlone, chooseAtOnce } from './calm.js'
import { Cluster } from './cluster.js'
import type { Transit } from './observer.js'
import { settleMembership, drawChange, join, newest } from './explore-membership.js'
import { readUnderLease } from './read-under-lease.js'

const EPISODES = 70
const ELECTION_TIMEOUT_MS = 100

/** The most messages under way: the oldest are lost beyond that. */
const MOST_MESSAGES = 400

/**
 * How many messages of each type are kept of those ever sent, to arrive once more when all is calm.
 */
const MOST_ECHOES = 5

/** How likely a cluster is given the time to come to rest after an episode. */
const RESTS = 0.1

/** Within this time a cluster comes to rest. */
const REST_MS = 20_000

/** A clock that is too fast by this factor is noticed. */
const FAST = 8

const TYPES: readonly MessageType[] = [
  'prepare',
  'promise',
  'accept',
  'accepted',
  'chosen',
  'heartbeat',
  'heartbeat-answer',
  'observe',
  'observed',
  'decided',
  'fetch',
]

/**
 * What can happen in an episode. How often is drawn for each run, from never to most of the time.
 */
const ACTIONS = [
  'deliver',
  'flood',
  'sync',
  'pass',
  'miss',
  'gone',
  'propose',
  'change',
  'read',
  'crash',
  'trim',
  'join',
  'transfer',
  'pause',
  'renew',
  'replace',
] as const

type Action = (typeof ACTIONS)[number]

/** Without these a run shows nothing. */
const ALWAYS: ReadonlySet<Action> = new Set<Action>(['deliver', 'flood', 'sync', 'propose'])

/**
 * One run of the core alone, in episodes: in each, some links are cut, some kinds of messages late,
 * and a few events repeated. Messages under way stay so into later episodes, so that old rounds,
 * campaigns and changes overlap. Each run draws its own mix. Throws what was violated.
 */
export function exploreEpisodes(mode: Mode, seed: number): void {
  const run = new Run(mode, seed)
  for (let episode = 0; episode < EPISODES; episode++) run.episode()
  run.end()
}

class Run {
  readonly #chance: Chance
  readonly #cluster: Cluster
  readonly #mode: Mode
  readonly #changes: boolean
  readonly #leases: boolean
  readonly #weights: readonly (readonly [Action, number])[]
  /**
   * How long an episode is, how much time passes at once, and how many messages come through at
   * once, about.
   */
  readonly #events: number
  readonly #passMs: number
  readonly #batch: number
  /** How likely the next message is the oldest, and how likely the youngest. */
  readonly #order: readonly [oldest: number, youngest: number]
  readonly #echoes = new Map<MessageType, Transit[]>()
  /** Servers that were asked to vote. */
  readonly #promoted = new Set<ServerId>()
  #late: ReadonlySet<MessageType> = new Set()
  #proposed = 0

  constructor(mode: Mode, seed: number) {
    const chance = new Chance(seed ^ 0x65706973)
    this.#chance = chance
    this.#mode = mode
    this.#changes = chance.happens(0.5)
    this.#leases = mode === 'leader' && chance.happens(0.5)
    const servers = this.#changes ? 7 : chance.pick([1, 2, 3, 3, 4, 5])
    const founders = this.#changes ? 1 + chance.below(4) : servers
    this.#cluster = new Cluster({
      mode,
      seed,
      servers,
      founders,
      quorums: this.#changes ? undefined : drawQuorums(servers, seed),
      config: {
        electionTimeoutMs: ELECTION_TIMEOUT_MS,
        heartbeatMs: magnitude(chance, 5, 50),
        leaseMs: this.#leases ? Math.round(magnitude(chance, 40, 1000)) : 0,
        resendMs: magnitude(chance, 10, 500),
        preparedSlots: drawPreparedSlots(seed),
        window: Math.round(magnitude(chance, 1, this.#changes ? 12 : 40)),
      },
    })
    const rates = drawClockRates(chance, servers)
    for (const id of this.#cluster.ids)
      this.#cluster.server(id).rate = this.#leases ? (rates[id - 1] ?? 1) : 1
    this.#weights = ACTIONS.filter((action) => ALWAYS.has(action) || chance.happens(0.6)).map(
      (action) => [action, magnitude(chance, 0.02, 1)] as const,
    )
    this.#events = magnitude(chance, 3, 60)
    this.#passMs = magnitude(chance, 1, 300)
    this.#batch = magnitude(chance, 1, 12)
    this.#order = [chance.next(), chance.next()]
    this.#cluster.observe({
      sent: (transit) => {
        const { type } = transit.message
        // What clients want once more is chosen once more.
        if (type === 'forward') return
        const echoes = this.#echoes.get(type) ?? []
        if (echoes.length < MOST_ECHOES) this.#echoes.set(type, [...echoes, transit])
        else if (chance.happens(0.05)) echoes[chance.below(MOST_ECHOES)] = transit
      },
    })
  }

  episode(): void {
    const chance = this.#chance
    const cluster = this.#cluster
    this.#partition()
    this.#late = new Set(chance.happens(0.5) ? TYPES.filter(() => chance.happens(0.25)) : [])
    if (chance.happens(0.3)) cluster.missLeader(this.#pick())
    for (let event = 1 + chance.below(2 * this.#events); event > 0; event--) {
      this.#act(this.#draw())
      if (this.#leases) readUnderLease(cluster)
    }
    for (const id of cluster.ids) {
      const server = cluster.server(id)
      if (!server.up && chance.happens(0.6)) cluster.restart(id)
      if (server.paused && chance.happens(0.6)) cluster.resume(id)
    }
    if (chance.happens(RESTS)) this.#rest()
    // What was late comes late, or never.
    if (chance.happens(0.3)) cluster.network.drop(cluster.network.transits.filter(() => chance.happens(0.5)))
    if (cluster.network.transits.length > MOST_MESSAGES)
      cluster.network.drop(cluster.network.transits.slice(0, -MOST_MESSAGES))
  }

  /** A server, most likely one that is a member. */
  #pick(): ServerId {
    const { ids } = this.#cluster
    const { servers } = newest(this.#cluster)
    return this.#chance.pick(servers.length > 0 && this.#chance.happens(0.9) ? servers : ids)
  }

  /** Who hears whom. */
  #partition(): void {
    const chance = this.#chance
    const cluster = this.#cluster
    cluster.network.heal()
    const kind = chance.next()
    if (kind < 0.3) return
    const side = new Set(cluster.ids.filter(() => chance.happens(0.5)))
    const one = chance.pick(cluster.ids)
    for (const from of cluster.ids)
      for (const to of cluster.ids) {
        const apart = side.has(from) !== side.has(to)
        const cut =
          kind < 0.55
            ? apart
            : kind < 0.7
              ? apart && side.has(from)
              : kind < 0.8
                ? from === one
                : kind < 0.9
                  ? from === one || to === one
                  : chance.happens(0.3)
        if (cut) cluster.network.cut.add(`${from}>${to}`)
      }
  }

  #draw(): Action {
    const total = this.#weights.reduce((sum, [, weight]) => sum + weight, 0)
    let dice = this.#chance.next() * total
    for (const [action, weight] of this.#weights) if ((dice -= weight) < 0) return action
    return 'deliver'
  }

  #act(action: Action): void {
    const chance = this.#chance
    const cluster = this.#cluster
    const id = this.#pick()
    const server = cluster.server(id)
    switch (action) {
      case 'deliver':
        for (let count = 1 + chance.below(this.#batch); count > 0; count--)
          this.#deliver(chance.happens(0.05))
        break
      case 'flood':
        for (let count = chance.below(60); count > 0 && this.#deliver(false); count--)
          if (chance.happens(0.5)) cluster.syncDisks()
        break
      case 'sync':
        if (chance.happens(0.3)) cluster.syncDisks()
        else cluster.sync(id, chance.happens(0.5) ? 1 + chance.below(3) : Infinity)
        break
      case 'pass':
        cluster.nowMs += chance.next() * this.#passMs
        cluster.tickDue()
        break
      case 'miss':
        cluster.missLeader(id)
        break
      case 'gone':
        for (const peer of cluster.others(id))
          if (chance.happens(0.3)) cluster.step(id, { type: 'peer-gone', peer })
        break
      case 'propose': {
        const leaders = cluster.ids.filter((other) => cluster.paxos(other).role === 'leader')
        const by = leaders.length > 0 && chance.happens(0.7) ? chance.pick(leaders) : id
        const count = 1 + chance.below(this.#batch)
        cluster.propose(by, ...Array.from({ length: count }, () => `r${++this.#proposed}`))
        break
      }
      case 'change':
        if (this.#changes) this.#propose(id, this.#change())
        break
      case 'read':
        cluster.read(id)
        break
      case 'crash':
        if (!server.up) cluster.restart(id)
        else if (chance.happens(0.3)) cluster.kill(id)
        else cluster.crash(id)
        break
      case 'trim':
        if (server.isRunning)
          cluster.trim(id, server.executed.length - Math.floor(chance.next() ** 3 * server.executed.length))
        break
      case 'join':
        if (this.#changes) join(cluster, chance)
        break
      case 'transfer':
        cluster.step(id, { type: 'transfer', to: chance.happens(0.3) ? 0 : chance.pick(cluster.ids) })
        break
      case 'pause':
        if (server.paused) cluster.resume(id)
        else if (server.up) cluster.pause(id)
        break
      case 'renew':
        if (server.isRunning) server.paxos = Paxos.load(server.config, server.paxos.save())
        break
      case 'replace':
        this.#replace(id)
        break
    }
  }

  #propose(id: ServerId, change: string): void {
    const [, server] = /^promote s(\d+)/.exec(change) ?? []
    this.#promoted.add(Number(server))
    this.#cluster.propose(id, change)
  }

  /** Of a server that does not vote yet the disk may be lost: it begins anew. */
  #replace(id: ServerId): void {
    const cluster = this.#cluster
    const { members } = newest(cluster).state
    const isNew = members.some(({ role, server }) => server === id && role !== 'voter')
    if (!isNew || this.#promoted.has(id)) return
    cluster.loseDisk(id)
    cluster.restart(id)
  }

  /** Delivers one message that can arrive. Returns whether there was one. */
  #deliver(duplicate: boolean): boolean {
    const chance = this.#chance
    const cluster = this.#cluster
    const [oldest, youngest] = this.#order
    const fits = ({ from, message, to }: Transit) =>
      !cluster.network.isCut(from, to) && !this.#late.has(message.type) && !cluster.server(to).paused
    const { network } = cluster
    let index = -1
    if (chance.happens(oldest)) index = network.transits.findIndex(fits)
    else if (chance.happens(youngest)) index = network.transits.findLastIndex(fits)
    else {
      const all = network.transits.filter(fits)
      if (all.length > 0) index = network.transits.indexOf(chance.pick(all))
    }
    if (index < 0) return false
    cluster.deliver(index, duplicate)
    return true
  }

  /** A change that makes sense to the server that knows most; now and then any. */
  #change(): string {
    const chance = this.#chance
    const membership = newest(this.#cluster)
    if (chance.happens(0.15) || !membership.isKnown) return drawChange(chance)
    const { highest, members } = membership.state
    const joining = members.filter(({ role }) => role === 'joining')
    const voters = members.filter(({ role }) => role === 'voter')
    if (joining.length > 0 && chance.happens(0.7)) return `promote s${chance.pick(joining).server}`
    if (voters.length > 1 && chance.happens(0.3)) return `remove s${chance.pick(voters).server}`
    const replaces = chance.happens(0.6) && voters.length > 0 ? ` for s${chance.pick(voters).server}` : ''
    return highest < this.#cluster.ids.length ? `add s${highest + 1}${replaces}` : drawChange(chance)
  }

  #heal(): void {
    const cluster = this.#cluster
    cluster.network.heal()
    for (const id of cluster.ids) {
      if (cluster.server(id).paused) cluster.resume(id)
      if (!cluster.server(id).up) cluster.restart(id)
    }
  }

  /** Where nothing goes wrong for a while, a server leads, and no slot with a vote stays open. */
  #rest(): void {
    const cluster = this.#cluster
    this.#heal()
    cluster.run(() => {
      const { state, voters: ids } = newest(cluster)
      const source = cluster.ids.find((id) => cluster.paxos(id).membership.state.slot === state.slot) ?? 0
      for (const id of ids) if (!cluster.server(id).hasJoined) cluster.join(id, source)
      const voted = Math.max(...ids.map((id) => cluster.paxos(id).status().voted))
      // Without a leader each server fills the holes that it sees.
      if (this.#mode === 'leaderless') return ids.every((id) => cluster.paxos(id).chosen >= voted)
      const leader = ids.find((id) => cluster.paxos(id).role === 'leader')
      return leader !== undefined && cluster.paxos(leader).chosen >= voted
    }, REST_MS)
  }

  /**
   * Nothing goes wrong any more: what is left must choose what is proposed, and what is late must
   * not matter.
   */
  end(): void {
    const cluster = this.#cluster
    this.#heal()
    if (this.#changes) settleMembership(cluster)
    const { voters } = newest(cluster).current
    const last = () => (this.#mode === 'leader' ? cluster.elect() : this.#chance.pick(voters))
    if (this.#mode === 'leader') {
      chooseAlone(cluster, last(), 'after all')
      this.#echo()
      if (voters.length >= 3) changeLeaders(cluster)
    }
    chooseAtOnce(cluster)
    chooseAlone(cluster, last(), 'the last')
    for (const a of cluster.ids)
      for (const b of cluster.ids) checkPrefixes(cluster.prefix(a), cluster.prefix(b))
    if (this.#leases && voters.length === 3) distrustFastClock(cluster)
  }

  /** What was sent long ago arrives once more, and deposes no leader. */
  #echo(): void {
    const cluster = this.#cluster
    const leader = cluster.elect()
    cluster.wait(4 * ELECTION_TIMEOUT_MS)
    const { ballot } = cluster.paxos(leader)
    for (const transit of [...this.#echoes.values()].flat()) {
      if (!cluster.ids.includes(transit.from) || !cluster.ids.includes(transit.to)) continue
      cluster.deliver(cluster.network.transits.push(transit) - 1)
      cluster.settle()
      const after = cluster.paxos(leader)
      if (after.ballot.seq !== ballot.seq || after.role !== 'leader')
        throw new InvariantError(
          `an old ${transit.message.type} from s${transit.from} to s${transit.to} deposed s${leader}`,
        )
    }
  }
}

/**
 * A leader that has seen that a clock is too fast answers nothing alone on the word of that server.
 */
function distrustFastClock(cluster: Cluster): void {
  const leader = cluster.elect()
  const [fast = 0, ...others] = cluster.others(leader)
  cluster.server(fast).rate *= FAST
  for (const other of others) cluster.network.isolate(other)
  const endMs = cluster.nowMs + FAST * cluster.server(leader).config.leaseMs
  while (cluster.nowMs < endMs && cluster.paxos(leader).role === 'leader') {
    cluster.advance()
    cluster.settle()
    if (cluster.paxos(leader).fastClocks.includes(fast)) readUnderLease(cluster)
  }
}
