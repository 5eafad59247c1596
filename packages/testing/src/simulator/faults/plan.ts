import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { Mode } from 'synod/internal/paxos/config.js'
import { type Quorums, majorities } from 'synod/internal/paxos/quorum.js'
import { Chance } from '../../chance.js'
import { drawLease } from '../../draw-lease.js'
import { drawQuorums } from '../../draw-quorums.js'
import type { SnapshotPolicy } from 'synod/internal/replica/snapshots.js'
import { drawClocks } from './draw-clocks.js'
import { type Crowd, drawExtremes } from './draw-extremes.js'
import { drawHostility } from './draw-hostile.js'
import { FAULT_KINDS, type Fault, type FaultKind, ORDERLY_KINDS, WRECKING } from './faults.js'

/** From the first to the second, in milliseconds. */
export type Range = readonly [low: number, high: number]

/**
 * One simulation, said in full: the same plan and the same code give the same run. It is plain
 * data, so it can be kept, and cut down to what matters.
 */
export interface Plan {
  readonly seed: number
  readonly mode: Mode
  readonly servers: number
  /** Majorities unless given. */
  readonly quorums?: Quorums
  /** How far above the chosen watermark slots are proposed in: that of the mode unless given. */
  readonly window?: number
  /**
   * How long leases last; there are none unless given. Then the clocks are no more different than
   * leases bear.
   */
  readonly leaseMs?: number
  /** Clients on hosts of their own. On each server one more is at work, inside its process. */
  readonly clients: number
  /** How long the phase under faults lasts. */
  readonly durationMs: number
  readonly latencyMs: Range
  readonly syncMs: Range
  /** How long a client rests between two operations. */
  readonly restMs: Range
  readonly heartbeatMs: number
  readonly electionTimeoutMs: number
  /** Bytes arrive in pieces of any size. */
  readonly pieces: boolean
  /** How fast the clock of each server runs. */
  readonly rates: readonly number[]
  /** Whether faults begin only when the cluster has formed. */
  readonly formed: boolean
  /**
   * Whether the cluster, once healed, must get on. It need not where too few for a quorum may be
   * sound, nor where servers have less patience than their network and disks take: those depose
   * each other for ever, which makes for rare orders of events.
   */
  readonly live: boolean
  /** Whether all that is sent is read and judged too, which takes its time. */
  readonly overheard: boolean
  /** When replicas take snapshots, and what they keep behind them; never, unless given. */
  readonly snapshots?: Pick<SnapshotPolicy, 'everySlots' | 'keepSlots' | 'chunkBytes'>
  /** How many descriptors the process of each server has: enough, unless given. */
  readonly descriptors?: number
  /**
   * The servers that start with the build and state machine from before; all others have the next
   * ones. Unless given, there is one build, and no command that only a later version knows.
   */
  readonly old?: readonly ServerId[]
  /** More clients on one of the servers. */
  readonly crowd?: Crowd
  /**
   * How many things each client on a host of its own does at once, through one session: 1 unless
   * given.
   */
  readonly atOnce?: number
  /** In order of time. */
  readonly faults: readonly Fault[]
  /** A minority that is down to the end, also when all else is healed. */
  readonly left: readonly ServerId[]
}

export interface PlanOptions {
  readonly mode?: Mode
  /** 3, or now and then 5 or 1, unless given. */
  readonly servers?: number
}

const MOST_FAULTS = 60

/** Faults that a server alone cannot have. */
const BETWEEN_SERVERS: ReadonlySet<FaultKind> = new Set<FaultKind>(['isolation', 'lossy'])

const LATENCIES_MS: readonly Range[] = [
  [0.05, 0.2],
  [0.2, 2],
  [1, 20],
  [0.1, 60],
]

const SYNCS_MS: readonly Range[] = [
  [0, 0],
  [0.1, 1],
  [1, 10],
  [0.1, 50],
]

/**
 * Draws a plan from a seed. Each seed has its own mix: some kinds of faults and not others, often
 * or rarely, a quick network or a slow one. That finds more than the same mix of everything each
 * time (Groce, Zhang, Eide, Chen, Regehr: Swarm Testing, ISSTA 2012).
 */
