import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { Mode } from 'synod/internal/paxos/config.js'
import { type Quorums, majorities } from 'synod/internal/paxos/quorum.js'
import { Chance } from '../../chance.js'
import { drawLease } from '../../draw-lease.js'
import { drawQuorums } from '../../draw-quorums.js'
import type { SnapshotPolicy } from 'synod/internal/replica/snapshots.js'
import { drawWallClocks } from './draw-clocks.js'
import { type ExtraClients, drawExtremes } from './draw-extremes.js'
import { FaultDraw } from './draw-faults.js'
import { drawFullness } from './draw-fullness.js'
import { drawHostility } from './draw-hostile.js'
import { drawChanges, drawUpgrades, drawWindow } from './draw-membership.js'
import { type Fault, ORDERLY_KINDS, DATA_LOSS_KINDS, faultedServer } from './faults.js'

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
  readonly crowd?: ExtraClients
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
  const clocks = drawWallClocks(seed, ids, durationMs)
  const rotten = reckless ? ids : losable
  const draw = new FaultDraw(chance, { ids, clients, losable, rotten, wrong: clocks.wrong })
  const drawn = draw.all(durationMs)
  const faults = [...drawn, ...drawMistakes(seed, losable, drawn, durationMs)]
  const wrecked = new Set(
    faults.filter((fault) => DATA_LOSS_KINDS.has(fault.kind)).map((fault) => faultedServer(fault)),
  )
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
  const wrecked = drawn.filter((fault) => DATA_LOSS_KINDS.has(fault.kind)).map(faultedServer)
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

function drawMinority(ids: readonly ServerId[], chance: Chance): ServerId[] {
  const rest = [...ids]
  const size = Math.floor((ids.length - 1) / 2)
  return Array.from({ length: size }, () => rest.splice(chance.below(rest.length), 1)).flat()
}