export function drawPlan(seed: number, options: PlanOptions = {}): Plan {
  const chance = new Chance(seed)
  const { mode = 'leader', servers = drawSize(chance) } = options
  const ids = Array.from({ length: servers }, (_, index) => index + 1)
  const clients = 1 + chance.below(4)
  const durationMs = chance.between(1000, 6000)
  const formed = chance.happens(0.85)
  const reckless = formed && chance.happens(0.02)
  const losable = formed ? drawMinority(ids, chance) : []
  const clocks = drawClocks(seed, ids, durationMs)
  const rotten = reckless ? ids : losable
  const draw = new FaultDraw(chance, { ids, clients, losable, rotten, wrong: clocks.wrong })
  const drawn = draw.all(durationMs)
  const faults = [...drawn, ...drawMistakes(seed, losable, drawn, durationMs)]
  const wrecked = new Set(faults.filter((fault) => WRECKING.has(fault.kind)).map((fault) => serverOf(fault)))
  const spare = Math.floor((servers - 1) / 2) - wrecked.size
  const latencyMs = chance.pick(LATENCIES_MS)
  const syncMs = chance.pick(SYNCS_MS)
  const roundTripMs = 2 * latencyMs[1] + 2 * syncMs[1]
  const nervous = formed && roundTripMs > 4 && chance.happens(0.4)
  const electionTimeoutMs = nervous
    ? 4 + chance.between(0.3, 2) * roundTripMs
    : 20 + chance.pick([4, 8, 20]) * roundTripMs
  const left =
    formed && spare > 0 && chance.happens(0.3) ? ids.filter((id) => !wrecked.has(id)).slice(0, spare) : []
  const quorums = drawQuorums(servers, seed)
  // A server that is lost for good may be one too many when the membership shrinks.
  const isWhole = formed && !reckless && wrecked.size === 0 && left.length === 0 && quorums === undefined
  const changes = isWhole ? drawChanges(seed, ids, durationMs) : []
  const upgrades = isWhole ? drawUpgrades(seed, ids, changes, durationMs) : { faults: [] }
  const hostility = drawHostility(seed, ids, durationMs)
  const extremes = drawExtremes(seed, ids, durationMs)
  const { phase1, phase2 } = quorums ?? majorities(servers)
  const enough = servers - wrecked.size - left.length >= Math.max(phase1, phase2)
  const plan: Plan = {
    seed,
    mode,
    servers,
    ...(quorums === undefined ? {} : { quorums }),
    ...(changes.length === 0 ? {} : { window: drawWindow(seed) }),
    clients,
    durationMs: hostility.durationMs,
    latencyMs,
    syncMs,
    restMs: chance.pick<Range>([
      [0, 5],
      [0, 40],
      [20, 200],
    ]),
    heartbeatMs: Math.max(2, electionTimeoutMs / chance.pick([2, 3, 10])),
    electionTimeoutMs,
    pieces: chance.happens(0.2),
    rates: ids.map(() => (chance.happens(0.5) ? 1 : chance.between(0.8, 1.25))),
    formed,
    live: !reckless && !nervous && enough,
    overheard: chance.happens(0.15),
    ...drawSnapshots(seed),
    ...(hostility.descriptors === undefined ? {} : { descriptors: hostility.descriptors }),
    ...(upgrades.old === undefined ? {} : { old: upgrades.old }),
    ...(extremes.crowd === undefined ? {} : { crowd: extremes.crowd }),
    ...(extremes.atOnce === undefined ? {} : { atOnce: extremes.atOnce }),
    faults: [
      ...faults,
      ...drawOrderly(seed, ids, durationMs),
      ...changes,
      ...upgrades.faults,
      ...hostility.faults,
      ...extremes.faults,
      ...clocks.faults,
      ...drawFullness(seed, durationMs),
    ].sort((a, b) => a.atMs - b.atMs),
    left,
  }
  return { ...plan, ...drawLease(mode, seed, servers, plan) }
}

/**
 * For one seed of four: a server is started on an old copy of its directory, where nothing else
 * befalls that for good.
 */
function drawMistakes(
  seed: number,
  losable: readonly ServerId[],
  drawn: readonly Fault[],
  durationMs: number,
): Fault[] {
  const chance = new Chance(seed ^ 0x6d697374)
  const wrecked = drawn.filter((fault) => WRECKING.has(fault.kind)).map(serverOf)
  const sound = losable.filter((id) => !wrecked.includes(id))
  if (sound.length === 0 || !chance.happens(0.25)) return []
  const atMs = chance.between(0, durationMs / 2)
  return [{ kind: 'old-copy', atMs, forMs: chance.between(0, durationMs / 2), server: chance.pick(sound) }]
}

/** For one seed of three: leaders make room, and replicas are restarted on purpose. */
function drawOrderly(seed: number, ids: readonly ServerId[], durationMs: number): Fault[] {
  const chance = new Chance(seed ^ 0x6f726465)
  if (chance.happens(2 / 3)) return []
  return Array.from({ length: 1 + chance.below(12) }, () => ({
    kind: chance.pick(ORDERLY_KINDS),
    atMs: chance.between(0, durationMs),
    forMs: chance.between(0, 1500),
    server: chance.pick(ids),
  }))
}

/** For one seed of five: the disks of all servers get full, for a while. */
function drawFullness(seed: number, durationMs: number): Fault[] {
  const chance = new Chance(seed ^ 0x66756c6c)
  if (chance.happens(0.8)) return []
  return Array.from({ length: 1 + chance.below(3) }, () => ({
    kind: 'full-disks',
    atMs: chance.between(0, durationMs),
    forMs: chance.between(0, 3000),
    leftBytes: leftOf(chance.next()),
  }))
}

/** Often little, and now and then more than what a server refuses writes at. */
function leftOf(dice: number): number {
  return Math.floor(dice ** 3 * (64 << 10))
}

/**
 * For most seeds in which no server is lost: servers join, and others go, but for one of the first.
 */
function drawChanges(seed: number, ids: readonly ServerId[], durationMs: number): Fault[] {
  const chance = new Chance(seed ^ 0x6d656d62)
  if (chance.happens(0.3)) return []
  const stays = chance.pick(ids)
  const going = ids.filter((id) => id !== stays)
  const goes = (): ServerId => going.splice(chance.below(going.length), 1)[0] ?? 0
  const timesMs = Array.from({ length: 1 + chance.below(5) }, () => chance.between(0, durationMs))
  let next = ids.length + 1
  return timesMs
    .sort((a, b) => a - b)
    .flatMap((atMs): Fault[] => {
      const timed = { atMs, forMs: 0 }
      if (chance.happens(0.6))
        return [{ kind: 'join', ...timed, server: next++, replaces: chance.happens(0.4) ? goes() : 0 }]
      const server = goes()
      return server === 0 ? [] : [{ kind: 'removal', ...timed, server }]
    })
}

/**
 * For most seeds in which no server is lost: some or all servers, and some that join, are upgraded
 * one after the other.
 */
function drawUpgrades(
  seed: number,
  ids: readonly ServerId[],
  changes: readonly Fault[],
  durationMs: number,
): { readonly old?: readonly ServerId[]; readonly faults: readonly Fault[] } {
  const chance = new Chance(seed ^ 0x75706772)
  if (chance.happens(0.4)) return { faults: [] }
  const first = chance.happens(0.8) ? ids : ids.filter(() => chance.happens(0.6))
  const endMs = chance.between(durationMs / 8, durationMs)
  const upgrade = (server: ServerId, fromMs: number, toMs: number): Fault => {
    const atMs = chance.between(fromMs, toMs)
    return { kind: 'upgrade', atMs, forMs: chance.between(0, 300), server }
  }
  // Also after the first ones have been upgraded, servers with the old build try to join.
  const joining = changes.filter(({ kind }) => kind === 'join' && chance.happens(0.5))
  const faults = [
    ...first.map((server) => upgrade(server, 0, endMs)),
    ...joining.map((fault) => upgrade(serverOf(fault), fault.atMs, durationMs)),
  ]
  const old = [...first, ...joining.map(serverOf)]
  // Now and then one is left for the end.
  return { old, faults: chance.happens(0.2) ? faults.slice(1) : faults }
}

/**
 * Small, so that changes of the membership take force soon, and many slots are at the edge of it.
 */
function drawWindow(seed: number): number {
  const chance = new Chance(seed ^ 0x77696e64)
  return 1 + chance.below(chance.pick([4, 40, 400]))
}

/**
 * For two seeds of three: often, with little behind them, so that a server that is away for a
 * moment needs one.
 */
function drawSnapshots(seed: number): Pick<Plan, 'snapshots'> {
  const chance = new Chance(seed ^ 0x736e6170)
  if (chance.happens(1 / 3)) return {}
  const everySlots = 1 + chance.below(60)
  const keepSlots = chance.below(2) * chance.below(20)
  return { snapshots: { everySlots, keepSlots, chunkBytes: 20 + chance.below(500) } }
}

function drawSize(chance: Chance): number {
  const dice = chance.next()
  if (dice < 0.15) return 5
  return dice < 0.96 ? 3 : 1
}

function serverOf(fault: Fault): ServerId {
  return 'server' in fault ? fault.server : 0
}

function drawMinority(ids: readonly ServerId[], chance: Chance): ServerId[] {
  const rest = [...ids]
  const size = Math.floor((ids.length - 1) / 2)
  return Array.from({ length: size }, () => rest.splice(chance.below(rest.length), 1)).flat()
}

interface Targets {
  readonly ids: readonly ServerId[]
  readonly clients: number
  /**
   * The servers whose disks may be lost. Of more than a minority, nothing could tell the rest from
   * a new cluster.
   */
  readonly losable: readonly ServerId[]
  /** The servers on whose disks bits may turn over. */
  readonly rotten: readonly ServerId[]
  /** The servers whose wall clocks may be wrong. */
  readonly wrong: readonly ServerId[]
}

class FaultDraw {
  readonly #chance: Chance
  readonly #targets: Targets
  readonly #kinds: readonly FaultKind[]

  constructor(chance: Chance, targets: Targets) {
    this.#chance = chance
    this.#targets = targets
    const share = chance.between(0.1, 0.8)
    const possible = FAULT_KINDS.filter(
      (kind) =>
        (targets.losable.length > 0 || kind !== 'lost-disk') &&
        (targets.rotten.length > 0 || kind !== 'bit-rot') &&
        (targets.ids.length > 1 || !BETWEEN_SERVERS.has(kind)),
    )
    this.#kinds = possible.filter(() => chance.happens(share))
  }

  all(durationMs: number): Fault[] {
    const chance = this.#chance
    const faults: Fault[] = []
    const gapMs = chance.pick([60, 200, 600])
    for (let atMs = chance.between(0, gapMs); atMs < durationMs; atMs += chance.between(0, 2 * gapMs)) {
      if (this.#kinds.length === 0 || faults.length === MOST_FAULTS) break
      faults.push(this.#one(atMs))
    }
    return faults
  }

  #one(atMs: number): Fault {
    const chance = this.#chance
    const { clients, ids, losable, rotten, wrong } = this.#targets
    const kind = chance.pick(this.#kinds)
    const forMs = chance.between(0, chance.pick([20, 300, 2000]))
    const onServer = { atMs, forMs, server: chance.pick(ids) }
    const to = chance.pick(ids)
    const client = `c${1 + chance.below(clients)}`
    const others = ids.filter((id) => id !== to)
    const other = others.length === 0 ? to : chance.pick(others)
    const onWay = { atMs, forMs, to, from: others.length === 0 || chance.happens(0.2) ? client : other }
    const dice = chance.next()
    switch (kind) {
      case 'power-failure':
        return { kind, ...onServer, silent: dice < 0.4 }
      case 'death-while-writing':
        return { kind, ...onServer, changes: chance.below(12) }
      case 'clock-jump':
        return {
          kind,
          ...onServer,
          server: wrong[onServer.server % wrong.length] ?? onServer.server,
          byMs: chance.between(-1e8, 1e8),
        }
      case 'isolation':
        return { kind, ...onServer, reset: dice < 0.5 }
      case 'slow-disk':
        return { kind, ...onServer, syncMs: chance.between(10, 600) }
      case 'kill':
      case 'pause':
      case 'stuck-disk':
      case 'failed-fsync':
        return { kind, ...onServer }
      case 'full-disk':
        return { kind, ...onServer, leftBytes: leftOf(dice) }
      case 'full-disks':
        return { kind, atMs, forMs, leftBytes: leftOf(dice) }
      case 'bit-rot':
        return { kind, ...onServer, server: chance.pick(rotten), bits: 1 + chance.below(4) }
      case 'lost-disk':
        return { kind, ...onServer, server: chance.pick(losable) }
      case 'cut':
        return { kind, ...onWay, oneWay: dice < 0.4, reset: chance.happens(0.5) }
      case 'flapping':
        return { kind, ...onWay, periodMs: chance.between(5, 200) }
      case 'lossy': {
        const most = chance.between(0, 0.5)
        const [loss, duplication, reordering] = [chance.next(), chance.next(), chance.next()]
        const rates = { loss: most * loss, duplication: most * duplication, reordering: most * reordering }
        return { kind, ...onWay, from: other, ...rates }
      }
      case 'reset':
      case 'garbling':
        return { kind, ...onWay }
      case 'outage':
        return { kind, atMs, forMs }
      case 'client-kill':
        return { kind, atMs, forMs, client: 1 + chance.below(clients) }
      case 'transfer':
      case 'shutdown':
      case 'upgrade':
      case 'removal':
        return { kind, ...onServer }
      case 'clock-run':
        return { kind, ...onServer, rate: chance.between(-2, 4) }
      case 'slow-way':
        return { kind, ...onWay, delayMs: chance.between(0, 100) }
      case 'hostile-clients':
      case 'idle-clients':
        return { kind, ...onServer, clients: 1, seed: chance.seed() }
      case 'old-copy':
        return { kind, ...onServer }
      case 'join':
        return { kind, ...onServer, replaces: 0 }
    }
  }
}
